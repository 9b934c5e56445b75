/* Names in the cache of the Hub's library, as hub-docs has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/hub/hub_cache.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void test_folder(void **state)
{
    static const char *const rows[][2] = {
        { "models/ns/name", "models--ns--name" },
        { "models/gpt2", "models--gpt2" },
        { "datasets/Ns/na.me_x", "datasets--Ns--na.me_x" },
        { "spaces/a/b-c", "spaces--a--b-c" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf out = { 0 };

        hub_cache_folder(rows[i][0], &out);
        assert_string_equal(out.data, rows[i][1]);
        strbuf_release(&out);
    }
}

static void test_link(void **state)
{
    static const char *const rows[][2] = {
        { "config.json", "../../blobs/abc" },
        { "a/b", "../../../blobs/abc" },
        { "a/b c/d#.txt", "../../../../blobs/abc" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf out = { 0 };

        hub_cache_link(rows[i][0], "abc", &out);
        assert_string_equal(out.data, rows[i][1]);
        strbuf_release(&out);
    }
}

static void test_etag(void **state)
{
    (void)state;
    assert_true(hub_cache_is_etag(COMMIT));
    assert_true(hub_cache_is_etag(COMMIT "0123456789abcdef01234567"));
    assert_false(hub_cache_is_etag(""));
    assert_false(hub_cache_is_etag("../../../etc/passwd"));
    assert_false(hub_cache_is_etag("0123456789abcdef0123456789abcdef0123456/"));
    assert_false(hub_cache_is_etag(COMMIT "0"));
}

static void test_snapshot(void **state)
{
    static const struct {
        const char *path;
        size_t folder; /* 0: it is none */
    } rows[] = {
        { "/c/models--a--b/snapshots/" COMMIT, 15 },
        { "/c/models--a--b/snapshots/" COMMIT "//", 15 },
        { "/snapshots/" COMMIT, 0 },
        { "/c/x/snapshots/" COMMIT "0", 0 },
        { "/c/x/snapshots/0123456789ABCDEF0123456789ABCDEF01234567", 0 },
        { "/c/x/snapshot/" COMMIT, 0 },
        { "/c/x/snapshots/" COMMIT "/config.json", 0 },
        { "", 0 },
        { "/", 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        size_t folder = 0;
        char commit[41] = "";
        bool is = hub_cache_is_snapshot(rows[i].path, &folder, commit);

        assert_int_equal(is, rows[i].folder > 0);
        if (!is)
            continue;
        assert_int_equal(folder, rows[i].folder);
        assert_string_equal(commit, COMMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_etag),
        cmocka_unit_test(test_snapshot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
