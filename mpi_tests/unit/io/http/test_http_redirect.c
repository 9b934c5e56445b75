/* io/http/http.c: redirects, and who gets to see the secrets. */
#include "http_case.h"
#include "raw_server.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

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

/* What RFC 3986 wants in place of a blank, which some servers write as it is. */
static void test_redirect_with_blanks(void **state)
{
    static const struct raw_play plays[] = {
        { "HTTP/1.1 302 Found\r\nLocation: /my  b?by=a b\r\nContent-Length: 0\r\n\r\n",
          RAW_KEEP, 0 },
        { ok, RAW_KEEP, 0 },
    };
    struct raw_server server = { .plays = plays, .count = countof(plays) };
    struct http_request request = { .body_limit = 9 };
    struct http_response response;

    assert_true(raw_start(&server));
    request.url = server.url;
    get(*state, &request, &response);
    raw_stop(&server);
    assert_int_equal(response.outcome.status, 200);
    assert_memory_equal(server.request[1], "GET /my%20%20b?by=a%20b HTTP", 28);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redirect_relative),
        cmocka_unit_test(test_redirect_with_blanks),
        cmocka_unit_test(test_redirect_foreign),
        cmocka_unit_test(test_stop_at_foreign),
        cmocka_unit_test(test_redirect_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
