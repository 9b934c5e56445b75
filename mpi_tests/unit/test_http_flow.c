/* io/http.c over time: redirects, kept connections, pauses, cancels, proxies, TLS. */
#include "io/http.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/text.h"
#include "raw_server.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void forget_proxies(void)
{
    static const char *const names[] = { "http_proxy",  "HTTP_PROXY", "https_proxy",
                                         "HTTPS_PROXY", "all_proxy",  "ALL_PROXY",
                                         "no_proxy",    "NO_PROXY" };

    for (size_t i = 0; i < countof(names); i++)
        unsetenv(names[i]);
}

static struct http *create(unsigned connections, const char *cacert)
{
    const struct http_config config = {
        .connections = connections,
        .cacert = cacert,
        .connect_timeout = 10,
        .low_speed = 1,
        .low_speed_time = 20,
    };
    struct err err = { 0 };
    struct http *http;

    assert_int_equal(http_create(&http, &config, &err), 0);
    return http;
}

static int setup(void **state)
{
    forget_proxies();
    *state = create(2, NULL);
    return 0;
}

static int teardown(void **state)
{
    http_destroy(*state);
    return 0;
}

static void get(struct http *http, const struct http_request *request,
                struct http_response *response)
{
    struct err err = { 0 };

    assert_int_equal(http_get(http, request, response, NULL, NULL, &err), 0);
    assert_int_equal(http_running(http), 0);
}

static struct http_transfer *start(struct http *http, const struct http_request *request)
{
    struct http_transfer *transfer;
    struct err err = { 0 };

    assert_int_equal(http_start(http, request, &transfer, &err), 0);
    return transfer;
}

static void step(struct http *http)
{
    struct err err = { 0 };
    bool moved;

    assert_int_equal(http_wait(http, 0.05, &moved, &err), 0);
}

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

static const char *const mine[] = { "X-Mine: 1", NULL };

static void test_redirect_relative(void **state)
{
    static const struct raw_play plays[] = {
        { "HTTP/1.1 307 Moved\r\nLocation: ../b?etag=%22x%22\r\nX-Error-Code: no\r\n"
          "ETag: \"of the redirect\"\r\nContent-Length: 5\r\n\r\nmoved",
          RAW_KEEP, 0 },
        { ok, RAW_KEEP, 0 },
    };
    struct raw_server server = { .plays = plays, .count = countof(plays) };
    struct http_request request = { .bearer = "t", .headers = mine, .body_limit = 9 };
    struct http_response response;
    char url[128], last[128];

    assert_true(raw_start(&server));
    snprintf(url, sizeof(url), "%s/d/a", server.url);
    snprintf(last, sizeof(last), "%s/b?etag=%%22x%%22", server.url);
    request.url = url;
    get(*state, &request, &response);
    raw_stop(&server);
    assert_int_equal(response.outcome.status, 200);
    assert_int_equal(response.hops, 1);
    assert_string_equal(response.body, "ok");
    assert_string_equal(response.url, last);
    assert_false(response.foreign);
    assert_null(response.error_code);
    assert_string_equal(response.reply.etag, "");
    assert_int_equal(server.connections, 1); /* kept */
    assert_non_null(strstr(server.request[1], "Authorization: Bearer t\r\n"));
    assert_non_null(strstr(server.request[1], "X-Mine: 1\r\n"));
    http_response_release(&response);
}

/* The same host on another port is another origin: no token goes there, and it comes back
 * into use when a redirect leads home. */
static void test_redirect_foreign(void **state)
{
    char away[160], home[160];
    struct raw_play first[] = { { away, RAW_KEEP, 0 }, { ok, RAW_KEEP, 0 } };
    struct raw_play second[] = { { home, RAW_KEEP, 0 } };
    struct raw_server one = { .plays = first, .count = 2 };
    struct raw_server two = { .plays = second, .count = 1 };
    struct http_request request = { .bearer = "t", .headers = mine, .body_limit = 9 };
    struct http_response response;

    assert_true(raw_start(&one) && raw_start(&two));
    snprintf(away, sizeof(away),
             "HTTP/1.1 302 Found\r\nLocation: %s/x?sig=1\r\nContent-Length: 0\r\n\r\n",
             two.url);
    snprintf(home, sizeof(home),
             "HTTP/1.1 302 Found\r\nLocation: %s/y\r\nContent-Length: 0\r\n\r\n",
             one.url);
    request.url = one.url;
    get(*state, &request, &response);
    assert_int_equal(response.outcome.status, 200);
    assert_int_equal(response.hops, 2);
    http_response_release(&response);
    raw_stop(&one);
    raw_stop(&two);
    assert_non_null(strstr(one.request[0], "Authorization: Bearer t\r\n"));
    assert_memory_equal(two.request[0], "GET /x?sig=1 HTTP", 17);
    assert_null(strstr(two.request[0], "Authorization"));
    assert_null(strstr(two.request[0], "X-Mine"));
    assert_non_null(strstr(two.request[0], "Accept-Encoding: identity"));
    assert_non_null(strstr(one.request[1], "Authorization: Bearer t\r\n"));
}

static void test_stop_at_foreign(void **state)
{
    static const struct raw_play plays[] = {
        { "HTTP/1.1 307 Moved\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", RAW_KEEP,
          0 },
        { "HTTP/1.1 302 Found\r\nLocation: https://cdn.invalid/x?Signature=s%2F\r\n"
          "X-Request-Id: r\r\nContent-Length: 0\r\n\r\n",
          RAW_KEEP, 0 },
    };
    struct raw_server server = { .plays = plays, .count = countof(plays) };
    struct http_request request = { .redirect = HTTP_STOP_AT_FOREIGN, .body_limit = 9 };
    struct http_response response;

    assert_true(raw_start(&server));
    request.url = server.url;
    get(*state, &request, &response);
    raw_stop(&server);
    assert_true(response.foreign);
    assert_string_equal(response.url, "https://cdn.invalid/x?Signature=s%2F");
    assert_int_equal(response.outcome.status, 302);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_int_equal(response.err.code, ERR_NONE);
    assert_int_equal(response.hops, 1);
    assert_string_equal(response.request_id, "r");
    http_response_release(&response);
}

static void test_redirect_refused(void **state)
{
    static const char *const places[] = { "ftp://h/x", "javascript:1",
                                          "http://h:99999/" };
    static const struct raw_play round = {
        "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", RAW_KEEP, 0
    };
    struct raw_play plays[11];
    struct raw_server server = { .plays = plays, .count = countof(plays) };
    struct http_request request = { .body_limit = 9 };
    struct http_response response;

    for (size_t i = 0; i < countof(plays); i++)
        plays[i] = round;
    assert_true(raw_start(&server));
    request.url = server.url;
    get(*state, &request, &response);
    raw_stop(&server);
    assert_int_equal(response.outcome.fault, NET_REDIRECT);
    assert_int_equal(response.err.code, ERR_SOURCE);
    assert_int_equal(server.requests, 11); /* the first one and ten hops */
    http_response_release(&response);

    for (size_t i = 0; i < countof(places); i++) {
        char text[128];
        const struct raw_play bad = { text, RAW_KEEP, 0 };
        struct raw_server once = { .plays = &bad, .count = 1 };

        snprintf(text, sizeof(text),
                 "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                 places[i]);
        assert_true(raw_start(&once));
        request.url = once.url;
        get(*state, &request, &response);
        raw_stop(&once);
        assert_int_equal(response.outcome.fault, NET_REDIRECT);
        http_response_release(&response);
    }
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

static int refuse_second(void *owner, const void *bytes, size_t len)
{
    unsigned *calls = owner;

    (void)bytes;
    (void)len;
    return ++*calls == 1 ? HTTP_PAUSE : -1;
}

/* All bytes have come already, so nothing from outside wakes a transfer that failed. */
static void test_fail_after_pause(void **state)
{
    static const struct raw_play bytes = { ok, RAW_KEEP, 0 };
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
    struct http *http = create(1, NULL);
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

/* Without the wake this would last as long as the test's time limit. */
static void test_wake(void **state)
{
    pthread_t thread;
    struct err err = { 0 };
    bool moved = true;

    assert_int_equal(pthread_create(&thread, NULL, wake, *state), 0);
    assert_int_equal(http_wait(*state, 900, &moved, &err), 0);
    assert_false(moved);
    pthread_join(thread, NULL);
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
    http = create(1, NULL);
    get(http, &request, &response);
    http_destroy(http);
    http_response_release(&response);
    raw_stop(&server);
    assert_memory_equal(server.request[0], "GET http://far.invalid/x HTTP/1.1\r\n", 35);

    setenv("http_proxy", "", 1); /* an answer as well: none */
    http = create(1, NULL);
    get(http, &request, &response);
    assert_int_equal(response.outcome.fault, NET_RESOLVE);
    http_response_release(&response);
    http_destroy(http);
    forget_proxies();
}

/* openssl's own server, which sends what it is given on its standard input. */
struct tls_server {
    char dir[32], cert[48], key[48], url[64];
    int input;
    pid_t pid;
};

static bool tls_start(struct tls_server *tls)
{
    static const char mark[] = "ACCEPT ";
    char command[256], line[256];
    int in[2], out[2];
    FILE *said;
    char *port = NULL;

    strcpy(tls->dir, "/tmp/test_http_XXXXXX");
    if (!mkdtemp(tls->dir) || pipe(in) < 0 || pipe(out) < 0)
        return false;
    snprintf(tls->cert, sizeof(tls->cert), "%s/cert", tls->dir);
    snprintf(tls->key, sizeof(tls->key), "%s/key", tls->dir);
    snprintf(
        command, sizeof(command),
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
        "-keyout %s -out %s 2>/dev/null",
        tls->key, tls->cert);
    if (system(command) != 0)
        return false;
    tls->pid = fork();
    if (tls->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        close(in[1]);
        close(out[0]);
        execlp("openssl", "openssl", "s_server", "-4", "-accept", "127.0.0.1:0", "-cert",
               tls->cert, "-key", tls->key, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    tls->input = in[1];
    said = fdopen(out[0], "r");
    while (!port && said && fgets(line, sizeof(line), said))
        if (strncmp(line, mark, sizeof(mark) - 1) == 0)
            port = strrchr(line, ':');
    if (port)
        snprintf(tls->url, sizeof(tls->url), "https://localhost:%.*s/",
                 (int)strspn(port + 1, "0123456789"), port + 1);
    return port != NULL; /* said stays open: the server must be able to speak */
}

static void tls_stop(struct tls_server *tls)
{
    kill(tls->pid, SIGKILL);
    waitpid(tls->pid, NULL, 0);
    close(tls->input);
    unlink(tls->cert);
    unlink(tls->key);
    rmdir(tls->dir);
}

static void test_tls(void **state)
{
    static const char half[] = "HTTP/1.1 200 OK\r\n\r\n01234";
    struct tls_server tls = { 0 };
    struct basin basin = { 0 };
    struct http_request request = {
        .checked = true,
        .sink = fill,
        .owner = &basin,
        .want = { .range = { 0, 10 }, .size = 10, .whole = true, .etag = "" }
    };
    struct http_response response;
    struct http *http;

    assert_true(tls_start(&tls));
    request.url = tls.url;
    get(*state, &request, &response); /* nobody vouches for its certificate */
    assert_int_equal(response.outcome.fault, NET_CERT);
    assert_int_equal(response.outcome.status, 0);
    http_response_release(&response);

    /* The process dies, so the connection ends without close_notify, where the end of the
     * connection is the end of the body. */
    http = create(1, tls.cert);
    start(http, &request);
    step(http);
    assert_int_equal(write(tls.input, half, sizeof(half) - 1), sizeof(half) - 1);
    while (basin.body.len < 5)
        step(http);
    tls_stop(&tls);
    while (!http_next(http, &response))
        step(http);
    assert_int_equal(response.outcome.status, 200);
    assert_int_equal(response.outcome.fault, NET_CUT);
    assert_string_equal(basin.body.data, "01234");
    http_response_release(&response);
    http_destroy(http);
    strbuf_release(&basin.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redirect_relative),
        cmocka_unit_test(test_redirect_foreign),
        cmocka_unit_test(test_stop_at_foreign),
        cmocka_unit_test(test_redirect_refused),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_fail_after_pause),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_smuggled),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_wake),
        cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_tls),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
