/* core/http/headers.c, core/http/link_header.c and core/http/redirect.c: what is read
 * from the header of a reply. */
#include "core/http/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/http/link_header.h"
#include "core/http/redirect.h"

/* All lines of text; true: the last one ended the block. */
static bool feed(struct headers *headers, const char *text)
{
    enum headers_step step = HEADERS_MORE;

    while (*text) {
        size_t len = strcspn(text, "\n") + 1;

        assert_int_equal(step, HEADERS_MORE);
        step = headers_line(headers, text, len);
        text += len;
    }
    return step == HEADERS_END;
}

static void test_fields(void **state)
{
    struct headers headers = { 0 };

    (void)state;
    headers_reset(&headers);
    assert_false(headers.begun);
    assert_false(feed(&headers, "HTTP/1.1 206 Partial Content\r\n"));
    assert_true(headers.begun);
    assert_true(feed(&headers, "CONTENT-RANGE:bytes 0-1/2\r\n"
                               "etag: \t W/\"x\" \t\r\n"
                               "ETag: \"second\"\r\n"
                               "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"
                               "Content-Lengthy: 7\r\nContent-Lengt: 8\r\n"
                               "no colon\r\n: nameless\r\nDate:\r\n"
                               "Set-Cookie: a=1; Expires=Fri, 1\r\nset-cookie: b=2\r\n"
                               "Content-Length: 2\n\n"));
    assert_null(headers.fault);
    assert_string_equal(headers_text(&headers, HEADERS_SET_COOKIE),
                        "a=1; Expires=Fri, 1\nb=2");
    assert_int_equal(headers.reply.status, 206);
    assert_int_equal(headers.reply.content_length, 2);
    assert_string_equal(headers.reply.content_range, "bytes 0-1/2");
    assert_string_equal(headers.reply.etag, "W/\"x\"");
    assert_string_equal(headers.reply.content_encoding, "identity, gzip");
    assert_string_equal(headers.reply.content_type, "");
    assert_null(headers_text(&headers, HEADERS_DATE));
    /* trailers are no header */
    assert_int_equal(headers_line(&headers, "Date: x\r\n", 9), HEADERS_MORE);
    assert_int_equal(headers_line(&headers, "\r\n", 2), HEADERS_MORE);
    assert_null(headers_text(&headers, HEADERS_DATE));
    /* nothing of one reply is left in the next */
    headers_reset(&headers);
    assert_true(feed(&headers, "HTTP/1.0 200\r\n\r\n"));
    assert_int_equal(headers.reply.status, 200);
    assert_int_equal(headers.reply.content_length, -1);
    assert_string_equal(headers.reply.etag, "");
    headers_release(&headers);
    headers_release(NULL);
}

/* A validator that was cut off could be taken for another. */
static void test_long_validators(void **state)
{
    struct headers headers = { 0 };
    char line[2 * REPLY_VALIDATOR] = "ETag: ";

    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        size_t len = REPLY_VALIDATOR - 1 + over;

        memset(line + 6, 'e', len);
        line[6 + len] = '\0';
        headers_reset(&headers);
        feed(&headers, "HTTP/1.1 200 OK\r\n");
        assert_int_equal(headers_line(&headers, line, 6 + len), HEADERS_MORE);
        assert_true(feed(&headers, "Date: now\r\n\r\n"));
        assert_int_equal(strlen(headers.reply.etag), over ? 0 : len);
        assert_string_equal(headers.reply.date, "now");
    }
    headers_release(&headers);
}

static void test_faults(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int32_t status;
        int64_t length;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\n\r\n", true, 200, -1 },
        { "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
          true, 200, 1 },
        { "HTTP/1.1 101 Switching\r\n\r\n", true, 101, -1 },
        { "HTTP/1.1 2x0 OK\r\n\r\n", false, 0, -1 },
        { "HTTP/1.1 20 OK\r\n\r\n", false, 0, -1 },
        { "HTTP/1.1 2000 OK\r\n\r\n", false, 0, -1 },
        { "HTTP/1.1\r\n\r\n", false, 0, -1 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", true, 200,
          5 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", false, 200,
          5 },
        { "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", false, 200, -1 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", false, 200, -1 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", true, 200,
          INT64_MAX },
        { "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", false, 200,
          -1 },
        /* chunks overrule the length */
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
          true, 200, -1 },
        { "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-1/2\r\n"
          "Content-Range: bytes 0-1/3\r\n\r\n",
          false, 206, -1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct headers headers = { 0 };

        headers_reset(&headers);
        assert_true(feed(&headers, rows[i].text));
        assert_int_equal(headers.fault == NULL, rows[i].good);
        assert_int_equal(headers.reply.status, rows[i].status);
        if (rows[i].good)
            assert_int_equal(headers.reply.content_length, rows[i].length);
        headers_release(&headers);
    }
}

/* A server that never stops talking, in one reply or in interim ones. */
static void test_endless(void **state)
{
    static const char *const rounds[][2] = {
        { "Link: <aaaaaaaaaaaaaaaaaaaaaaaa>\r\n",
          "X-Other: bbbbbbbbbbbbbbbbbbbbbbb\r\n" },
        { "HTTP/1.1 100 Continue\r\n", "\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rounds); i++) {
        struct headers headers = { 0 };
        int lines = 0;

        headers_reset(&headers);
        feed(&headers, "HTTP/1.1 103 Hints\r\n");
        while (lines < 1 << 20 &&
               headers_line(&headers, rounds[i][lines % 2],
                            strlen(rounds[i][lines % 2])) == HEADERS_MORE)
            lines++;
        assert_true(lines < 1 << 20);
        assert_non_null(headers.fault);
        headers_release(&headers);
    }
}

static void test_link(void **state)
{
    static const struct {
        const char *value, *target; /* NULL: none */
    } rows[] = {
        { "<https://h/p?cursor=a,b>; rel=\"next\"", "https://h/p?cursor=a,b" },
        { "<https://h/p>;rel=next", "https://h/p" },
        { "<https://h/p> ; REL = \"NEXT\"", "https://h/p" },
        { "<a>; rel=\"prev\", <b>; rel=\"next\"", "b" },
        { "<a>; title=\"<x>; rel=next, \\\"\"; rel=prev , <b>; title=t; rel=\"last "
          "next\"",
          "b" },
        { ", ,<b>; rel=next", "b" },
        { "<a>; rel=prev; rel=next", NULL },
        { "<a>; rel=\"nextish\"", NULL },
        { "<a>; rel=\"pre-next\"", NULL },
        { "<a>; nrel=next", NULL },
        { "<a>; rel", NULL },
        { "<a>", NULL },
        { "<>; rel=next", NULL },
        { "<a; rel=next", NULL },
        { "a; rel=next", NULL },
        { "<a>; rel=\"next", "a" },
        { "<a>; title=\"x\\", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf target = { 0 };

        assert_int_equal(link_header_next(rows[i].value, &target),
                         rows[i].target != NULL);
        if (rows[i].target)
            assert_string_equal(target.data, rows[i].target);
        strbuf_release(&target);
    }
}

static void test_redirect(void **state)
{
    static const struct {
        struct redirect redirect;
        enum redirect_step step;
    } rows[] = {
        { { "http://a/", "http://a/", "http://b/", 0, false }, REDIRECT_GO },
        { { "http://a/", "http://a/", "https://b/", 9, false }, REDIRECT_GO },
        { { "http://a/", "http://a/", "https://b/", 10, false }, REDIRECT_REFUSE },
        { { "https://a/", "https://a/", "https://b/", 0, false }, REDIRECT_GO },
        { { "https://a/", "https://a/", "http://a/", 0, false }, REDIRECT_REFUSE },
        { { "https://a/", "HTTPS://a/", "http://a/", 0, true }, REDIRECT_REFUSE },
        { { "http://a/", "https://b/", "http://a/", 1, false }, REDIRECT_REFUSE },
        { { "http://a/", "http://a/", "ftp://a/", 0, false }, REDIRECT_REFUSE },
        { { "http://a/", "http://a/", "file:///etc/passwd", 0, true }, REDIRECT_REFUSE },
        { { "http://a/", "http://a/", NULL, 0, false }, REDIRECT_REFUSE },
        { { "http://a/x", "http://a/x", "http://a/y", 0, true }, REDIRECT_GO },
        { { "http://a/x", "http://a/x", "http://a:80/y", 0, true }, REDIRECT_GO },
        { { "http://a/", "http://a/", "http://a:81/", 0, true }, REDIRECT_STOP },
        { { "http://a/", "http://a/", "https://a/", 0, true }, REDIRECT_STOP },
        { { "http://a/", "http://a/", "http://a.b/", 0, true }, REDIRECT_STOP },
    };
    static const int32_t statuses[] = { 301, 302, 303, 307, 308 };
    int followed = 0;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err err = { 0 };

        assert_int_equal(redirect_decide(&rows[i].redirect, &err), rows[i].step);
        assert_int_equal(err.code,
                         rows[i].step == REDIRECT_REFUSE ? ERR_SOURCE : ERR_NONE);
        assert_null(strstr(err.text, "://"));
    }
    for (int32_t status = 0; status < 600; status++)
        followed += redirect_status(status);
    for (size_t i = 0; i < countof(statuses); i++)
        assert_true(redirect_status(statuses[i]));
    assert_int_equal(followed, countof(statuses));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),          cmocka_unit_test(test_faults),
        cmocka_unit_test(test_endless),         cmocka_unit_test(test_link),
        cmocka_unit_test(test_long_validators), cmocka_unit_test(test_redirect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
