/* io/http/http.c and kept connections that are not what they seem. */
#include "http_case.h"
#include "raw_server.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* The server may drop a kept connection at any time: at rest, with an end or a reset just
 * as the request comes. Once, that does not count; on a fresh connection it does. */
static void test_stale(void **state)
{
    static const struct raw_play rested[] = { { ok, RAW_CLOSE, 0 }, { ok, RAW_KEEP, 0 } };
    static const struct raw_play ended[] = { { ok, RAW_KEEP, 0 },
                                             { "", RAW_CLOSE, 0 },
                                             { ok, RAW_KEEP, 0 } };
    static const struct raw_play reset[] = { { ok, RAW_KEEP, 0 },
                                             { "", RAW_RESET, 0 },
                                             { ok, RAW_KEEP, 0 } };
    static const struct raw_play twice[] = { { ok, RAW_KEEP, 0 },
                                             { "", RAW_RESET, 0 },
                                             { "", RAW_RESET, 0 },
                                             { ok, RAW_KEEP, 0 } };
    static const struct raw_play begun[] = { { ok, RAW_KEEP, 0 },
                                             { "HTTP/1.1 200 OK\r\n", RAW_RESET, 0 },
                                             { ok, RAW_KEEP, 0 } };
    static const struct {
        const struct raw_play *plays;
        size_t count;
        enum net_fault fault; /* of the second request */
        unsigned requests;
    } rows[] = {
        { rested, countof(rested), NET_OK, 2 }, { ended, countof(ended), NET_OK, 3 },
        { reset, countof(reset), NET_OK, 3 },   { twice, countof(twice), NET_CUT, 3 },
        { begun, countof(begun), NET_CUT, 2 },
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct raw_server server = { .plays = rows[i].plays, .count = rows[i].count };
        struct http_request request = { .body_limit = 9 };
        struct http_response response;

        assert_true(raw_start(&server));
        request.url = server.url;
        get(*state, &request, &response);
        assert_string_equal(response.body, "ok");
        http_response_release(&response);
        get(*state, &request, &response);
        assert_int_equal(response.outcome.fault, rows[i].fault);
        http_response_release(&response);
        raw_stop(&server);
        assert_int_equal(server.requests, rows[i].requests);
    }
}

/* What lies behind a body on the same connection is not the next reply. */
static void test_smuggled(void **state)
{
    static const struct raw_play plays[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"
          "Content-Length: 4\r\n\r\nevil",
          RAW_KEEP, 0 },
        { ok, RAW_KEEP, 0 },
    };
    struct raw_server server = { .plays = plays, .count = 2 };
    struct http_request request = { .body_limit = 9 };
    struct http_response response;

    assert_true(raw_start(&server));
    request.url = server.url;
    for (int i = 0; i < 2; i++) {
        get(*state, &request, &response);
        assert_string_equal(response.body, "ok");
        http_response_release(&response);
    }
    raw_stop(&server);
}

/* A server with many connections at a time: it answers the first request on each once all
 * have come, resets each at its second, and serves whoever comes later. */
struct herd {
    int listener;
    unsigned resets;
    pthread_t thread;
};

enum { HERD = 14 }; /* libcurl by itself tries six kept connections, then gives up */

static void read_request(int fd)
{
    char text[2048] = "";
    size_t have = 0;

    while (have + 1 < sizeof(text) && !strstr(text, "\r\n\r\n")) {
        ssize_t n = recv(fd, text + have, sizeof(text) - 1 - have, 0);

        if (n <= 0)
            return;
        have += (size_t)n;
        text[have] = '\0';
    }
}

static void *herd_run(void *arg)
{
    static const struct linger now = { .l_onoff = 1, .l_linger = 0 };
    struct herd *herd = arg;
    struct pollfd fds[HERD + 1] = { { .fd = herd->listener, .events = POLLIN } };
    int last = -1;

    for (int i = 1; i <= HERD; i++) {
        fds[i] =
            (struct pollfd){ .fd = accept(herd->listener, NULL, NULL), .events = POLLIN };
        read_request(fds[i].fd);
    }
    for (int i = 1; i <= HERD; i++)
        raw_send(fds[i].fd, ok, sizeof(ok) - 1);
    while (last < 0 && poll(fds, HERD + 1, -1) > 0) {
        if (fds[0].revents)
            last = accept(herd->listener, NULL, NULL);
        for (int i = 1; i <= HERD; i++) {
            if (fds[i].fd < 0 || !fds[i].revents)
                continue;
            read_request(fds[i].fd);
            setsockopt(fds[i].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
            close(fds[i].fd);
            fds[i].fd = -1; /* poll passes over it */
            herd->resets++;
        }
    }
    read_request(last);
    raw_send(last, ok, sizeof(ok) - 1);
    for (int i = 1; i <= HERD; i++)
        if (fds[i].fd >= 0)
            close(fds[i].fd);
    close(last);
    return NULL;
}

/* After a long pause all kept connections may be dead, and one after the
 * other says so. */
static void test_all_stale(void **state)
{
    struct raw_server address = { .count = 0 };
    struct herd herd = { 0 };
    struct http_request request = { .body_limit = 9 };
    struct http_response response;
    struct http *http = create(HERD, NULL, 30);

    (void)state;
    assert_true(raw_listen(&address));
    herd.listener = address.listener;
    assert_int_equal(pthread_create(&herd.thread, NULL, herd_run, &herd), 0);
    request.url = address.url;
    for (int i = 0; i < HERD; i++)
        start(http, &request);
    while (http_running(http) > 0) {
        step(http);
        while (http_next(http, &response)) {
            assert_string_equal(response.body, "ok");
            http_response_release(&response);
        }
    }
    get(http, &request, &response);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_string_equal(response.body, "ok");
    http_response_release(&response);
    pthread_join(herd.thread, NULL);
    assert_true(herd.resets >= 6 && herd.resets < 12);
    close(herd.listener);
    http_destroy(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_all_stale),
        cmocka_unit_test(test_smuggled),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
