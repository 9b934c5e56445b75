/* Files and trees of this machine, and manifests that lie on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "source_case.h"

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct tree {
    char root[32], url[64], path[96];
};

static const char *at(struct tree *tree, const char *name)
{
    snprintf(tree->path, sizeof(tree->path), "%s/%s", tree->root, name);
    return tree->path;
}

static void put(struct tree *tree, const char *name, const char *text)
{
    FILE *file = fopen(at(tree, name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* a b (3 bytes), d/c (1), link -> d/c, .mpifetch/manifest.json, SUMS (of
 * "a b" and d/c) */
static void plant(struct tree *tree)
{
    strcpy(tree->root, "/tmp/test_source_XXXXXX");
    assert_non_null(mkdtemp(tree->root));
    snprintf(tree->url, sizeof(tree->url), "file://%s", tree->root);
    assert_int_equal(mkdir(at(tree, "d"), 0700), 0);
    assert_int_equal(mkdir(at(tree, ".mpifetch"), 0700), 0);
    put(tree, "a b", "abc");
    put(tree, "d/c", "c");
    put(tree, ".mpifetch/manifest.json", "{}");
    put(tree, "SUMS", SHA "  a b\n" SHA " *d/c\n");
    assert_int_equal(symlink("d/c", at(tree, "link")), 0);
}

static void uproot(struct tree *tree)
{
    static const char *const names[] = { "a b", "d/c", ".mpifetch/manifest.json", "SUMS",
                                         "link" };

    for (size_t i = 0; i < countof(names); i++)
        unlink(at(tree, names[i]));
    rmdir(at(tree, "d"));
    rmdir(at(tree, ".mpifetch"));
    assert_int_equal(rmdir(tree->root), 0);
}

static void test_tree(void **state)
{
    struct source_case c;
    struct tree tree;
    struct stat info;
    char text[96];

    (void)state;
    plant(&tree);
    case_start(&c, NULL, 0);
    c.config.source = tree.url;
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 5); /* what is named like a record may be none */
    snprintf(text, sizeof(text), "%s/", tree.url);
    assert_text(&c, c.plan.base, text);
    assert_text(&c, c.plan.source, tree.url);
    assert_text(&c, c.plan.files[2].path, "a b");
    assert_text(&c, c.plan.files[2].key, "a%20b");
    assert_int_equal(c.plan.files[2].size, 3);
    assert_int_equal(c.plan.files[2].want.kind, DIGEST_NONE);
    assert_int_equal(stat(at(&tree, "a b"), &info), 0);
    snprintf(text, sizeof(text), "mtime:%lld",
             (long long)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec);
    assert_text(&c, c.plan.files[2].etag, text);
    assert_text(&c, c.plan.files[4].path, "link");
    assert_int_equal(c.plan.files[4].size, 1);
    case_end(&c);
    uproot(&tree);
}

static void open_record(void *arg, const char *tree)
{
    *(const char **)arg = tree;
}

static int is_of_record(void *arg, const char *path, const struct fs_info *info,
                        struct digest *want, struct err *err)
{
    (void)err;
    assert_non_null(*(const char **)arg);
    if (strcmp(path, "a b") == 0) {
        assert_int_equal(info->size, 3);
        want->kind = DIGEST_SHA256;
    }
    return text_starts(path, ".mpifetch/");
}

/* What the record of the tree says, for the files that it speaks of. */
static void test_tree_with_a_record(void **state)
{
    const char *opened = NULL;
    struct source_case c;
    struct tree tree;

    (void)state;
    plant(&tree);
    case_start(&c, NULL, 0);
    c.config.source = tree.url;
    c.config.record_open = open_record;
    c.config.record_has = is_of_record;
    c.config.record_arg = &opened;
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 4);
    assert_text(&c, c.plan.files[1].path, "a b");
    assert_int_equal(c.plan.files[1].want.kind, DIGEST_SHA256);
    assert_int_equal(c.plan.files[2].want.kind, DIGEST_NONE);
    case_end(&c);
    uproot(&tree);
}

static void test_files(void **state)
{
    static const struct {
        const char *behind; /* the tree's URL */
        const char *sha256;
        const char *path;
        uint64_t size;
        enum err_code code;
        const char *says;
    } rows[] = {
        { "/a%20b", NULL, "a b", 3, 0, NULL },
        { "/a b", SHA, "a b", 3, 0, NULL },
        { "/link", NULL, "link", 1, 0, NULL },
        { "/d/", NULL, "c", 1, 0, NULL },
        { "/d", SHA, NULL, 0, ERR_USAGE, "--sha256" },
        { "/none", NULL, NULL, 0, ERR_SOURCE, "no such file" },
        { "/a b/x", NULL, NULL, 0, ERR_SOURCE, "a b/x" },
    };
    struct tree tree;

    (void)state;
    plant(&tree);
    for (size_t i = 0; i < countof(rows); i++) {
        struct source_case c;
        char url[96];

        snprintf(url, sizeof(url), "%s%s", tree.url, rows[i].behind);
        case_start(&c, NULL, 0);
        c.config.source = url;
        c.config.sha256 = rows[i].sha256;
        case_run(&c);
        if (rows[i].says) {
            assert_failed(&c, rows[i].code, rows[i].says);
        } else {
            struct strbuf found = { 0 };

            assert_listed(&c);
            assert_int_equal(c.plan.nfiles, 1);
            assert_text(&c, c.plan.files[0].path, rows[i].path);
            assert_int_equal(c.plan.files[0].size, rows[i].size);
            assert_int_equal(c.plan.files[0].want.kind,
                             rows[i].sha256 ? DIGEST_SHA256 : DIGEST_NONE);
            plan_url(&c.plan, 0, &found);
            assert_true(text_starts(found.data, tree.url));
            strbuf_release(&found);
        }
        case_end(&c);
    }
    uproot(&tree);
}

static void test_local_list(void **state)
{
    struct source_case c;
    struct tree tree;
    char list[64];

    (void)state;
    plant(&tree);
    snprintf(list, sizeof(list), "%s/SUMS", tree.root);
    case_start(&c, NULL, 0);
    c.config.manifest = list;
    case_run(&c);
    assert_failed(&c, ERR_USAGE, "--base");
    assert_non_null(strstr(c.err.text, "line 1"));
    case_end(&c);

    case_start(&c, NULL, 0);
    c.config.manifest = list;
    c.config.base = tree.url;
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 2);
    assert_text(&c, c.plan.files[0].key, "a%20b");
    assert_int_equal(c.plan.files[0].size, 3);
    assert_true(text_starts(plan_text(&c.plan, c.plan.files[0].etag), "mtime:"));
    assert_int_equal(c.plan.files[1].want.kind, DIGEST_SHA256);
    assert_int_equal(c.count.probe, 0);
    assert_int_equal(case_asked(&c, "GET"), 0);
    case_end(&c);

    case_start(&c, NULL, 0);
    c.config.manifest = at(&tree, "none");
    case_run(&c);
    assert_failed(&c, ERR_USAGE, "--manifest");
    case_end(&c);
    uproot(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_tree_with_a_record),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_local_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
