/* io/http/http.c over time: a queue, pauses, cancels, proxies. */
#include "http_case.h"
#include "raw_server.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* A sink that can be told to pause, and that remembers what it took. */
struct basin {
    struct strbuf body;
    unsigned calls;
    bool closed;
    struct http *http;
    struct http_transfer *cancel; /* in the next call */
};

static int fill(void *owner, const void *bytes, size_t len)
{
    struct basin *basin = owner;

    basin->calls++;
    if (basin->cancel) {
        http_cancel(basin->http, basin->cancel);
        return 0;
    }
    if (basin->closed)
        return HTTP_PAUSE;
    strbuf_add(&basin->body, bytes, len);
    return 0;
}

/* The body never comes, and that is fine. */
static void test_probe(void **state)
{
    static const struct raw_play plays[] = {
        { "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-99999/100000\r\n"
          "Content-Length: 100000\r\n\r\nx",
          RAW_KEEP, 0 },
        { "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-0/100000\r\nContent-Length: "
          "1\r\n\r\nx",
          RAW_KEEP, 0 },
        { "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-0/7\r\nContent-Length: 1\r\n\r\nx",
          RAW_KEEP, 0 },
    };
    struct raw_server server = { .plays = plays, .count = countof(plays) };
    struct basin basin = { 0 };
    struct http_request request = { .ranged = true,
                                    .probe = true,
                                    .sink = fill,
                                    .owner = &basin,
                                    .want = { .range = { 0, 1 } } };
    struct http_response response;

    assert_true(raw_start(&server));
    request.url = server.url;
    for (size_t i = 0; i < countof(plays); i++) {
        get(*state, &request, &response);
        assert_int_equal(response.outcome.fault, NET_OK);
        assert_int_equal(response.outcome.status, 206);
        assert_string_equal(strrchr(response.reply.content_range, '/'),
                            i < 2 ? "/100000" : "/7");
        http_response_release(&response);
    }
    raw_stop(&server);
    assert_int_equal(basin.calls, 0);
    assert_int_equal(server.connections,
                     2); /* a short body is cheaper than a connection */
}

static void test_pause(void **state)
{
    static const struct raw_play bytes = { ok, RAW_CLOSE, 0 };
    struct raw_server server = { .plays = &bytes, .count = 1 };
    struct basin basin = { .closed = true };
    struct http_request request = { .sink = fill, .owner = &basin };
    struct http_response response;
    struct http_transfer *transfer;

    assert_true(raw_start(&server));
    request.url = server.url;
    transfer = start(*state, &request);
    while (basin.calls == 0)
        step(*state);
    step(*state);
    assert_int_equal(basin.calls, 1); /* asked once, then left alone */
    http_resume(*state, transfer);
    step(*state);
    assert_int_equal(basin.calls, 2);
    assert_false(http_next(*state, &response));
    basin.closed = false;
    http_resume(*state, transfer);
    http_resume(*state, transfer);
    while (!http_next(*state, &response))
        step(*state);
    assert_int_equal(basin.calls, 3);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_string_equal(basin.body.data, "ok");
    assert_ptr_equal(response.owner, &basin);
    http_response_release(&response);
    raw_stop(&server);
    strbuf_release(&basin.body);
}

/* A sink that looks at the connection under its transfer, and may give it up. */
struct customer {
    struct http_transfer *transfer;
    unsigned port;
    bool leaves;
};

static int look(void *owner, const void *bytes, size_t len)
{
    struct customer *customer = owner;

    (void)bytes;
    (void)len;
    customer->port = http_port(customer->transfer);
    if (customer->leaves)
        http_retire(customer->transfer);
    return 0;
}

/* A retired connection brings the rest of its reply, and no other. */
static void test_retire(void **state)
{
    static const struct raw_play plays[] = {
        { ok, RAW_KEEP, 0 }, { ok, RAW_KEEP, 0 }, { ok, RAW_KEEP, 0 }, { ok, RAW_KEEP, 0 }
    };
    struct raw_server server = { .plays = plays, .count = countof(plays) };
    struct customer customers[4] = { [1] = { .leaves = true } };

    assert_true(raw_start(&server));
    for (size_t i = 0; i < countof(customers); i++) {
        struct http_request request = { .url = server.url,
                                        .sink = look,
                                        .owner = &customers[i] };
        struct http_response response;

        customers[i].transfer = start(*state, &request);
        assert_int_equal(http_port(customers[i].transfer), 0);
        while (!http_next(*state, &response))
            step(*state);
        assert_int_equal(response.outcome.fault, NET_OK);
        assert_int_equal(response.bytes, 2);
        assert_true(customers[i].port > 0);
        http_response_release(&response);
    }
    raw_stop(&server);
    assert_int_equal(server.connections, 2);
    assert_int_equal(customers[0].port, customers[1].port);
    assert_int_not_equal(customers[1].port, customers[2].port);
    assert_int_equal(customers[2].port, customers[3].port);
}

static int refuse_second(void *owner, const void *bytes, size_t len)
{
    unsigned *calls = owner;

    (void)bytes;
    (void)len;
    return ++*calls == 1 ? HTTP_PAUSE : -1;
}

/* The server says no more, so nothing from outside wakes a transfer that failed. */
static void test_fail_after_pause(void **state)
{
    static const struct raw_play bytes = {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", RAW_KEEP, 0
    };
    struct raw_server server = { .plays = &bytes, .count = 1 };
    unsigned calls = 0;
    struct http_request request = { .sink = refuse_second, .owner = &calls };
    struct http_response response;
    struct http_transfer *transfer;

    assert_true(raw_start(&server));
    request.url = server.url;
    transfer = start(*state, &request);
    while (calls == 0)
        step(*state);
    http_resume(*state, transfer);
    step(*state);
    assert_true(http_next(*state, &response));
    assert_int_equal(response.outcome.fault, NET_LOCAL);
    http_response_release(&response);
    raw_stop(&server);
}

static void test_cancel(void **state)
{
    static const struct raw_play bytes[] = { { ok, RAW_KEEP, 0 }, { ok, RAW_KEEP, 0 } };
    struct raw_server server = { .plays = bytes, .count = 2 };
    struct basin basin = { .closed = true, .http = *state };
    struct http_request request = { .sink = fill, .owner = &basin };
    struct http_response response;
    struct http_transfer *transfer;

    assert_true(raw_start(&server));
    request.url = server.url;
    http_cancel(*state, start(*state, &request)); /* before it began */
    transfer = start(*state, &request);
    while (basin.calls == 0)
        step(*state);
    http_resume(*state, transfer);
    http_cancel(*state, transfer); /* while paused, and to be asked again */
    assert_int_equal(http_running(*state), 0);
    step(*state);
    assert_int_equal(basin.calls, 1);
    basin.cancel = start(*state, &request); /* from inside its own sink */
    while (basin.calls == 1)
        step(*state);
    assert_int_equal(http_running(*state), 0);
    assert_false(http_next(*state, &response));
    basin.cancel = NULL;
    transfer = start(*state, &request); /* once it has ended */
    while (!server.requests || http_running(*state) == 0)
        step(*state);
    http_cancel(*state, transfer);
    assert_false(http_next(*state, &response));
    raw_stop(&server);
    strbuf_release(&basin.body);
}

/* More requests than connections: the rest waits inside, and all come back. */
static void test_queue(void **state)
{
    struct raw_play bytes[5];
    struct raw_server server = { .plays = bytes, .count = countof(bytes) };
    struct http_request request = { .body_limit = 9 };
    struct http *http = create(1, NULL, 30);
    unsigned seen = 0;

    (void)state;
    for (size_t i = 0; i < countof(bytes); i++)
        bytes[i] = (struct raw_play){ ok, RAW_KEEP, 0 };
    assert_true(raw_start(&server));
    request.url = server.url;
    for (uintptr_t i = 0; i < countof(bytes); i++) {
        request.owner = (void *)(i + 1);
        start(http, &request);
    }
    assert_int_equal(http_running(http), countof(bytes));
    while (http_running(http) > 0) {
        struct http_response response;

        step(http);
        while (http_next(http, &response)) {
            assert_string_equal(response.body, "ok");
            seen |= 1u << (uintptr_t)response.owner;
            http_response_release(&response);
        }
    }
    assert_int_equal(seen, 0x3e);
    http_destroy(http);
    raw_stop(&server);
    assert_int_equal(server.connections, 1);
}

static int count_to_three(void *arg)
{
    return ++*(int *)arg < 3 ? 0 : -1;
}

static void test_interrupt(void **state)
{
    struct raw_play silence = { "", RAW_KEEP, 0 };
    struct raw_server server = { .plays = &silence, .count = 1 };
    struct http_request request = { .body_limit = 9 };
    struct http_response response;
    struct err err = { 0 };
    int polls = 0;

    assert_true(raw_start(&server));
    request.url = server.url;
    assert_int_equal(http_get(*state, &request, &response, count_to_three, &polls, &err),
                     -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_int_equal(http_running(*state), 0);
    raw_stop(&server);
}

static void *wake(void *http)
{
    http_wake(http);
    return NULL;
}

/* Without the wake this would last as long as the test's time limit: each time, also after
 * several that came at once. */
static void test_wake(void **state)
{
    pthread_t thread;
    struct err err = { 0 };
    bool moved = true;

    for (int i = 0; i < 3; i++) {
        http_wake(*state);
        http_wake(*state);
        assert_int_equal(http_wait(*state, 900, &moved, &err), 0);
        assert_false(moved);
        assert_int_equal(pthread_create(&thread, NULL, wake, *state), 0);
        assert_int_equal(http_wait(*state, 900, &moved, &err), 0);
        assert_false(moved);
        pthread_join(thread, NULL);
    }
}

/* libcurl reads http_proxy only; HTTP_PROXY counts where that is not set. */
static void test_proxy(void **state)
{
    static const struct raw_play bytes = { ok, RAW_KEEP, 0 };
    struct raw_server server = { .plays = &bytes, .count = 1 };
    const struct http_request request = { .url = "http://far.invalid/x",
                                          .body_limit = 9 };
    struct http_response response;
    struct http *http;

    (void)state;
    assert_true(raw_start(&server));
    setenv("HTTP_PROXY", server.url, 1);
    http = create(1, NULL, 30);
    get(http, &request, &response);
    http_destroy(http);
    http_response_release(&response);
    raw_stop(&server);
    assert_memory_equal(server.request[0], "GET http://far.invalid/x HTTP/1.1\r\n", 35);

    setenv("http_proxy", "", 1); /* an answer as well: none */
    http = create(1, NULL, 30);
    get(http, &request, &response);
    assert_int_equal(response.outcome.fault, NET_RESOLVE);
    http_response_release(&response);
    http_destroy(http);
    forget_proxies();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),     cmocka_unit_test(test_retire),
        cmocka_unit_test(test_pause),     cmocka_unit_test(test_fail_after_pause),
        cmocka_unit_test(test_cancel),    cmocka_unit_test(test_queue),
        cmocka_unit_test(test_interrupt), cmocka_unit_test(test_wake),
        cmocka_unit_test(test_proxy),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
