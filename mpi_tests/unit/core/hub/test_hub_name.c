/* hf:// texts on one side, what they name and its URLs on the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/hub/hub_name.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void test_parse(void **state)
{
    static const struct {
        const char *source, *revision, *repo_type;
        enum hub_type type;
        const char *repo, *at, *path;
    } rows[] = {
        { "hf://a/b", NULL, NULL, HUB_MODEL, "a/b", "main", "" },
        { "hf://a/b/", NULL, NULL, HUB_MODEL, "a/b", "main", "" },
        { "hf://models/a/b", NULL, NULL, HUB_MODEL, "a/b", "main", "" },
        { "hf://models/a/b", NULL, "model", HUB_MODEL, "a/b", "main", "" },
        { "hf://datasets/a/b", NULL, NULL, HUB_DATASET, "a/b", "main", "" },
        { "hf://spaces/a/b", NULL, "space", HUB_SPACE, "a/b", "main", "" },
        { "hf://a/b", NULL, "dataset", HUB_DATASET, "a/b", "main", "" },
        { "hf://a/b", "v1", NULL, HUB_MODEL, "a/b", "v1", "" },
        { "hf://a/b@v1", NULL, NULL, HUB_MODEL, "a/b", "v1", "" },
        { "hf://a/b@v1", "v1", NULL, HUB_MODEL, "a/b", "v1", "" },
        { "hf://a/b@v1/c/d", NULL, NULL, HUB_MODEL, "a/b", "v1", "c/d" },
        { "hf://a/b@x%2Fy/c", "x/y", NULL, HUB_MODEL, "a/b", "x/y", "c" },
        { "hf://a/b@refs/pr/1", NULL, NULL, HUB_MODEL, "a/b", "refs/pr/1", "" },
        { "hf://a/b@refs/pr/1/c", NULL, NULL, HUB_MODEL, "a/b", "refs/pr/1", "c" },
        { "hf://a/b@refs/convert/parquet/c", NULL, NULL, HUB_MODEL, "a/b",
          "refs/convert/parquet", "c" },
        { "hf://a/b@refs%2Fpr%2F1/c", NULL, NULL, HUB_MODEL, "a/b", "refs/pr/1", "c" },
        { "hf://a/b/c@d.txt", NULL, NULL, HUB_MODEL, "a/b", "main", "c@d.txt" },
        { "hf://a/b/c%20d/", NULL, NULL, HUB_MODEL, "a/b", "main", "c%20d" },
        { "hf://gpt2", NULL, NULL, HUB_MODEL, "gpt2", "main", "" },
        { "hf://gpt2/", NULL, NULL, HUB_MODEL, "gpt2", "main", "" },
        { "hf://gpt2@v1/x.json", NULL, NULL, HUB_MODEL, "gpt2", "v1", "x.json" },
        { "hf://gpt2/x", NULL, NULL, HUB_MODEL, "gpt2/x", "main", "" },
        { "hf://datasets/squad", NULL, NULL, HUB_DATASET, "squad", "main", "" },
        { "hf://A-b_c.9/d.e", NULL, NULL, HUB_MODEL, "A-b_c.9/d.e", "main", "" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct hub_name name;
        struct err err = { 0 };

        if (hub_name_parse(&name, rows[i].source, rows[i].revision, rows[i].repo_type,
                           &err) < 0)
            fail_msg("row %zu: %s", i, err.text);
        assert_int_equal(name.type, rows[i].type);
        assert_string_equal(name.repo, rows[i].repo);
        assert_string_equal(name.revision, rows[i].at);
        assert_string_equal(name.path, rows[i].path);
    }
}

static void test_refuse(void **state)
{
    static const struct {
        const char *source, *revision, *repo_type;
        const char *says;
    } rows[] = {
        { "https://a/b", NULL, NULL, "hf://" },
        { "hf://", NULL, NULL, "missing" },
        { "hf://@main", NULL, NULL, "missing" },
        { "hf://datasets", NULL, NULL, "repository type" },
        { "hf://datasets/", NULL, NULL, "missing" },
        { "hf:///b", NULL, NULL, "empty" },
        { "hf://a//b", NULL, NULL, "empty" },
        { "hf://kernels/a/b", NULL, NULL, "kernels/" },
        { "hf://-a/b", NULL, NULL, "begin or end" },
        { "hf://a/b.", NULL, NULL, "begin or end" },
        { "hf://a/b--c", NULL, NULL, "'--'" },
        { "hf://a/b..c", NULL, NULL, "'--'" },
        { "hf://a/b.git", NULL, NULL, ".git" },
        { "hf://a b/c", NULL, NULL, "letters" },
        { "hf://a/b?x=1", NULL, NULL, "letters" },
        { "hf://../..", NULL, NULL, "begin or end" },
        { "hf://a/b@", NULL, NULL, "revision" },
        { "hf://a/b@/c", NULL, NULL, "revision" },
        { "hf://a/b@v1", "v2", NULL, "v2" },
        { "hf://a/b@..%2F..%2Fx", NULL, NULL, "revision" },
        { "hf://a/b", "a/../b", NULL, "revision" },
        { "hf://a/b", "", NULL, "revision" },
        { "hf://a/b@x%0Ay", NULL, NULL, "revision" },
        { "hf://a/b/../c", NULL, NULL, "path" },
        { "hf://a/b//c", NULL, NULL, "path" },
        { "hf://datasets/a/b", NULL, "model", "--repo-type" },
        { "hf://models/a/b", NULL, "space", "--repo-type" },
        { "hf://a/b", NULL, "datasets", "--repo-type" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct hub_name name;
        struct err err = { 0 };

        if (hub_name_parse(&name, rows[i].source, rows[i].revision, rows[i].repo_type,
                           &err) == 0)
            fail_msg("'%s' was taken", rows[i].source);
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.text, rows[i].says))
            fail_msg("'%s': '%s' does not say '%s'", rows[i].source, err.text,
                     rows[i].says);
    }
}

/* The limits: 96 characters of a name, 255 bytes of a revision, 4095 of a path. */
static void test_lengths(void **state)
{
    static const struct {
        const char *front;
        size_t most; /* letters that may follow, one more is refused */
    } rows[] = { { "hf://a/", 94 }, { "hf://", 96 }, { "hf://a/b@", 255 } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        for (size_t more = 0; more < 2; more++) {
            struct strbuf text = { 0 };
            struct hub_name name;

            strbuf_adds(&text, rows[i].front);
            for (size_t k = 0; k < rows[i].most + more; k++)
                strbuf_adds(&text, "x");
            assert_int_equal(hub_name_parse(&name, text.data, NULL, NULL, NULL),
                             more ? -1 : 0);
            strbuf_release(&text);
        }
}

static void test_is_commit(void **state)
{
    (void)state;
    assert_true(hub_name_is_commit(COMMIT));
    assert_false(hub_name_is_commit("0123456789ABCDEF0123456789abcdef01234567"));
    assert_false(hub_name_is_commit("0123456789abcdef0123456789abcdef0123456"));
    assert_false(hub_name_is_commit(COMMIT "8"));
    assert_false(hub_name_is_commit("main"));
}

static void test_covers(void **state)
{
    struct hub_name name;

    (void)state;
    assert_int_equal(hub_name_parse(&name, "hf://a/b/c/d", NULL, NULL, NULL), 0);
    assert_true(hub_name_covers(&name, "c/d"));
    assert_true(hub_name_covers(&name, "c/d/e"));
    assert_false(hub_name_covers(&name, "c/de"));
    assert_false(hub_name_covers(&name, "c"));
    assert_false(hub_name_covers(&name, "x/c/d"));
    assert_int_equal(hub_name_parse(&name, "hf://a/b", NULL, NULL, NULL), 0);
    assert_true(hub_name_covers(&name, "anything"));
}

static void expect(struct strbuf *found, const char *wanted)
{
    assert_false(found->failed);
    assert_string_equal(found->data, wanted);
    strbuf_release(found);
}

static void test_urls(void **state)
{
    struct hub_name name;
    struct strbuf out = { 0 };

    (void)state;
    assert_int_equal(hub_name_parse(&name,
                                    "hf://datasets/a/b@refs/pr/1/dir with sp/\xc3\xbc",
                                    NULL, NULL, NULL),
                     0);
    hub_name_text(&name, &out);
    expect(&out, "hf://datasets/a/b@refs%2Fpr%2F1/dir with sp/\xc3\xbc");
    hub_name_repo(&name, &out);
    expect(&out, "datasets/a/b");
    hub_name_revision_url(&name, "http://h:1", true, &out);
    expect(&out, "http://h:1/api/datasets/a/b/revision/refs%2Fpr%2F1?expand=sha");
    hub_name_revision_url(&name, "http://h:1", false, &out);
    expect(&out, "http://h:1/api/datasets/a/b/revision/refs%2Fpr%2F1");
    hub_name_tree_url(&name, "http://h:1", COMMIT, "", true, &out);
    expect(&out,
           "http://h:1/api/datasets/a/b/tree/" COMMIT "?recursive=true&expand=false");
    hub_name_tree_url(&name, "http://h:1", COMMIT, name.path, false, &out);
    expect(&out, "http://h:1/api/datasets/a/b/tree/" COMMIT
                 "/dir%20with%20sp%2F%C3%BC?recursive=false&expand=false");
    hub_name_resolve_url(&name, "http://h:1", COMMIT, &out);
    expect(&out, "http://h:1/datasets/a/b/resolve/" COMMIT "/");
    assert_int_equal(hub_name_parse(&name, "hf://gpt2", NULL, NULL, NULL), 0);
    hub_name_resolve_url(&name, "http://h:1", COMMIT, &out);
    expect(&out, "http://h:1/gpt2/resolve/" COMMIT "/");
    hub_name_repo(&name, &out);
    expect(&out, "models/gpt2");
}

static void test_text_parses_back(void **state)
{
    static const char *const sources[] = { "hf://a/b", "hf://gpt2", "hf://gpt2@v/x y",
                                           "hf://spaces/a/b@refs/pr/7/c@d%41",
                                           "hf://datasets/squad@x%2525" };

    (void)state;
    for (size_t i = 0; i < countof(sources); i++) {
        struct hub_name name, again;
        struct strbuf text = { 0 };

        assert_int_equal(hub_name_parse(&name, sources[i], NULL, NULL, NULL), 0);
        hub_name_text(&name, &text);
        assert_int_equal(hub_name_parse(&again, text.data, NULL, NULL, NULL), 0);
        assert_int_equal(name.type, again.type);
        assert_string_equal(name.repo, again.repo);
        assert_string_equal(name.revision, again.revision);
        assert_string_equal(name.path, again.path);
        strbuf_release(&text);
    }
}

static void test_next_url(void **state)
{
    struct strbuf out = { 0 };

    (void)state;
    hub_name_next_url("https://huggingface.co/api/x?cursor=1", "http://mirror/hub", &out);
    expect(&out, "http://mirror/hub/api/x?cursor=1");
    hub_name_next_url("https://huggingface.co.evil/x", "http://mirror", &out);
    expect(&out, "https://huggingface.co.evil/x");
    hub_name_next_url("http://mirror/api/x", "http://mirror", &out);
    expect(&out, "http://mirror/api/x");
}

static void test_resolve_url(void **state)
{
    (void)state;
    assert_true(hub_name_is_resolve_url("https://h/a/b/resolve/main/x"));
    assert_true(
        hub_name_is_resolve_url("https://h/datasets/a/b/resolve/main/x?download=1"));
    assert_false(hub_name_is_resolve_url("https://h/lfs/12/34?Signature=/resolve/"));
    assert_false(hub_name_is_resolve_url("https://h/a/b/resolved/main"));
    assert_false(hub_name_is_resolve_url(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_is_commit),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_text_parses_back),
        cmocka_unit_test(test_resolve_url),
        cmocka_unit_test(test_next_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
