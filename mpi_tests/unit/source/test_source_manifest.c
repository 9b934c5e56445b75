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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_a_web_list),
        cmocka_unit_test(test_more_files_than_fly_at_a_time),
        cmocka_unit_test(test_urls_in_a_list),
        cmocka_unit_test(test_bad_web_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
