/* Answers of the Hub as bytes, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/text.h"
#include "source/hub_page.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define OID "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int take_none(void *arg, const struct plan_entry *entry, struct err *err)
{
    (void)err;
    assert_non_null(entry->path);
    ++*(unsigned *)arg;
    return 0;
}

static void test_bad_pages(void **state)
{
    static const struct {
        const char *page, *says;
    } rows[] = {
        { "", "not JSON" },
        { "  <html>", "not JSON" },
        { "[", "invalid JSON" },
        { "[] x", "invalid JSON" },
        { "[,]", "invalid JSON" },
        { "[1,]", "entry 1" },
        { "[{\"type\":\"directory\",\"path\":\"d\"},]", "invalid JSON" },
        { "[{\"type\":\"directory\",\"path\":\"d\"}", "invalid JSON" },
        { "[{\"type\":\"directory\",\"path\":\"d\"}{}]", "invalid JSON" },
        { "[{\"type\":\"directory\",\"path\":\"d\"}]]", "invalid JSON" },
        { "{}", "not a file listing" },
        { "[1]", "entry 1" },
        { "[{}]", "entry 1" },
        { "[{\"type\":\"directory\",\"path\":\"d\"},{\"type\":\"file\",\"path\":7}]",
          "entry 2" },
        { "[{\"type\":\"file\",\"path\":\"x\\u0000y\"}]", "invalid JSON" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":1}]", "git object id" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":1,\"oid\":\"../x\"}]", "40 hex" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"oid\":\"" OID "\"}]", "size" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":-1,\"oid\":\"" OID "\"}]",
          "negative" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":1.5,\"oid\":\"" OID "\"}]",
          "whole" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":\"1\",\"oid\":\"" OID "\"}]",
          "whole" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":9223372036854775808,\"oid\":\"" OID
          "\"}]",
          "invalid JSON" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":1,\"size\":2,\"oid\":\"" OID
          "\"}]",
          "invalid JSON" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":1,\"oid\":\"" OID
          "\",\"lfs\":{\"oid\":\"zz\",\"size\":1}}]",
          "64 hex" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":1,\"oid\":\"" OID
          "\",\"lfs\":{\"oid\":\"" SHA "\"}}]",
          "size" },
        { "[{\"type\":\"file\",\"path\":\"x\",\"size\":1,\"oid\":\"" OID
          "\",\"lfs\":true}]",
          "'lfs'" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err err = { 0 };
        unsigned files = 0;

        if (hub_page_tree(rows[i].page, strlen(rows[i].page), take_none, &files, &err) ==
            0)
            fail_msg("'%s' was taken", rows[i].page);
        assert_int_equal(err.code, ERR_SOURCE);
        assert_int_equal(files, 0);
        if (!strstr(err.text, rows[i].says))
            fail_msg("'%s': '%s' does not say '%s'", rows[i].page, err.text,
                     rows[i].says);
    }
}

static char *entry_of(size_t len)
{
    static const char head[] =
        "[{\"type\":\"file\",\"path\":\"x\",\"size\":1,\"oid\":\"" OID "\",\"more\":\"";
    char *page = malloc(len + sizeof(head) + 3);

    assert_non_null(page);
    memset(page, 'm', len + sizeof(head) + 2);
    memcpy(page, head, sizeof(head) - 1);
    memcpy(page + sizeof(head) - 1 + len, "\"}]", 4);
    return page;
}

/* One entry, and so what is in memory as JSON at a time, has a limit; a page has none but
 * its length. */
static void test_long_entry(void **state)
{
    char *page = entry_of(900000);
    struct err err = { 0 };
    unsigned files = 0;

    (void)state;
    assert_int_equal(hub_page_tree(page, strlen(page), take_none, &files, &err), 0);
    assert_int_equal(files, 1);
    free(page);
    page = entry_of(1200000);
    assert_int_equal(hub_page_tree(page, strlen(page), take_none, &files, &err), -1);
    assert_non_null(strstr(err.text, "longer than 1048576 bytes"));
    free(page);
}

static void test_many_entries(void **state)
{
    static const char entry[] =
        " {\"type\":\"file\",\"path\":\"x\",\"size\":1,\"oid\":\"" OID "\"} ,";
    struct rusage before, after;
    struct strbuf page = { 0 };
    unsigned files = 0;

    (void)state;
    strbuf_adds(&page, " [");
    for (int i = 0; i < 100000; i++)
        strbuf_adds(&page, entry);
    page.data[page.len - 1] = ']';
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(hub_page_tree(page.data, page.len, take_none, &files, NULL), 0);
    assert_int_equal(files, 100000);
    getrusage(RUSAGE_SELF, &after);
    strbuf_release(&page);
#ifndef __SANITIZE_ADDRESS__ /* which holds what is freed back */
    assert_true(after.ru_maxrss - before.ru_maxrss < 4096); /* KiB */
#endif
}

static void test_commit(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"sha\":1}",
        "{\"sha\":\"main\"}",
        "{\"sha\":\"" SHA "\"}",
        "{\"sha\":\"0123456789ABCDEF0123456789abcdef01234567\"}"
    };
    static const char good[] = "{\"id\":\"a/b\",\"sha\":\"" COMMIT "\"}";
    char commit[41];

    (void)state;
    for (size_t i = 0; i < countof(bad); i++)
        assert_int_equal(hub_page_commit(bad[i], strlen(bad[i]), commit, NULL), -1);
    assert_int_equal(hub_page_commit(good, strlen(good), commit, NULL), 0);
    assert_string_equal(commit, COMMIT);
}

/* A masked or broken Xet id is none; a mirror may leave out or null what it does not
 * have. */
static int take_first(void *arg, const struct plan_entry *entry, struct err *err)
{
    struct plan_entry *out = arg;

    (void)err;
    assert_null(entry->xet);
    out->size = entry->size;
    out->flags = entry->flags;
    return 0;
}

static void test_odd_but_fine(void **state)
{
    static const char page[] =
        "[{\"type\":\"file\",\"path\":\"x\",\"size\":5,\"oid\":\"" OID "\",\"lfs\":null,"
        "\"xetHash\":\"****************************************************************"
        "\"}]";
    struct plan_entry found = { 0 };

    (void)state;
    assert_int_equal(hub_page_tree(page, sizeof(page) - 1, take_first, &found, NULL), 0);
    assert_int_equal(found.size, 5);
    assert_int_equal(found.flags, PLAN_WHOLE | PLAN_COUNTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_pages),    cmocka_unit_test(test_long_entry),
        cmocka_unit_test(test_many_entries), cmocka_unit_test(test_commit),
        cmocka_unit_test(test_odd_but_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
