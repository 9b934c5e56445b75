#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "run_case.h"
#include "staging/record.h"
#include "staging/record_write.h"

static const char identity[] =
    "1111111122222222333333334444444455555555666666667777777788888888";

enum { STAMP = 1700000000, OTHER_NS = 1234567890 };

/* Names that sha256sum escapes or could take apart wrongly. */
static const struct run_file files[] = {
    { "plain", "plain\n", 0 },
    { "empty", "", 0 },
    { "with space", "a", 0 },
    { " leading", "b", 0 },
    { "trailing ", "c", 0 },
    { "*star", "d", 0 },
    { "back\\slash\\n", "e", 0 },
    { "dir/gr\xc3\xb6\xc3\x9f"
      "e-\xe6\xa8\xa1\xe5\x9e\x8b",
      "f", 0 },
    { "dir/#hash %41 'quote' \"double\"", "g", 0 },
};

enum { FILES = countof(files) };

struct written {
    struct run run;
    struct existing_file known[FILES];
    char content_id[65];
};

/* A whole tree in a fresh directory, one file of it known from before. */
static void write_tree(struct written *w, const char *tree)
{
    struct strbuf path = { 0 };
    struct record_draft draft;

    run_case_open(&w->run, NULL, STAMP, files, FILES);
    w->run.staging.path = strdup("staging/run-abcdef");
    w->run.opt.records = RUN_RECORDS_INSIDE;
    strbuf_addf(&path, "%s/dir", tree);
    assert_int_equal(fs_mkdirs(NULL, path.data, NULL), 0);
    assert_int_equal(fs_dir_open(&w->run.staging.tree, NULL, tree, NULL), 0);
    for (size_t i = 0; i < FILES; i++) {
        const char *name = plan_path(&w->run.plan, i);
        const struct run_file *file = run_file_of(files, FILES, name);
        bool there = strcmp(name, "plain") == 0;

        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%s", tree, name);
        put_file(path.data, file->text);
        w->known[i] = (struct existing_file){ .there = there, .mtime_ns = OTHER_NS };
        run_file_digest(file, w->known[i].sha256);
        assert_int_equal(
            fs_set_mtime(NULL, path.data, there ? OTHER_NS : STAMP * 1000000000LL, NULL),
            0);
    }
    strbuf_release(&path);
    draft = record_draft(&w->run, w->known, identity);
    assert_int_equal(record_write(&draft, w->content_id, NULL), 0);
}

static bool id_of(const char *tree, char id[65])
{
    struct manifest head;
    bool is = record_load_dest_head(&head, tree, NULL, NULL) == 0;

    if (is)
        memcpy(id, head.content_id, sizeof(head.content_id));
    manifest_release(&head);
    return is;
}

static bool is_by(const char *tree, const char *run)
{
    return record_is_by(&(struct record_tree){ .name = tree }, run);
}

static void test_what_is_written_is_read(void **state)
{
    struct written w = { 0 };
    struct manifest record;
    struct err err = { 0 };

    (void)state;
    write_tree(&w, "read");
    assert_int_equal(manifest_load(&record, NULL, "read/.mpifetch", &err), 0);
    assert_int_equal(err.code, ERR_NONE);
    assert_int_equal(record.nfiles, FILES);
    assert_string_equal(record.identity, identity);
    assert_string_equal(record.content_id, w.content_id);
    for (size_t i = 0; i < FILES; i++) {
        const char *path = plan_path(&w.run.plan, i);
        const struct manifest_file *file = manifest_find(&record, path);

        assert_non_null(file);
        assert_string_equal(file->path, path);
        assert_string_equal(file->etag, "\"tag\"");
        assert_string_equal(file->oid, "0123456789abcdef0123456789abcdef01234567");
        assert_int_equal(file->size, w.run.plan.files[i].size);
        assert_memory_equal(file->sha256, w.known[i].sha256, 32);
        assert_true(file->mtime_ns ==
                    (w.known[i].there ? OTHER_NS : STAMP * 1000000000LL));
        assert_true(manifest_has(file, &w.run.plan, i));
        assert_true(manifest_agrees(file, NULL, "read"));
    }
    assert_null(manifest_find(&record, "plai"));
    assert_null(manifest_find(&record, "plain2"));
    assert_null(manifest_find(&record, ""));
    manifest_release(&record);
    run_case_close(&w.run);
}

static void test_no_files_at_all(void **state)
{
    char id[65], seen[65];
    struct record_draft draft;
    struct manifest record;
    struct run run;

    (void)state;
    run_case_open(&run, NULL, STAMP, NULL, 0);
    run.staging.path = strdup("run-abcdef");
    run.opt.records = RUN_RECORDS_INSIDE;
    assert_int_equal(fs_mkdirs(NULL, "none", NULL), 0);
    assert_int_equal(fs_dir_open(&run.staging.tree, NULL, "none", NULL), 0);
    draft = record_draft(&run, NULL, identity);
    assert_int_equal(record_write(&draft, id, NULL), 0);
    assert_int_equal(manifest_load(&record, NULL, "none/.mpifetch", NULL), 0);
    assert_int_equal(record.nfiles, 0);
    assert_null(manifest_find(&record, "plain"));
    assert_true(id_of("none", seen));
    assert_string_equal(seen, id);
    manifest_release(&record);
    run_case_close(&run);
}

static void test_which_run_wrote_it(void **state)
{
    struct written w = { 0 };

    (void)state;
    write_tree(&w, "whose");
    assert_true(is_by("whose", "run-abcdef"));
    assert_false(is_by("whose", "run-abcde"));
    assert_false(is_by("whose", "run-abcdefg"));
    assert_false(is_by("whose", "run-abcdeF"));
    assert_false(is_by("nowhere", "run-abcdef"));
    run_case_close(&w.run);
}

/* The promise is that none of our code is needed to check a tree. */
static void test_the_system_checks_the_sums(void **state)
{
    struct written w = { 0 };

    (void)state;
    write_tree(&w, "sums");
    assert_int_equal(system("cd sums && LC_ALL=C sha256sum --check --strict --quiet "
                            ".mpifetch/SHA256SUMS"),
                     0);
    assert_int_equal(system("test $(wc -l <sums/.mpifetch/SHA256SUMS) = 9"), 0);
    put_file("sums/back\\slash\\n", "E");
    assert_int_not_equal(
        system("cd sums && LC_ALL=C sha256sum --check --status .mpifetch/SHA256SUMS"), 0);
    run_case_close(&w.run);
}

static void test_the_content_id_is_the_digest_of_the_sums(void **state)
{
    struct written w = { 0 };
    char command[160], seen[65];

    (void)state;
    write_tree(&w, "id");
    snprintf(command, sizeof(command),
             "echo '%s  id/.mpifetch/SHA256SUMS' | "
             "sha256sum --check --status",
             w.content_id);
    assert_int_equal(system(command), 0);
    assert_true(id_of("id", seen));
    assert_string_equal(seen, w.content_id);
    run_case_close(&w.run);
}

static void test_peek_sees_nothing_elsewhere(void **state)
{
    char seen[65] = "untouched";

    (void)state;
    assert_false(id_of("missing", seen));
    put_file("a-file", "");
    assert_false(id_of("a-file", seen));
    assert_int_equal(fs_mkdirs(NULL, "other/.mpifetch", NULL), 0);
    assert_false(id_of("other", seen));
    put_file("other/.mpifetch/manifest.json", "{\"content_id\": \"short\"}");
    assert_false(id_of("other", seen));
    put_file("other/.mpifetch/manifest.json", "[");
    assert_false(id_of("other", seen));
    assert_string_equal(seen, "untouched");
}

/* A file named "f" of four bytes, as published and as planned. */
struct pair {
    struct manifest_file old;
    struct plan plan;
    struct plan_entry entry;
};

/* As sha256sum says of "f", which is what plan_url makes of the entry's key. */
static const char place_f[] =
    "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111";
static const char oid_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char oid_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static void pair_start(struct pair *pair, enum digest_kind kind)
{
    static char path[] = "f", oid[sizeof(oid_a)], etag[] = "\"v1\"";
    static char place[sizeof(place_f)];

    memcpy(oid, oid_a, sizeof(oid));
    memcpy(place, place_f, sizeof(place));
    *pair = (struct pair){
        .old = { .path = path,
                 .oid = oid,
                 .etag = etag,
                 .place = place,
                 .size = 4,
                 .mtime_ns = OTHER_NS },
        .entry = { .path = "f", .key = "f", .oid = oid_a, .etag = "\"v1\"", .size = 4 },
    };
    pair->entry.want.kind = (uint8_t)kind;
    memset(pair->old.sha256, 7, 32);
    memset(pair->entry.want.bytes, kind == DIGEST_SHA256 ? 7 : 9, 32);
    unlink("f");
    put_file("f", "four");
    assert_int_equal(fs_set_mtime(NULL, "f", OTHER_NS, NULL), 0);
}

static bool pair_same(struct pair *pair)
{
    bool same;

    assert_int_equal(plan_add(&pair->plan, &pair->entry, NULL), 0);
    assert_int_equal(plan_seal(&pair->plan, NULL), 0);
    same = manifest_has(&pair->old, &pair->plan, 0) &&
           manifest_agrees(&pair->old, NULL, ".");
    plan_release(&pair->plan);
    return same;
}

static void test_same_by_digest(void **state)
{
    static const enum digest_kind kinds[] = { DIGEST_SHA256, DIGEST_GIT_BLOB,
                                              DIGEST_NONE };
    struct pair pair;

    (void)state;
    for (size_t i = 0; i < countof(kinds); i++) {
        pair_start(&pair, kinds[i]);
        assert_true(pair_same(&pair));
        pair.old.size = 5;
        assert_false(pair_same(&pair));
        pair.old.size = 4;
        pair.entry.size = 5;
        assert_false(pair_same(&pair));
    }
    /* Each kind looks at what proves something, and at nothing else. */
    pair_start(&pair, DIGEST_SHA256);
    pair.entry.etag = "\"v2\"";
    pair.entry.oid = oid_b;
    assert_true(pair_same(&pair));
    pair.old.sha256[31] ^= 1;
    assert_false(pair_same(&pair));
    pair_start(&pair, DIGEST_GIT_BLOB);
    pair.entry.etag = "\"v2\"";
    assert_true(pair_same(&pair));
    pair.entry.oid = oid_b;
    assert_false(pair_same(&pair));
}

/* No proof is no sameness: two missing validators are equal and say nothing. */
static void test_same_without_proof(void **state)
{
    static char none[] = "";
    struct pair pair;

    (void)state;
    pair_start(&pair, DIGEST_NONE);
    pair.entry.etag = "\"v2\"";
    assert_false(pair_same(&pair));
    pair.entry.etag = "";
    assert_false(pair_same(&pair));
    pair.old.etag = none;
    assert_false(pair_same(&pair));
    pair_start(&pair, DIGEST_NONE);
    pair.entry.key = "elsewhere/f"; /* where the same validator means another file */
    assert_false(pair_same(&pair));
    pair_start(&pair, DIGEST_GIT_BLOB);
    pair.entry.key = "elsewhere/f";
    assert_true(pair_same(&pair));
    pair.old.oid = none;
    assert_false(pair_same(&pair));
    pair.entry.oid = "";
    assert_false(pair_same(&pair));
}

/* What was published and is not as it was then, whatever the record says. */
static void test_same_on_disk(void **state)
{
    struct pair pair;

    (void)state;
    pair_start(&pair, DIGEST_SHA256);
    assert_int_equal(fs_set_mtime(NULL, "f", OTHER_NS + 1, NULL), 0);
    assert_false(pair_same(&pair));
    put_file("f", "five!");
    assert_int_equal(fs_set_mtime(NULL, "f", OTHER_NS, NULL), 0);
    assert_false(pair_same(&pair));
    unlink("f");
    assert_false(pair_same(&pair));
    assert_int_equal(symlink("four-elsewhere", "f"), 0);
    put_file("four-elsewhere", "four");
    assert_int_equal(fs_set_mtime(NULL, "four-elsewhere", OTHER_NS, NULL), 0);
    assert_int_equal(fs_set_mtime(NULL, "f", OTHER_NS, NULL), 0);
    pair.old.size = pair.entry.size = strlen("four-elsewhere");
    assert_false(pair_same(&pair)); /* the link itself has that size and time */
    pair.old.size = pair.entry.size = 4;
    assert_false(pair_same(&pair)); /* and so has the file that it leads to */
    unlink("f");
    assert_int_equal(fs_mkdir(NULL, "f", 0777, NULL), 0);
    assert_false(pair_same(&pair));
    assert_int_equal(rmdir("f"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_no_files_at_all),
        cmocka_unit_test(test_which_run_wrote_it),
        cmocka_unit_test(test_the_system_checks_the_sums),
        cmocka_unit_test(test_the_content_id_is_the_digest_of_the_sums),
        cmocka_unit_test(test_peek_sees_nothing_elsewhere),
        cmocka_unit_test(test_same_by_digest),
        cmocka_unit_test(test_same_without_proof),
        cmocka_unit_test(test_same_on_disk),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
