/* io/http/http.c: whole files, refusals, what is sent, and servers that do not answer. */
#include "http_play.h"

static int refuse(void *owner, const void *bytes, size_t len)
{
    (void)owner;
    (void)bytes;
    (void)len;
    return -1;
}

static void test_whole(void **state)
{
    static const struct raw_play plays[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
          "ETag: \"e\"\r\nX-Request-Id: r-1\r\nX-HF-Warning: a; b\r\nx-hf-warning: c; "
          "d\r\n"
          "Link: </l?page=2>; rel=\"next\"\r\n\r\nhello",
          RAW_KEEP, 0 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", RAW_KEEP, 0 },
    };
    struct http_request request = { .body_limit = 5 };
    struct http_response response;
    char next[128];

    play(*state, &plays[0], request, &response, NULL);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_int_equal(response.outcome.status, 200);
    assert_int_equal(response.err.code, ERR_NONE);
    assert_string_equal(response.body, "hello");
    assert_int_equal(response.body_len, 5);
    assert_int_equal(response.bytes, 5);
    assert_int_equal(response.reply.content_length, 5);
    assert_string_equal(response.reply.content_type, "text/plain");
    assert_string_equal(response.reply.etag, "\"e\"");
    assert_string_equal(response.request_id, "r-1");
    assert_string_equal(response.warning, "a; b, c; d");
    assert_null(response.error_code);
    assert_true(response.outcome.retry_after < 0);
    assert_true(response.outcome.reset < 0);
    snprintf(next, sizeof(next), "%.*s/l?page=2", (int)strcspn(response.url + 7, "/") + 7,
             response.url);
    assert_string_equal(response.link_next, next);
    http_response_release(&response);

    /* an empty file is whole with nothing */
    request.checked = true;
    request.want = (struct reply_want){ .whole = true, .etag = "" };
    play(*state, &plays[1], request, &response, NULL);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_int_equal(response.end, 0);
    assert_string_equal(response.body, "");
    http_response_release(&response);
}

/* Too early is a passing state (RFC 8470), and so no fault of the source. */
static void test_too_early(void **state)
{
    static const struct raw_play bytes = {
        "HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n", RAW_KEEP, 0
    };
    const struct http_request request = { .checked = true,
                                          .want = { .whole = true, .etag = "" } };
    struct http_response response;

    play(*state, &bytes, request, &response, NULL);
    assert_int_equal(response.outcome.status, 425);
    assert_int_equal(response.err.code, ERR_NETWORK);
    http_response_release(&response);
}

static void test_body_limit(void **state)
{
    static const struct raw_play bytes = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", RAW_KEEP, 0
    };
    const struct http_request request = { .body_limit = 4 };
    struct http_response response;

    play(*state, &bytes, request, &response, NULL);
    assert_int_equal(response.outcome.fault, NET_LOCAL);
    assert_int_equal(response.err.code, ERR_SOURCE);
    http_response_release(&response);
}

static void test_sink_refuses(void **state)
{
    static const struct raw_play bytes = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", RAW_KEEP, 0
    };
    const struct http_request request = { .sink = refuse };
    struct http_response response;

    play(*state, &bytes, request, &response, NULL);
    assert_int_equal(response.outcome.fault, NET_LOCAL);
    assert_int_equal(response.bytes, 0);
    assert_int_equal(response.err.code, ERR_DEST);
    http_response_release(&response);
}

static void test_refusals(void **state)
{
    static const struct raw_play plays[] = {
        { "HTTP/1.1 404 Not Found\r\nX-Error-Code: EntryNotFound\r\n"
          "X-Error-Message: no such entry\r\nX-Amzn-Trace-Id: t-9\r\n"
          "Content-Type: application/json\r\nContent-Length: "
          "15\r\n\r\n{\"error\":\"none\"}",
          RAW_CLOSE, 0 },
        { "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
          "RateLimit: \"resolvers\";r=0;t=113\r\nContent-Length: 0\r\n\r\n",
          RAW_KEEP, 0 },
        { "HTTP/1.1 503 Slow Down\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
          "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\nContent-Length: 99\r\n\r\ncut",
          RAW_CLOSE, 0 },
    };
    const struct http_request request = { 0 };
    struct http_response response;
    struct strbuf body = { 0 };

    play(*state, &plays[0], request, &response, &body);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_int_equal(response.outcome.status, 404);
    assert_int_equal(response.err.code, ERR_NONE); /* not checked: the caller judges */
    assert_int_equal(body.len, 0);
    assert_string_equal(response.body, "{\"error\":\"none\"");
    assert_string_equal(response.error_code, "EntryNotFound");
    assert_string_equal(response.error_message, "no such entry");
    assert_string_equal(response.request_id, "t-9");
    http_response_release(&response);

    play(*state, &plays[1], request, &response, &body);
    assert_int_equal(response.outcome.status, 429);
    assert_true(response.outcome.retry_after == 7);
    assert_true(response.outcome.reset == 113);
    http_response_release(&response);

    /* that its body is cut takes nothing from a refusal */
    play(*state, &plays[2], request, &response, &body);
    assert_int_equal(response.outcome.status, 503);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_true(response.outcome.retry_after == 30);
    assert_string_equal(response.body, "cut");
    http_response_release(&response);
    strbuf_release(&body);
}

/* A page of 20 KiB: 16 of them are kept. */
static void test_long_refusal(void **state)
{
    static const char header[] =
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 20480\r\n\r\n";
    char bytes[sizeof(header) - 1 + 20480];
    const struct raw_play page = { bytes, RAW_KEEP, sizeof(bytes) };
    const struct http_request request = { .checked = true,
                                          .want = { .whole = true, .etag = "" } };
    struct http_response response;

    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, header, sizeof(header) - 1);
    play(*state, &page, request, &response, NULL);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_int_equal(response.body_len, 16384);
    assert_int_equal(response.err.code, ERR_SOURCE);
    assert_non_null(strstr(response.err.text, "/dir/file': HTTP 403"));
    http_response_release(&response);
}

static void test_what_is_sent(void **state)
{
    static const struct raw_play plays[] = {
        { "HTTP/1.1 206 OK\r\nContent-Range: bytes 5-5/9\r\nContent-Length: 1\r\n\r\nx",
          RAW_KEEP, 0 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", RAW_KEEP, 0 },
    };
    static const char *const headers[] = { "X-Mine: 1", NULL };
    struct raw_server server = { .plays = plays, .count = 2 };
    struct http_request request = { .bearer = "hf_t",
                                    .headers = headers,
                                    .ranged = true,
                                    .want = { .range = { 5, 6 } },
                                    .body_limit = 9 };
    struct http_response response;

    assert_true(raw_start(&server));
    request.url = server.url;
    get(*state, &request, &response);
    http_response_release(&response);
    request = (struct http_request){ .url = server.url, .head = true };
    get(*state, &request, &response);
    assert_int_equal(response.reply.content_length, 9);
    assert_int_equal(response.outcome.fault, NET_OK);
    http_response_release(&response);
    raw_stop(&server);
    assert_int_equal(server.connections, 1); /* a HEAD leaves the connection usable */
    assert_memory_equal(server.request[0], "GET / HTTP/1.1\r\n", 16);
    assert_non_null(strstr(server.request[0], "\r\nRange: bytes=5-5\r\n"));
    assert_non_null(strstr(server.request[0], "\r\nAccept-Encoding: identity\r\n"));
    assert_non_null(strstr(server.request[0], "\r\nAuthorization: Bearer hf_t\r\n"));
    assert_non_null(strstr(server.request[0], "\r\nX-Mine: 1\r\n"));
    assert_non_null(strstr(server.request[0], "\r\nUser-Agent: mpifetch-test/1\r\n"));
    assert_memory_equal(server.request[1], "HEAD / HTTP/1.1\r\n", 17);
    assert_null(strstr(server.request[1], "Range:"));
    assert_null(strstr(server.request[1], "Authorization:"));
    assert_null(strstr(server.request[1], "X-Mine"));
}

static void test_nonsense(void **state)
{
    static const char *const split[] = { "X: a\r\nY: b", NULL }, *const nameless[] = {
        ": x", NULL
    };
    static const struct {
        struct http_request request;
        enum err_code code;
    } rows[] = {
        { { .url = "ftp://h/x" }, ERR_USAGE },
        { { .url = "/etc/passwd" }, ERR_USAGE },
        { { .url = "file:///etc/passwd" }, ERR_USAGE },
        { { .url = "http://h/", .bearer = "a\r\nb" }, ERR_USAGE },
        { { .url = "http://h/", .headers = split }, ERR_USAGE },
        { { .url = "http://h/", .headers = nameless }, ERR_USAGE },
        { { .url = "http://h/", .ranged = true }, ERR_DEFECT },
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct http_transfer *transfer;
        struct err err = { 0 };

        assert_int_equal(http_start(*state, &rows[i].request, &transfer, &err), -1);
        assert_int_equal(err.code, rows[i].code);
        assert_null(transfer);
    }
}

/* The port is taken, so that nobody else can listen there, but nobody does. */
static int bind_only(char *url, size_t size)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(url, size, "http://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    return fd;
}

static void test_no_server(void **state)
{
    char url[64];
    int fd = bind_only(url, sizeof(url));
    struct http_request request = { 0 };
    struct http_response response;

    request.url = url;
    get(*state, &request, &response);
    close(fd);
    assert_int_equal(response.outcome.fault, NET_CONNECT);
    assert_int_equal(response.outcome.status, 0);
    assert_int_equal(response.err.code, ERR_NETWORK);
    http_response_release(&response);

    /* RFC 6761: a name that never resolves */
    request.url = "http://user:pw@no-such-host.invalid/x?secret=abc";
    get(*state, &request, &response);
    assert_int_equal(response.outcome.fault, NET_RESOLVE);
    assert_non_null(strstr(response.err.text, "no-such-host.invalid/x'"));
    assert_null(strstr(response.err.text, "pw"));
    assert_null(strstr(response.err.text, "secret"));
    http_response_release(&response);
}

/* Half of the body, then silence. */
static void test_too_slow(void **state)
{
    struct http *http = create(1, NULL, 1);
    static const struct raw_play bytes = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234", RAW_KEEP, 0
    };
    const struct http_request request = { 0 };
    struct http_response response;
    struct strbuf body = { 0 };

    (void)state;
    play(http, &bytes, request, &response, &body);
    assert_int_equal(response.outcome.fault, NET_TIMEOUT);
    assert_true(response.outcome.progressed);
    assert_int_equal(response.err.code, ERR_NETWORK);
    http_response_release(&response);
    strbuf_release(&body);
    http_destroy(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_sink_refuses), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_early),    cmocka_unit_test(test_long_refusal),
        cmocka_unit_test(test_what_is_sent), cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_no_server),    cmocka_unit_test(test_too_slow),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
