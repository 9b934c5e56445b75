/* The library's record of a commit: what is written is what its own writer would write,
 * and what it would not take is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "publish/commit_record.h"
#include "scratch_dir.h"

#define OID "0123456789abcdef0123456789abcdef01234567"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int add(void *arg, const struct plan_entry *entry, struct err *err)
{
    return plan_add(arg, entry, err);
}

static void put(const char *path, const char *text)
{
    assert_int_equal(fs_write_all(NULL, path, text, strlen(text), true, false, NULL), 0);
}

static void test_text(void **state)
{
    const struct plan_entry lfs = { .path = "b \"q\".bin",
                                    .oid = OID,
                                    .xet = SHA,
                                    .size = 7,
                                    .want = { .kind = DIGEST_SHA256,
                                              .bytes = { 0xab, [31] = 0xcd } } };
    const struct plan_entry git = {
        .path = "a/größe", .oid = OID, .size = 3, .want = { .kind = DIGEST_GIT_BLOB }
    };
    struct plan plan = { .bare = true };
    struct strbuf text = { 0 };

    (void)state;
    assert_int_equal(plan_add(&plan, &lfs, NULL), 0);
    assert_int_equal(plan_add(&plan, &git, NULL), 0);
    assert_int_equal(plan_seal(&plan, NULL), 0);
    assert_int_equal(commit_record_text(&plan, &text, NULL), 0);
    assert_string_equal(
        text.data,
        "{\n \"format_version\": 1,\n \"files\": {\n"
        "  \"a/größe\": {\"size\": 3, \"blob_id\": \"" OID "\"},\n"
        "  \"b \\\"q\\\".bin\": {\"size\": 7, \"blob_id\": \"" OID "\", \"lfs_sha256\": "
        "\"ab000000000000000000000000000000000000000000000000000000000000cd\", "
        "\"lfs_size\": 7, \"xet_hash\": \"" SHA "\"}\n }\n}\n");
    strbuf_release(&text);
    plan_release(&plan);
}

static void test_load(void **state)
{
    struct plan plan = { .bare = true };

    (void)state;
    put("t.json",
        "{\"format_version\": 1, \"more\": 0, \"files\": {"
        "\"x/y\": {\"size\": 130, \"blob_id\": \"" OID "\", \"lfs_sha256\": \"" SHA
        "\", \"lfs_size\": 5000000000}, \"e\": {\"size\": 0, \"blob_id\": \"" OID
        "\"}}}");
    assert_int_equal(commit_record_load("t.json", add, &plan, NULL), 0);
    assert_int_equal(plan_seal(&plan, NULL), 0);
    assert_int_equal(plan.nfiles, 2);
    assert_string_equal(plan_path(&plan, 0), "e");
    assert_int_equal(plan.files[0].want.kind, DIGEST_GIT_BLOB);
    assert_string_equal(plan_text(&plan, plan.files[0].etag), OID);
    assert_int_equal(plan.files[1].want.kind, DIGEST_SHA256);
    assert_string_equal(plan_text(&plan, plan.files[1].etag), SHA);
    assert_true(plan.files[1].size == 5000000000); /* not that of the pointer */
    plan_release(&plan);
}

static void test_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "[]",
        "{\"files\": {}}",
        "{\"format_version\": 2, \"files\": {}}",
        "{\"format_version\": \"1\", \"files\": {}}",
        "{\"format_version\": 1, \"files\": []}",
        "{\"format_version\": 1, \"files\": {\"a\": 1}}",
        "{\"format_version\": 1, \"files\": {\"a\": {\"size\": 1}}}",
        "{\"format_version\": 1, \"files\": {\"a\": {\"size\": -1, \"blob_id\": \"" OID
        "\"}}}",
        "{\"format_version\": 1, \"files\": {\"a\": {\"size\": 1.5, \"blob_id\": \"" OID
        "\"}}}",
        "{\"format_version\": 1, \"files\": {\"a\": {\"size\": 1, \"blob_id\": "
        "\"../../x\"}}}",
        "{\"format_version\": 1, \"files\": {\"a\": {\"size\": 1, \"blob_id\": \"" OID
        "\", \"xet_hash\": \"****\"}}}",
        "{\"format_version\": 1, \"files\": {\"a\": {\"size\": 1, \"blob_id\": \"" OID
        "\", \"lfs_sha256\": \"no\", \"lfs_size\": 1}}}",
        "{\"format_version\": 1, \"files\": {\"a\": {\"size\": 1, \"blob_id\": \"" OID
        "\"}, \"a\": {\"size\": 1, \"blob_id\": \"" OID "\"}}}",
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct plan plan = { 0 };
        struct err err = { 0 };

        put("t.json", rows[i]);
        assert_int_equal(commit_record_load("t.json", add, &plan, &err), -1);
        assert_int_equal(err.code, ERR_DEST);
        assert_non_null(strstr(err.text, "'t.json'"));
        plan_release(&plan);
    }
    assert_int_equal(commit_record_load("none.json", add, NULL, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
