/* Single URLs on servers of all kinds; and what is refused before anybody is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "source/probe.h"
#include "source_case.h"

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_kinds(void **state)
{
    static const struct {
        struct source_config config;
        enum source_kind kind;
        const char *says; /* NULL: fine */
    } rows[] = {
        { { .source = "hf://a/b" }, SOURCE_HUB, NULL },
        { { .source = "hf://a/b", .revision = "v", .repo_type = "dataset" },
          SOURCE_HUB,
          NULL },
        { { .source = "https://h/x" }, SOURCE_URL, NULL },
        { { .source = "http://h/x", .sha256 = SHA }, SOURCE_URL, NULL },
        { { .source = "file:///x" }, SOURCE_FILES, NULL },
        { { .manifest = "list" }, SOURCE_MANIFEST, NULL },
        { { .manifest = "https://h/list", .base = "file:///d" }, SOURCE_MANIFEST, NULL },
        { { .manifest = "list", .base = "http://h" }, SOURCE_MANIFEST, NULL },
        { { 0 }, 0, "missing" },
        { { .source = "" }, 0, "missing" },
        { { .manifest = "" }, 0, "missing" },
        { { .source = "hf://a/b", .manifest = "x" }, 0, "manifest" },
        { { .source = "a/b" }, 0, "hf://" },
        { { .source = "/data" }, 0, "file:///" },
        { { .source = "ftp://h/x" }, 0, "https://" },
        { { .source = "https:///x" }, 0, "https://" },
        { { .source = "https://h/a b" }, 0, "%20" },
        { { .source = "http://h/x " }, 0, "%20" },
        { { .source = "https://u:s3@h/a b" }, 0, "%20" },
        { { .source = "HTTP://h/x" }, SOURCE_URL, NULL },
        { { .source = "Https://h/x" }, SOURCE_URL, NULL },
        { { .source = "File:///x" }, SOURCE_FILES, NULL },
        { { .manifest = "HTTPS://h/list" }, SOURCE_MANIFEST, NULL },
        { { .manifest = "https://h/a list" }, 0, "manifest" },
        { { .source = "hf://a/b@" }, 0, "revision" },
        { { .source = "hf://a/b", .repo_type = "x" }, 0, "--repo-type" },
        { { .source = "https://h/x", .revision = "v" }, 0, "--revision" },
        { { .source = "https://h/x", .repo_type = "model" }, 0, "--repo-type" },
        { { .source = "https://h/x", .base = "https://h" }, 0, "--base" },
        { { .source = "https://h/x", .sha256 = "12" }, 0, "--sha256" },
        { { .source = "hf://a/b", .sha256 = SHA }, 0, "--sha256" },
        { { .manifest = "list", .sha256 = SHA }, 0, "--sha256" },
        { { .manifest = "ftp://h/list" }, 0, "manifest" },
        { { .manifest = "list", .base = "/data" }, 0, "--base" },
        { { .manifest = "list", .base = "https://h/?x" }, 0, "--base" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        enum source_kind kind;
        struct err err = { 0 };
        int rc = source_kind(&rows[i].config, &kind, &err);

        if (!rows[i].says && rc == 0) {
            assert_int_equal(kind, rows[i].kind);
            continue;
        }
        if (rc == 0 || !rows[i].says || !strstr(err.text, rows[i].says))
            fail_msg("row %zu: '%s'", i, err.text);
        assert_int_equal(err.code, ERR_USAGE);
        assert_null(strstr(err.text, "s3"));
    }
}

static void test_probe_read(void **state)
{
    static const uint64_t none = UINT64_MAX; /* the reply is refused */
    static const struct {
        int status;
        const char *range, *encoding;
        int64_t length, listed; /* -1: none */
        uint64_t size;
        bool whole, plain;
    } rows[] = {
        { 206, "bytes 0-0/9", "", 1, -1, 9, false, false },
        { 206, "bytes 0-0/9", "", 1, 9, 9, false, false },
        { 206, "bytes 0-0/9", "", 1, 8, none, false, false },
        { 206, "bytes 0-0/*", "", 1, -1, none, false, false },
        { 206, "bytes 0-0/*", "", 1, 9, 9, true, false },
        { 206, "", "", 1, -1, none, false, false },
        { 206, "bytes 3-3/9", "", 1, -1, 9, true, false },
        { 200, "", "", 9, -1, 9, true, false },
        { 200, "", "identity", 9, -1, 9, true, false },
        { 200, "", "gzip", 9, -1, none, true, false },
        { 200, "", "gzip", 5, 9, 9, true, false },
        { 200, "", "", 9, 8, none, true, false },
        { 200, "", "", -1, -1, none, true, false },
        { 200, "", "", -1, 9, 9, true, false },
        { 200, "", "", 0, -1, 0, false, true },
        { 200, "", "", 0, 9, 9, false, true },
        { 416, "bytes */0", "", 0, -1, 0, true, false },
        { 416, "bytes */0", "", 0, 5, none, true, false },
        { 416, "bytes */177", "", 9, -1, 0, false, true },
        { 416, "", "", 9, 5, 5, false, true },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct probe probe = { .sized = rows[i].listed >= 0,
                               .size =
                                   rows[i].listed >= 0 ? (uint64_t)rows[i].listed : 0 };
        struct reply reply = { .status = rows[i].status,
                               .content_length = rows[i].length,
                               .etag = "\"v1\"" };
        struct err err = { 0 };
        bool plain = false;
        int rc;

        snprintf(reply.content_range, sizeof(reply.content_range), "%s", rows[i].range);
        snprintf(reply.content_encoding, sizeof(reply.content_encoding), "%s",
                 rows[i].encoding);
        rc = probe_read(&probe, &reply, &plain, &err);
        if (rc != (rows[i].size == none ? -1 : 0))
            fail_msg("row %zu: %d '%s'", i, rc, err.text);
        assert_int_equal(plain, rows[i].plain);
        if (rc < 0) {
            assert_int_equal(err.code, ERR_SOURCE);
            continue;
        }
        assert_int_equal(probe.size, rows[i].size);
        if (!plain) {
            if (probe.size > 0)
                assert_int_equal(probe.whole, rows[i].whole);
            assert_string_equal(probe.etag, "v1");
        }
        free(probe.etag);
    }
}

static void test_url(void **state)
{
    const struct script_row rows[] = { PART("/d/a%20b?key=1", "77", "v") };
    struct source_case c;
    char url[2048];

    (void)state;
    case_start(&c, rows, countof(rows));
    snprintf(url, sizeof(url), "http://joe:secret@%s/d/a%%20b?key=1",
             c.server.url + strlen("http://"));
    c.config.source = url;
    c.config.sha256 = SHA;
    c.config.token = "hf_secret";
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 1);
    assert_text(&c, c.plan.files[0].path, "a b");
    assert_text(&c, c.plan.files[0].key, url);
    assert_text(&c, c.plan.files[0].etag, "v");
    assert_int_equal(c.plan.files[0].size, 77);
    assert_int_equal(c.plan.files[0].flags, 0);
    assert_int_equal(c.plan.files[0].want.kind, DIGEST_SHA256);
    assert_null(strstr(plan_text(&c.plan, c.plan.source), "secret"));
    assert_null(strstr(plan_text(&c.plan, c.plan.source), "key"));
    assert_int_equal(case_asked(&c, "Range: bytes=0-0"), 1);
    assert_int_equal(case_asked(&c, "hf_secret"), 0);
    assert_int_equal(c.count.probe, 1);
    case_end(&c);
}

static void list_url(struct source_case *c, const struct script_row *rows, size_t count,
                     const char *target)
{
    struct strbuf url = { 0 };

    case_start(c, rows, count);
    strbuf_addf(&url, "%s%s", c->server.url, target);
    c->config.source = url.data;
    case_run(c);
    strbuf_release(&url);
}

static void test_urls_of_odd_servers(void **state)
{
    const struct script_row rows[] = {
        { "/whole", "200 OK", NULL, "1234", 0, false },
        { "/empty", "416 Range Not Satisfiable", "Content-Range: bytes */0\r\n", NULL, 0,
          false },
        { "/confused", "416 Range Not Satisfiable", "Content-Range: bytes */177\r\n",
          NULL, 1, false },
        { "/confused", "200 OK", NULL, "12345", 0, false },
        { "/moved", "302 Found", "Location: /part\r\n", NULL, 0, false },
        PART("/part", "9", "v"),
        { "/slow", "503 Busy", NULL, NULL, 2, false },
        PART("/slow", "8", "v"),
        { "/endless", "200 OK", NULL, "1234", 0, true },
        { "/never", "416 Range Not Satisfiable", NULL, NULL, 0, false },
        { "/created", "204 No Content", NULL, NULL, 0, false },
        /* what was refused was the range */
        { "/unranged", "403 Forbidden", NULL, NULL, 1, false },
        { "/unranged", "200 OK", NULL, "1234", 0, false },
        /* it was not: a second range says so */
        { "/unlucky", "500 Oops", NULL, NULL, 1, false },
        { "/unlucky", "200 OK", NULL, "12345678", 1, false },
        PART("/unlucky", "8", "v"),
        { "/unable", "503 Busy", NULL, NULL, 1, false },
        { "/unable", "200 OK", NULL, "1234", 1, false },
        { "/unable", "503 Busy", NULL, NULL, 0, false },
        /* parts of several replies could be of several versions */
        { "/weak", "206 Partial Content",
          "Content-Range: bytes 0-0/9\r\nETag: W/\"v\"\r\n", "1", 0, false },
    };
    static const struct {
        const char *target;
        uint64_t size;
        unsigned flags, requests;
        enum err_code code;
        const char *says;
    } cases[] = {
        { "/whole", 4, PLAN_WHOLE, 1, 0, NULL },
        { "/empty", 0, PLAN_WHOLE, 1, 0, NULL },
        { "/confused", 5, PLAN_WHOLE, 2, 0, NULL },
        { "/moved", 9, 0, 1, 0, NULL },
        { "/slow", 8, 0, 3, 0, NULL },
        { "/endless", 0, 0, 1, ERR_SOURCE,
          "/endless': the server does not report the size" },
        { "/never", 0, 0, 2, ERR_SOURCE, "416" },
        { "/created", 0, 0, 1, ERR_SOURCE, "204" },
        { "/none", 0, 0, 2, ERR_SOURCE, "404" },
        { "/unranged", 4, PLAN_WHOLE, 2, 0, NULL },
        { "/unlucky", 8, 0, 3, 0, NULL },
        { "/unable", 4, PLAN_WHOLE, 3, 0, NULL },
        { "/weak", 9, PLAN_WHOLE, 1, 0, NULL },
        { "/folder/", 0, 0, 0, ERR_USAGE, "file name" },
        { "", 0, 0, 0, ERR_USAGE, "file name" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct source_case c;

        list_url(&c, rows, countof(rows), cases[i].target);
        assert_int_equal(c.count.probe, cases[i].requests);
        if (cases[i].says) {
            assert_failed(&c, cases[i].code, cases[i].says);
        } else {
            assert_listed(&c);
            assert_int_equal(c.plan.files[0].size, cases[i].size);
            /* an empty file has no segments: how it would be cut is no question */
            if (cases[i].size > 0)
                assert_int_equal(c.plan.files[0].flags, cases[i].flags);
        }
        case_end(&c);
    }
}

/* With a digest a size that nobody tells is worth a look at all of the file: what was
 * counted wrong would not pass. */
static void test_size_is_counted_for_a_digest(void **state)
{
    const struct script_row rows[] = { { "/x", "200 OK", NULL, "12345", 0, true } };
    struct strbuf url = { 0 };
    struct source_case c;

    (void)state;
    case_start(&c, rows, countof(rows));
    strbuf_addf(&url, "%s/x", c.server.url);
    c.config.source = url.data;
    c.config.sha256 = SHA;
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.files[0].size, 5);
    assert_int_equal(c.plan.files[0].flags, PLAN_WHOLE);
    assert_int_equal(c.count.probe, 2);
    strbuf_release(&url);
    case_end(&c);
}

static void test_interrupt_ends_a_long_wait(void **state)
{
    const struct script_row rows[] = { { "/x", "503 Busy", "Retry-After: 3600\r\n", NULL,
                                         0, false } };
    struct strbuf url = { 0 };
    struct source_case c;

    (void)state;
    case_start(&c, rows, countof(rows));
    strbuf_addf(&url, "%s/x", c.server.url);
    c.config.source = url.data;
    c.config.retry.longest_delay = 3600;
    c.polls_left = 40;
    case_run(&c);
    assert_failed(&c, ERR_INTERRUPTED, "interrupted");
    strbuf_release(&url);
    case_end(&c);
}

/* A page in place of the file is worth a word, unless a page is what was asked for. */
static void test_login_page(void **state)
{
    static const char type[] = "Content-Type: text/html; charset=utf-8\r\n";
    const struct script_row rows[] = {
        { "/model.bin", "200 OK", type, "<html>", 0, false },
        { "/page.html", "200 OK", type, "<html>", 0, false }
    };
    struct source_case c;

    (void)state;
    list_url(&c, rows, countof(rows), "/model.bin");
    assert_listed(&c);
    assert_non_null(c.notices.data);
    assert_non_null(strstr(c.notices.data, "login page"));
    case_end(&c);
    list_url(&c, rows, countof(rows), "/page.html");
    assert_listed(&c);
    assert_null(c.notices.data);
    case_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_probe_read),
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_urls_of_odd_servers),
        cmocka_unit_test(test_size_is_counted_for_a_digest),
        cmocka_unit_test(test_interrupt_ends_a_long_wait),
        cmocka_unit_test(test_login_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
