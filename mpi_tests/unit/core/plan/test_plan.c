#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/path_rules.h"
#include "core/plan/plan.h"

static void add(struct plan *plan, const char *path, uint64_t size)
{
    const struct plan_entry entry = { .path = path, .key = path, .size = size };
    struct err err = { 0 };

    assert_int_equal(plan_add(plan, &entry, &err), 0);
}

static void add_all(struct plan *plan, const char *const *paths)
{
    for (; *paths; paths++)
        add(plan, *paths, 1);
}

/* A path of so many bytes in parts of at most 200. */
static void long_path(char *out, size_t len)
{
    memset(out, 'a', len);
    for (size_t i = 200; i + 1 < len; i += 201)
        out[i] = '/';
    out[len] = '\0';
}

static void seals_in_byte_order(void **state)
{
    static const char *const paths[] = { "b", "a/c", "a-b", "\xc3\xbc", "a.b",
                                         "Z", "a/b", "z",   "a0",       NULL };
    static const char *const want[] = { "Z",  "a-b", "a.b", "a/b",     "a/c",
                                        "a0", "b",   "z",   "\xc3\xbc" };
    struct plan plan = { 0 };
    struct err err = { 0 };

    (void)state;
    add_all(&plan, paths);
    assert_int_equal(plan_seal(&plan, &err), 0);
    assert_int_equal(plan.nfiles, countof(want));
    assert_int_equal(plan.nbytes, countof(want));
    for (size_t i = 0; i < countof(want); i++)
        assert_string_equal(plan_path(&plan, i), want[i]);
    plan_release(&plan);
}

static void copies_what_it_is_given(void **state)
{
    char path[] = "dir/file", etag[] = "tag";
    const struct plan_entry entry = {
        .path = path,
        .etag = etag,
        .oid = "0123",
        .flags = PLAN_LFS | PLAN_LOCATE,
        .size = 42,
        .want = { .kind = DIGEST_SHA256, .bytes = { 7, 8 } },
    };
    struct plan plan = { 0 };
    struct err err = { 0 };
    const struct plan_file *file;

    (void)state;
    assert_int_equal(plan_set(&plan, &plan.revision, "c0ffee", &err), 0);
    assert_int_equal(plan_set(&plan, &plan.ref, NULL, &err), 0);
    assert_int_equal(plan_add(&plan, &entry, &err), 0);
    memset(path, 'x', sizeof(path) - 1);
    memset(etag, 'x', sizeof(etag) - 1);
    assert_int_equal(plan_seal(&plan, &err), 0);
    file = &plan.files[0];
    assert_string_equal(plan_path(&plan, 0), "dir/file");
    assert_string_equal(plan_text(&plan, file->etag), "tag");
    assert_string_equal(plan_text(&plan, file->oid), "0123");
    assert_string_equal(plan_text(&plan, file->key), "");
    assert_string_equal(plan_text(&plan, file->xet), "");
    assert_string_equal(plan_text(&plan, plan.revision), "c0ffee");
    assert_string_equal(plan_text(&plan, plan.ref), "");
    assert_string_equal(plan_text(&plan, plan.repo), "");
    assert_int_equal(file->flags, PLAN_LFS | PLAN_LOCATE);
    assert_int_equal(file->size, 42);
    assert_memory_equal(&file->want, &entry.want, sizeof(entry.want));
    plan_release(&plan);
    plan_release(&plan);
    plan_release(NULL);
}

static void judges_paths(void **state)
{
    char most[4097], more[4097], part[257], inner[259], parts[2 * 257];
    const struct {
        const char *path;
        bool good;
    } rows[] = {
        { "a", true },
        { "a/b.c/d", true },
        { ".gitattributes", true },
        { "...", true },
        { "..a/b..", true },
        { "a\\b", true },
        { "\xc3\xbc/\xe4\xb8\xad", true },
        { "a b/%41#?*", true },
        { "ab:c", true },
        { "", false },
        { "/a", false },
        { "\\a", false },
        { "//a", false },
        { "a/", false },
        { "a\\", false },
        { "a//b", false },
        { "a\\/b", false },
        { ".", false },
        { "..", false },
        { "./a", false },
        { "../a", false },
        { "a/../b", false },
        { "a/..", false },
        { "a/./b", false },
        { "a\\..\\b", false },
        { "..\\a", false },
        { "C:", false },
        { "C:\\x", false },
        { "c:/x", false },
        { "c:x", true },
        { "a:b.txt", true },
        { "a\nb", false },
        { "a\tb", false },
        { "\x01", false },
        { "a\x7f", false },
        { "a\xc2\x85"
          "b",
          false }, /* NEL, a line end in C1 */
        { "a\xff", false },
        { "\xc0\xaf", false },
        { most, true },
        { more, false },
        { part, false },
        { part + 1, true },
        { inner, false },
        { inner + 1, true },
        { parts, false },
        { parts + 2, true },
    };

    (void)state;
    for (size_t i = 0; i < 257; i++)
        memcpy(parts + 2 * i, i < 256 ? "a/" : "a", 2); /* the last with its NUL */
    long_path(most, 4095);
    long_path(more, 4096);
    memset(part, 'p', 256);
    memset(inner, 'p', 256);
    snprintf(inner + 256, 3, "/a");
    part[256] = '\0';
    for (size_t i = 0; i < countof(rows); i++)
        if ((path_rules_fault(rows[i].path) == NULL) != rows[i].good)
            fail_msg("'%s'", rows[i].path);
    part[100] = '\\'; /* one part for the file system, whatever Windows thinks */
    assert_non_null(path_rules_fault(part));
}

/* Some files, and whether they can lie in one tree. */
struct tree {
    const char *paths[6];
    const char *repo;
    const char *hint; /* part of the reason; NULL: fine */
};

static void refuses_files_that_cannot_lie_together(void **state)
{
    static const struct tree rows[] = {
        { { "a", "b" }, "", NULL },
        { { "a-b", "a/c", "a.d" }, "", NULL },
        { { "ab", "a/c", "abc" }, "", NULL },
        { { "a", "a" }, "", "path 'a': two" },
        { { "a/b", "c", "a/b" }, "", "path 'a/b': two" },
        { { "a", "a/c" }, "", "path 'a': it is both a file and" },
        { { "a", "a-b", "a/c" }, "", "path 'a': it is both a file and" },
        { { "a/c/d/e", "a-b", "a", "a!b", "a.b" },
          "",
          "path 'a': it is both a file and" },
        { { "a", "a-b", "a-b-c", "a-b/x" }, "", "path 'a-b': it is both a file and" },
        { { "a", "a-", "a--", "a-!", "a/b" }, "", "path 'a': it is both a file and" },
        { { "x/a", "x/a-", "x/a-/y" }, "", "path 'x/a-': it is both a file and" },
        { { "a", "a-b", "a-/c" }, "", NULL },
        { { "ok", "../a" }, "", "path '../a'" },
        { { ".mpifetch" }, "", "'.mpifetch' is reserved" },
        { { ".mpifetch/x", ".mpifetch/SHA256SUMS" }, "", NULL },
        { { ".mpifetch/manifest.json" }, "", "taken for a record" },
        { { ".cache/huggingface/mpifetch/manifest.json" }, "", "taken for a record" },
        { { ".mpifetch2", "a/.mpifetch" }, "", NULL },
        { { ".cache/huggingface/x", ".cache/y" }, "", NULL },
        { { ".cache/huggingface/x" }, "models/a/b", "'.cache/huggingface' is reserved" },
        { { ".cache/huggingface" }, "models/a/b", "'.cache/huggingface' is reserved" },
        { { ".cache" }, "models/a/b", "'.cache/huggingface' is reserved" },
        { { ".cache/huggingface2", ".cache/x", ".cache2" }, "models/a/b", NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan plan = { 0 };
        struct err err = { 0 };
        int rc;

        add_all(&plan, rows[i].paths);
        assert_int_equal(plan_set(&plan, &plan.repo, rows[i].repo, &err), 0);
        rc = plan_seal(&plan, &err);
        if ((rc == 0) != (rows[i].hint == NULL))
            fail_msg("row %zu: %d %s", i, rc, err.text);
        if (rc < 0) {
            assert_int_equal(err.code, ERR_SOURCE);
            assert_non_null(strstr(err.text, rows[i].hint));
        }
        plan_release(&plan);
    }
}

/* A text that another of its file ends in is not kept twice. */
static void keeps_a_text_once(void **state)
{
    static const struct {
        struct plan_entry entry;
        size_t bytes; /* of text */
    } rows[] = {
        { { .path = "a/b", .key = "http://h/a/b" }, 13 },
        { { .path = "a/b", .key = "a/b", .etag = "b" }, 4 },
        { { .path = "a/b", .key = "a/c" }, 8 },
        { { .path = "long/a", .key = "a" }, 9 },
        { { .path = "p", .key = "k", .etag = "0123", .oid = "0123", .xet = "23" }, 9 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct plan_entry *entry = &rows[i].entry;
        struct plan plan = { 0 };
        const struct plan_file *file;

        assert_int_equal(plan_add(&plan, entry, NULL), 0);
        file = &plan.files[0];
        assert_int_equal(plan.text.len, 1 + rows[i].bytes);
        assert_string_equal(plan_path(&plan, 0), entry->path);
        assert_string_equal(plan_text(&plan, file->key), entry->key);
        assert_string_equal(plan_text(&plan, file->etag), entry->etag ? entry->etag : "");
        assert_string_equal(plan_text(&plan, file->oid), entry->oid ? entry->oid : "");
        assert_string_equal(plan_text(&plan, file->xet), entry->xet ? entry->xet : "");
        plan_release(&plan);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Bytes by chance, from few that are likely to agree: beginnings in common of any length,
 * also across eight bytes, signs, and the ends of texts. */
static void chance_path(char *out, size_t most, unsigned *seed)
{
    static const char bytes[] = "aab\xff\x01/";
    size_t len = 1 + (size_t)rand_r(seed) % most;

    for (size_t i = 0; i < len; i++)
        out[i] = bytes[(size_t)rand_r(seed) % (i < 9 ? 2 : sizeof(bytes) - 1)];
    out[len] = '\0';
}

static void sorts_as_strcmp_does(void **state)
{
    enum { FILES = 300, MOST = 40 };

    (void)state;
    for (unsigned seed = 1; seed <= 40; seed++) {
        static char paths[FILES][MOST + 1];
        char *want[FILES];
        struct plan plan = { 0 };
        unsigned chance = seed;

        for (size_t i = 0; i < FILES; i++) {
            chance_path(paths[i], 1 + seed % MOST, &chance);
            want[i] = paths[i];
            add(&plan, paths[i], i);
        }
        qsort(want, FILES, sizeof(want[0]), by_text);
        assert_int_equal(plan_sort(&plan, NULL), 0);
        for (size_t i = 0; i < FILES; i++) {
            assert_string_equal(plan_path(&plan, i), want[i]);
            /* and each has moved as a whole */
            assert_string_equal(paths[plan.files[i].size], want[i]);
        }
        plan_release(&plan);
    }
}

/* The listing of a hub may have paths of a length that only plan_seal refuses. */
static void sorts_what_is_alike_for_long(void **state)
{
    enum { LONG = 1 << 20 };
    char *path = malloc(LONG + 2);
    struct plan plan = { 0 };

    (void)state;
    assert_non_null(path);
    memset(path, 'a', LONG);
    for (const char *last = "cab"; *last; last++) {
        memcpy(path + LONG, (char[2]){ *last, '\0' }, 2);
        add(&plan, path, (uint64_t)*last);
    }
    assert_int_equal(plan_sort(&plan, NULL), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(plan.files[i].size, 'a' + i);
    plan_release(&plan);
    free(path);
}

/* Whatever the order in which they come. */
static void drops_repeats(void **state)
{
    static const struct plan_entry a = {
        .path = "a", .key = "a", .size = 5, .flags = PLAN_WHOLE
    };
    static const struct plan_entry a_unsized = { .path = "a",
                                                 .key = "a",
                                                 .flags = PLAN_UNSIZED };
    static const struct plan_entry a_url = {
        .path = "a", .key = "https://h/a", .size = 5, .flags = PLAN_WHOLE
    };
    static const struct plan_entry a_signed = {
        .path = "a", .key = "a", .size = 5, .flags = PLAN_WHOLE | PLAN_SIGNED
    };
    static const struct plan_entry a_6 = { .path = "a", .key = "a", .size = 6 };
    static const struct plan_entry a_sum = {
        .path = "a", .key = "a", .size = 5, .want = { DIGEST_SHA256, { 1 } }
    };
    static const struct plan_entry b = { .path = "b", .key = "a", .size = 5 };
    static const struct {
        const struct plan_entry *entries[4];
        size_t kept;
    } rows[] = {
        { { &a, &a }, 1 },
        { { &a, &a_unsized }, 1 },
        { { &a_unsized, &a }, 1 },
        { { &a, &a_url }, 1 },
        { { &b, &a, &b, &a }, 2 },
        { { &a, &b }, 2 },
        { { &a, &a_6 }, 2 },
        { { &a, &a_sum }, 2 },
        { { &a, &a_signed }, 2 },
        { { &a_unsized, &a_unsized, &a_unsized }, 1 },
        { { &a }, 1 },
        { { NULL }, 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan plan = { 0 };

        assert_int_equal(plan_set(&plan, &plan.base, "https://h/", NULL), 0);
        for (size_t k = 0; k < 4 && rows[i].entries[k]; k++)
            assert_int_equal(plan_add(&plan, rows[i].entries[k], NULL), 0);
        assert_int_equal(plan_drop_repeats(&plan, NULL), 0);
        if (plan.nfiles != rows[i].kept)
            fail_msg("row %zu: %zu files", i, plan.nfiles);
        if (i > 0 && i < 3) {
            assert_int_equal(plan.files[0].size, 5);
            assert_int_equal(plan.files[0].flags, PLAN_WHOLE);
        }
        assert_string_equal(plan_text(&plan, plan.base), "https://h/");
        plan_release(&plan);
    }
}

/* A list in any order leaves no holes, and neither do lines that stand there twice. */
static void gathers_its_texts(void **state)
{
    static const char *const paths[] = { "c", "a", "b", "a", "c", "c", NULL };
    struct plan plan = { 0 };

    (void)state;
    add_all(&plan, paths);
    assert_int_equal(plan_drop_repeats(&plan, NULL), 0);
    assert_int_equal(plan.nfiles, 3);
    assert_int_equal(plan.text.len, 7);
    assert_memory_equal(plan.text.data, "\0a\0b\0c", 7);
    plan_release(&plan);
}

/* The reason must be readable even where the path fills the sentence. */
static void names_long_paths_short(void **state)
{
    struct plan plan = { 0 };
    struct err err = { 0 };
    char path[3001];

    (void)state;
    memset(path, 'a', 3000);
    path[3000] = '\0';
    add(&plan, path, 1);
    assert_int_equal(plan_seal(&plan, &err), -1);
    assert_non_null(strstr(err.text, "aaa...': it has a part of more than 255 bytes"));
    plan_release(&plan);
}

static void refuses_sizes_that_overflow(void **state)
{
    const uint64_t half = (uint64_t)1 << 62;
    static const struct {
        uint64_t third;
        int rc;
    } rows[] = { { 0, 0 }, { 1, -1 }, { UINT64_MAX, -1 } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan plan = { 0 };
        struct err err = { 0 };

        add(&plan, "a", half);
        add(&plan, "b", half);
        add(&plan, "c", rows[i].third);
        assert_int_equal(plan_seal(&plan, &err), rows[i].rc);
        if (rows[i].rc < 0)
            assert_int_equal(err.code, ERR_SOURCE);
        else
            assert_true(plan.nbytes == 2 * half);
        plan_release(&plan);
    }
}

static void joins_base_and_key(void **state)
{
    static const char *const rows[][2] = {
        { "dir/a.bin", "https://host/base/dir/a.bin" },
        { "http://other/a", "http://other/a" },
        { "file:///a", "file:///a" },
        { "a://b", "a://b" },
        { "?x=://y", "https://host/base/?x=://y" },
        { "", "https://host/base/" },
    };
    struct plan plan = { 0 };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(plan_set(&plan, &plan.base, "https://host/base/", &err), 0);
    for (size_t i = 0; i < countof(rows); i++) {
        const struct plan_entry entry = { .path = "p", .key = rows[i][0] };
        struct strbuf url = { 0 };

        assert_int_equal(plan_add(&plan, &entry, &err), 0);
        plan_url(&plan, i, &url);
        assert_string_equal(url.data, rows[i][1]);
        strbuf_release(&url);
    }
    plan_release(&plan);
}

/* Two names that differ in nothing but the case of ASCII letters. */
static void finds_twins(void **state)
{
    static const struct {
        const char *paths[4]; /* in byte order */
        const char *one, *other;
    } rows[] = {
        { { "a", "b", "c" }, NULL, NULL },
        { { "a" }, NULL, NULL },
        { { NULL }, NULL, NULL },
        { { "README", "a", "readme" }, "README", "readme" },
        { { "A/x", "B/x", "b/X" }, "B/x", "b/X" },
        { { "A/x", "a/y" }, NULL, NULL }, /* one directory, and nothing lost in it */
        { { "Z", "[", "z" }, "Z", "z" },  /* what lies between the letters */
        { { "@", "`" }, NULL, NULL },
        { { "[", "{" }, NULL, NULL },
        { { "x", "xX", "xx" }, "xX", "xx" },
        { { "\xc3\x84", "\xc3\xa4" }, NULL, NULL }, /* not ASCII: cannot be told here */
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan plan = { 0 };
        size_t one, other;
        bool found;

        for (size_t k = 0; k < countof(rows[i].paths) && rows[i].paths[k]; k++)
            add(&plan, rows[i].paths[k], 1);
        assert_int_equal(plan_seal(&plan, NULL), 0);
        found = plan_twins(&plan, &one, &other);
        if (found != (rows[i].one != NULL))
            fail_msg("row %zu: twins %s", i, found ? "found" : "not found");
        if (found && strcmp(plan_path(&plan, one), rows[i].one) != 0) {
            size_t swap = one;

            one = other;
            other = swap;
        }
        if (found) {
            assert_string_equal(plan_path(&plan, one), rows[i].one);
            assert_string_equal(plan_path(&plan, other), rows[i].other);
        }
        plan_release(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals_in_byte_order),
        cmocka_unit_test(copies_what_it_is_given),
        cmocka_unit_test(judges_paths),
        cmocka_unit_test(refuses_files_that_cannot_lie_together),
        cmocka_unit_test(keeps_a_text_once),
        cmocka_unit_test(sorts_as_strcmp_does),
        cmocka_unit_test(sorts_what_is_alike_for_long),
        cmocka_unit_test(drops_repeats),
        cmocka_unit_test(gathers_its_texts),
        cmocka_unit_test(names_long_paths_short),
        cmocka_unit_test(refuses_sizes_that_overflow),
        cmocka_unit_test(joins_base_and_key),
        cmocka_unit_test(finds_twins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
