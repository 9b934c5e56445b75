/* Manifests that are not ours: refused with a sentence, whatever is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "scratch_dir.h"
#include "staging/manifest.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define IDS "\"identity\": \"" HEX64 "\", \"content_id\": \"" HEX64 "\""
#define ENTRY(path, size)                                                                \
    "{\"path\": " path ", \"size\": " size ", \"sha256\": \"" HEX64                      \
    "\", \"mtime_ns\": 1700000000000000000}"
#define WHOLE(files) "{\"format\": 1, " IDS ", \"files\": " files "}"

static const char good[] =
    WHOLE("[" ENTRY("\"b\"", "4") ", " ENTRY("\"a/c d\"", "0") "]");

static int enter(void **state)
{
    return scratch_enter(state) == 0 ? fs_mkdirs(NULL, "dest/.mpifetch", NULL) : -1;
}

static int load(const void *bytes, size_t len, struct err *err)
{
    struct manifest record;
    int rc;

    assert_int_equal(
        fs_write_all(NULL, "dest/.mpifetch/manifest.json", bytes, len, true, false, NULL),
        0);
    rc = manifest_load(&record, NULL, "dest/.mpifetch", err);
    if (rc == 0)
        manifest_release(&record);
    else
        assert_true(record.nfiles == 0 && !record.file);
    return rc;
}

static void assert_refused(const char *text, size_t len)
{
    struct err err = { 0 };

    if (load(text, len, &err) == 0)
        fail_msg("taken: %.300s", text);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "'dest/.mpifetch/manifest.json'"));
}

static void test_the_base_of_all_these_is_good(void **state)
{
    struct manifest record;

    (void)state;
    assert_int_equal(load(good, strlen(good), NULL), 0);
    assert_int_equal(manifest_load(&record, NULL, "dest/.mpifetch", NULL), 0);
    assert_int_equal(record.nfiles, 2);
    assert_string_equal(record.file[0].path, "a/c d"); /* sorted, whatever the order */
    assert_string_equal(record.file[1].path, "b");
    assert_int_equal(manifest_find(&record, "b")->size, 4);
    assert_string_equal(manifest_find(&record, "b")->etag, "");
    assert_string_equal(manifest_find(&record, "b")->oid, "");
    manifest_release(&record);
}

/* Fields that a later version may add do not make it another format. */
static void test_unknown_fields_are_fine(void **state)
{
    static const char text[] =
        "{\"format\": 1, \"later\": {\"x\": [1]}, " IDS ", \"files\": []}";

    (void)state;
    assert_int_equal(load(text, strlen(text), NULL), 0);
}

static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(good); len += 7)
        assert_refused(good, len);
    assert_refused(good, strlen(good) - 1);
}

static void test_wrong_forms(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "1",
        "\"text\"",
        "[]",
        "{}",
        "<html>",
        WHOLE("{}"),
        WHOLE("null"),
        WHOLE("\"files\""),
        WHOLE("[null]"),
        WHOLE("[[]]"),
        WHOLE("[{}]"),
        WHOLE("[\"b\"]"),
        WHOLE("[]") "x",
        "{" IDS ", \"files\": []}",
        "{\"format\": 2, " IDS ", \"files\": []}",
        "{\"format\": 0, " IDS ", \"files\": []}",
        "{\"format\": \"1\", " IDS ", \"files\": []}",
        "{\"format\": 1.0, " IDS ", \"files\": []}",
        "{\"format\": 1, " IDS "}",
        "{\"format\": 1, \"identity\": \"" HEX64 "\", \"files\": []}",
        "{\"format\": 1, \"content_id\": \"" HEX64 "\", \"files\": []}",
        "{\"format\": 1, \"identity\": 5, \"content_id\": \"" HEX64 "\", \"files\": []}",
        "{\"format\": 1, \"identity\": \"" HEX64 "\", \"content_id\": \"" HEX64
        "0\", \"files\": []}",
        "{\"format\": 1, \"identity\": \"" HEX64 "\", \"content_id\": "
        "\"../../../../../../../../../../../../../../../../../../etc/passwd\", "
        "\"files\": []}",
    };

    (void)state;
    for (size_t i = 0; i < countof(texts); i++)
        assert_refused(texts[i], strlen(texts[i]));
}

static void test_wrong_types_in_an_entry(void **state)
{
    static const char *const entries[] = {
        ENTRY("5", "4"),
        ENTRY("null", "4"),
        ENTRY("[\"b\"]", "4"),
        ENTRY("\"b\"", "-1"),
        ENTRY("\"b\"", "-9223372036854775808"),
        ENTRY("\"b\"", "9223372036854775808"),
        ENTRY("\"b\"", "\"4\""),
        ENTRY("\"b\"", "4.0"),
        ENTRY("\"b\"", "4e0"),
        ENTRY("\"b\"", "null"),
        ENTRY("\"b\"", "true"),
        "{\"path\": \"b\", \"sha256\": \"" HEX64 "\", \"mtime_ns\": 1}",
        "{\"path\": \"b\", \"size\": 4, \"mtime_ns\": 1}",
        "{\"path\": \"b\", \"size\": 4, \"sha256\": \"" HEX64 "\"}",
        "{\"path\": \"b\", \"size\": 4, \"sha256\": \"" HEX64 "\", \"mtime_ns\": \"1\"}",
        "{\"path\": \"b\", \"size\": 4, \"sha256\": \"" HEX64 "\", \"mtime_ns\": 1.5}",
        "{\"path\": \"b\", \"size\": 4, \"sha256\": \"" HEX64 "00\", \"mtime_ns\": 1}",
        "{\"path\": \"b\", \"size\": 4, \"sha256\": \"0011\", \"mtime_ns\": 1}",
        "{\"path\": \"b\", \"size\": 4, \"sha256\": 12, \"mtime_ns\": 1}",
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < countof(entries); i++) {
        snprintf(text, sizeof(text), WHOLE("[%s, %s]"), entries[i], ENTRY("\"z\"", "1"));
        assert_refused(text, strlen(text));
        snprintf(text, sizeof(text), WHOLE("[%s, %s]"), ENTRY("\"z\"", "1"), entries[i]);
        assert_refused(text, strlen(text));
    }
}

/* What manifest_agrees joins to DEST must not lead out of it. */
static void test_hostile_paths(void **state)
{
    static const char *const paths[] = {
        "\"\"",         "\"/etc/passwd\"", "\"..\"",          "\"../x\"",
        "\"a/../b\"",   "\"a/./b\"",       "\"a//b\"",        "\"a/\"",
        "\"a\\n\"",     "\"a\\u0000b\"",   "\"\\\\\\\\unc\"", "\"c:\\\\x\"",
        "\"a\\u001b\"", "\"\\ud800\"",     "\"a\xff\"",       "\"..\\\\x\"",
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < countof(paths); i++) {
        snprintf(text, sizeof(text),
                 WHOLE("[{\"path\": %s, \"size\": 4, \"sha256\": \"" HEX64
                       "\", \"mtime_ns\": 1}]"),
                 paths[i]);
        assert_refused(text, strlen(text));
    }
}

/* Two readers may take different ones of two equal keys. */
static void test_duplicate_keys(void **state)
{
    static const char *const texts[] = {
        "{\"format\": 2, \"format\": 1, " IDS ", \"files\": []}",
        "{\"format\": 1, " IDS ", \"files\": [], \"files\": []}",
        WHOLE("[{\"path\": \"x\", \"path\": \"b\", \"size\": 4, \"sha256\": \"" HEX64
              "\", \"mtime_ns\": 1}]"),
    };

    (void)state;
    for (size_t i = 0; i < countof(texts); i++)
        assert_refused(texts[i], strlen(texts[i]));
}

static void test_deep_nesting(void **state)
{
    enum { DEPTH = 200000 };
    static const char *const opening[] = { "[", "{\"a\":" };

    (void)state;
    for (size_t i = 0; i < countof(opening); i++) {
        struct strbuf text = { 0 };

        strbuf_adds(&text, "{\"format\": 1, " IDS ", \"files\": ");
        for (int depth = 0; depth < DEPTH; depth++)
            strbuf_adds(&text, opening[i]);
        assert_refused(text.data, text.len);
        strbuf_release(&text);
    }
}

static void test_bytes_that_are_no_text(void **state)
{
    static const char nul[] = "{\"format\": 1,\0 " IDS ", \"files\": []}";
    static const char marked[] = "\xef\xbb\xbf{\"format\": 1, " IDS ", \"files\": []}";
    char noise[4096];
    uint32_t seed = 1;

    (void)state;
    assert_refused(nul, sizeof(nul) - 1);
    assert_refused(marked, sizeof(marked) - 1);
    for (size_t i = 0; i < sizeof(noise); i++) {
        seed = seed * 1664525 + 1013904223;
        noise[i] = (char)(seed >> 24);
    }
    assert_refused(noise, sizeof(noise));
    memset(noise, 0, sizeof(noise));
    assert_refused(noise, sizeof(noise));
}

static void test_no_manifest(void **state)
{
    struct manifest record;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(fs_unlink(NULL, "dest/.mpifetch/manifest.json", NULL), 0);
    assert_int_equal(manifest_load(&record, NULL, "dest/.mpifetch", &err), -1);
    assert_sentence(&err, ERR_DEST, "'dest/.mpifetch/manifest.json'", ENOENT);
    err_clear(&err);
    assert_int_equal(fs_mkdir(NULL, "dest/.mpifetch/manifest.json", 0777, NULL), 0);
    assert_int_equal(manifest_load(&record, NULL, "dest/.mpifetch", &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "'dest/.mpifetch/manifest.json'"));
    assert_int_equal(rmdir("dest/.mpifetch/manifest.json"), 0);
}

/* Nobody will ever write into it: to open it as a file is opened would be to wait. */
static void test_a_pipe_for_a_manifest(void **state)
{
    struct manifest record;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(mkfifo("dest/.mpifetch/manifest.json", 0666), 0);
    assert_int_equal(manifest_load(&record, NULL, "dest/.mpifetch", &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "not a regular file"));
    assert_int_equal(fs_unlink(NULL, "dest/.mpifetch/manifest.json", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_base_of_all_these_is_good),
        cmocka_unit_test(test_unknown_fields_are_fine),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_wrong_forms),
        cmocka_unit_test(test_wrong_types_in_an_entry),
        cmocka_unit_test(test_hostile_paths),
        cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_no_manifest),
        cmocka_unit_test(test_a_pipe_for_a_manifest),
    };

    return cmocka_run_group_tests(tests, enter, scratch_leave);
}
