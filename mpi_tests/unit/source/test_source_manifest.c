/* Manifests that name files on web servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "source_case.h"

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void list_web(struct source_case *c, struct script_row *rows, size_t count,
                     const char *list, const char *const *headers)
{
    struct strbuf url = { 0 };

    rows[0].body = list;
    case_start(c, rows, count);
    strbuf_addf(&url, "%s%s", c->server.url, rows[0].target);
    c->config.manifest = url.data;
    c->config.headers = headers;
    case_run(c);
    strbuf_release(&url);
}

static void test_names_of_a_web_list(void **state)
{
    static const char list[] =
        "\xef\xbb\xbf# all\r\n\r\n" SHA "  ./sub/a %b\r\n" SHA " *x\n";
    static const char *const headers[] = { "X-Secret: sesame", NULL };
    struct script_row rows[] = {
        { "/d/sums?v=1", "200 OK", NULL, NULL, 0, false },
        { "/d/sub/a%20%25b", "429 Slow Down", "Retry-After: 0\r\n", NULL, 1, false },
        PART("/d/sub/a%20%25b", "77", "v"),
        { "/d/x", "200 OK", NULL, "12345", 0, false },
    };
    struct source_case c;
    char text[128];

    (void)state;
    list_web(&c, rows, countof(rows), list, headers);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 2);
    assert_text(&c, c.plan.files[0].path, "sub/a %b");
    assert_text(&c, c.plan.files[0].key, "sub/a%20%25b");
    assert_text(&c, c.plan.files[0].etag, "v");
    assert_int_equal(c.plan.files[0].size, 77);
    assert_int_equal(c.plan.files[0].flags, 0);
    assert_int_equal(c.plan.files[0].want.bytes[0], 0xe3);
    assert_int_equal(c.plan.files[1].size, 5);
    assert_int_equal(c.plan.files[1].flags, PLAN_WHOLE);
    snprintf(text, sizeof(text), "%s/d/", c.server.url);
    assert_text(&c, c.plan.base, text);
    snprintf(text, sizeof(text), "%s/d/sums", c.server.url);
    assert_text(&c, c.plan.source, text);
    assert_int_equal(c.count.listing, 1);
    assert_int_equal(c.count.probe, 3);
    assert_int_equal(c.count.retried, 1);
    assert_int_equal(case_asked(&c, "sesame"), 4);
    case_end(&c);
}

static void test_more_files_than_fly_at_a_time(void **state)
{
    enum { FILES = 200 };
    struct script_row rows[] = { { "/list", "200 OK", NULL, NULL, 0, false },
                                 PART("/x", "5", "w") };
    struct strbuf list = { 0 };
    struct strbuf url = { 0 };
    struct source_case c;

    (void)state;
    case_start(&c, rows, countof(rows));
    for (unsigned i = 0; i < FILES; i++)
        strbuf_addf(&list, "%s/x - - f%u\n", c.server.url, i);
    rows[0].body = list.data;
    strbuf_addf(&url, "%s/list", c.server.url);
    c.config.manifest = url.data;
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, FILES);
    assert_int_equal(c.plan.nbytes, 5 * FILES);
    assert_int_equal(c.count.probe, FILES);
    strbuf_release(&url);
    strbuf_release(&list);
    case_end(&c);
}

/* Small files whose size the list tells are not asked for. Headers stay with the base. */
static void test_urls_in_a_list(void **state)
{
    static const char *const headers[] = { "X-Secret: sesame", NULL };
    const struct script_row rows[] = { PART("/a", "5000", "v"), PART("/b", "7", "v") };
    struct script_server other = { .rows = rows, .count = countof(rows) };
    char path[] = "/tmp/test_source_XXXXXX";
    struct source_case c;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(script_start(&other), 0);
    case_start(&c, rows, countof(rows));
    dprintf(fd, "%s/a " SHA " 5000 big\n%s/tiny " SHA " 999\n%s/b - - d/o\n",
            c.server.url, c.server.url, other.url);
    close(fd);
    c.config.manifest = path;
    c.config.base = c.server.url;
    c.config.headers = headers;
    case_run(&c);
    script_stop(&other);
    unlink(path);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 3);
    assert_text(&c, c.plan.files[0].path, "big");
    assert_int_equal(c.plan.files[0].flags, 0);
    assert_text(&c, c.plan.files[1].path, "d/o");
    assert_int_equal(c.plan.files[1].size, 7);
    assert_int_equal(c.plan.files[1].want.kind, DIGEST_NONE);
    assert_text(&c, c.plan.files[2].path, "tiny");
    assert_int_equal(c.plan.files[2].size, 999);
    assert_int_equal(c.plan.files[2].flags, PLAN_WHOLE);
    assert_int_equal(c.count.probe, 2);
    assert_int_equal(case_asked(&c, "sesame"), 1);
    assert_null(strstr(other.log.data, "sesame"));
    strbuf_release(&other.log);
    case_end(&c);
}

static void test_bad_web_lists(void **state)
{
    static const struct {
        const char *list, *says;
        enum err_code code;
    } lists[] = {
        { "", "contains no files", ERR_SOURCE },
        { "\n" SHA "  ../a\n", "line 2", ERR_SOURCE },
        { "<html>", "login page", ERR_SOURCE },
        { "file:///etc/passwd - - x\n", "local files", ERR_SOURCE },
        { SHA "  none\n", "404", ERR_SOURCE },
        { "BASE/p " SHA " 5001 p\n", "5001", ERR_SOURCE },
    };

    (void)state;
    for (size_t i = 0; i < countof(lists); i++) {
        struct script_row rows[] = { { "/list", "200 OK", NULL, NULL, 0, false },
                                     PART("/p", "5000", "v") };
        struct source_case c;
        struct strbuf list = { 0 };
        struct strbuf url = { 0 };

        case_start(&c, rows, countof(rows));
        strbuf_addf(&url, "%s/list", c.server.url);
        if (text_starts(lists[i].list, "BASE"))
            strbuf_addf(&list, "%s%s", c.server.url, lists[i].list + strlen("BASE"));
        else
            strbuf_adds(&list, lists[i].list);
        rows[0].body = list.data;
        c.config.manifest = url.data;
        case_run(&c);
        assert_failed(&c, lists[i].code, lists[i].says);
        strbuf_release(&list);
        strbuf_release(&url);
        case_end(&c);
    }
}

/* A line twice, in whatever form, is one file; the size that one of them tells counts. */
static void test_the_same_line_twice(void **state)
{
    struct script_row rows[] = {
        { "/d/sums", "200 OK", NULL, NULL, 0, false },
        PART("/d/x", "5", "v"),
    };
    struct source_case c;

    (void)state;
    list_web(&c, rows, countof(rows),
             SHA "  x\n" SHA "  y\n" SHA " *x\n" SHA " ./x\nSHA256 (x) = " SHA "\n",
             NULL);
    assert_failed(&c, ERR_SOURCE, "404");
    case_end(&c);
    list_web(&c, rows, countof(rows),
             SHA "  x\n" SHA " *x\n" SHA " ./x\nSHA256 (x) = " SHA "\n", NULL);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 1);
    assert_int_equal(c.count.probe, 1);
    case_end(&c);
}

/* What an attempt brought that broke off is forgotten, and so is half of its last line. */
static void test_list_that_breaks_off(void **state)
{
    struct script_row rows[] = {
        { "/d/sums", "200 OK", "Content-Length: 5000\r\n",
          SHA "  gone\n" SHA "  also/gone\n" SHA "  x", 1, true },
        { "/d/sums", "200 OK", NULL, SHA "  x\n", 0, false },
        PART("/d/x", "5", "v"),
    };
    struct strbuf url = { 0 };
    struct source_case c;

    (void)state;
    case_start(&c, rows, countof(rows));
    strbuf_addf(&url, "%s/d/sums", c.server.url);
    c.config.manifest = url.data;
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 1);
    assert_text(&c, c.plan.files[0].path, "x");
    assert_int_equal(c.count.listing, 2);
    assert_int_equal(c.count.retried, 1);
    strbuf_release(&url);
    case_end(&c);
}

/* A bad line ends it at once, whatever else there is to come. */
static void test_bad_line_of_a_list_that_breaks_off(void **state)
{
    struct script_row rows[] = {
        { "/d/sums", "200 OK", "Content-Length: 5000\r\n", SHA "  x\n<p>\n", 0, true },
    };
    struct source_case c;

    (void)state;
    list_web(&c, rows, countof(rows), SHA "  x\n<p>\n", NULL);
    assert_failed(&c, ERR_SOURCE, "/d/sums': line 2: expected");
    assert_int_equal(c.count.listing, 1);
    case_end(&c);
}

/* One path with two contents: nobody can say which is meant. */
static void test_one_path_twice(void **state)
{
    static const char *const lists[] = {
        "http://h/x " SHA " 5\nhttp://h/x " SHA " 6\n",
        "http://h/x " SHA " 5 p\nhttp://h/y " SHA " 5 p\n",
        "http://h/x " SHA " 5\nhttp://h/x - 5\n",
    };

    (void)state;
    for (size_t i = 0; i < countof(lists); i++) {
        struct script_row rows[] = { { "/d/sums", "200 OK", NULL, NULL, 0, false } };
        struct source_case c;
        struct strbuf url = { 0 };
        static const struct http_config config = {
            .connections = 1, .user_agent = "test", .proxy = "", .connect_timeout = 10
        };

        rows[0].body = lists[i];
        case_start(&c, rows, countof(rows));
        strbuf_addf(&url, "%s/d/sums", c.server.url);
        c.config.manifest = url.data;
        assert_int_equal(http_create(&c.http, &config, &c.err), 0);
        assert_int_equal(source_list(&c.config, c.http, &c.plan, &c.count, &c.err), 0);
        assert_int_equal(c.plan.nfiles, 2);
        assert_int_equal(plan_seal(&c.plan, &c.err), -1);
        assert_non_null(strstr(c.err.text, "two files have the same path"));
        script_stop(&c.server);
        case_end(&c);
        strbuf_release(&url);
    }
}

static void test_signed_list(void **state)
{
    static const char list[] = SHA "  x\nhttp://127.0.0.1:1/y " SHA " 5\n";
    struct script_row rows[] = {
        { "/d/sums?sr=c&sig=s%2F", "200 OK", NULL, NULL, 0, false },
        PART("/d/x?sr=c&sig=s%2F", "5", "v"),
    };
    struct source_case c;

    (void)state;
    list_web(&c, rows, countof(rows), list, NULL);
    assert_listed(&c);
    assert_text(&c, c.plan.files[0].key, "x");
    assert_int_equal(c.plan.files[0].flags, PLAN_SIGNED);
    assert_int_equal(c.plan.files[1].flags & PLAN_SIGNED, 0);
    assert_text(&c, c.plan.query, "?sr=c&sig=s%2F");
    assert_text(&c, c.plan.files[0].path, "x");
    assert_text(&c, c.plan.files[1].key, "http://127.0.0.1:1/y"); /* another origin */
    assert_null(strstr(plan_text(&c.plan, c.plan.source), "sig"));
    assert_null(strstr(plan_text(&c.plan, c.plan.base), "sig"));
    assert_null(c.notices.data);
    case_end(&c);
}

/* S3 signs one object: with that signature every other is refused, even a public one. */
static void test_list_signed_for_itself(void **state)
{
    static const char list[] = SHA "  x\n" SHA "  z\n";
    struct script_row rows[] = {
        { "/d/sums?X-Amz-Signature=s", "200 OK", NULL, NULL, 0, false },
        PART("/d/x", "5", "v"),
        PART("/d/z", "5", "v"),
    };
    struct source_case c;

    (void)state;
    list_web(&c, rows, countof(rows), list, NULL);
    assert_listed(&c);
    assert_text(&c, c.plan.files[0].key, "x");
    assert_string_equal(c.notices.data,
                        "the URL of the list is signed for the list alone: its "
                        "files are requested without the signature\n");
    case_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_line_twice),
        cmocka_unit_test(test_list_that_breaks_off),
        cmocka_unit_test(test_bad_line_of_a_list_that_breaks_off),
        cmocka_unit_test(test_one_path_twice),
        cmocka_unit_test(test_signed_list),
        cmocka_unit_test(test_list_signed_for_itself),
        cmocka_unit_test(test_names_of_a_web_list),
        cmocka_unit_test(test_more_files_than_fly_at_a_time),
        cmocka_unit_test(test_urls_in_a_list),
        cmocka_unit_test(test_bad_web_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
