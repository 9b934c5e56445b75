/* Lines of lists, good and bad, and the paths inside URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/list_line.h"
#include "core/plan/url_path.h"

/* SHA-256 of the empty text (FIPS 180-4) */
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define UPPER "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"

static int parse(struct list_line *line, const char *text, bool *present, struct err *err)
{
    return list_line_parse(line, text, strlen(text), present, err);
}

static void test_good(void **state)
{
    static const struct {
        const char *text, *name, *path;
        bool url, digest, sized;
        uint64_t size;
    } rows[] = {
        { SHA "  a.txt", "a.txt", "a.txt", false, true, false, 0 },
        { SHA " *a.txt\r", "a.txt", "a.txt", false, true, false, 0 },
        { UPPER "  a b/c  d ", "a b/c  d ", "a b/c  d ", false, true, false, 0 },
        { SHA "  ./././a", "a", "a", false, true, false, 0 },
        { SHA "  a\\nb", "a\\nb", "a\\nb", false, true, false, 0 },
        { SHA "  100%.txt", "100%.txt", "100%.txt", false, true, false, 0 },
        { SHA "  http", "http", "http", false, true, false, 0 },
        { SHA " a.txt", "a.txt", "a.txt", false, true, false, 0 },
        { SHA "\ta b.txt\r", "a b.txt", "a b.txt", false, true, false, 0 },
        { SHA " ./a", "a", "a", false, true, false, 0 },
        { SHA "   a", " a", " a", false, true, false, 0 },
        { SHA " -", "-", "-", false, true, false, 0 },
        { "SHA256 (a b/c) = " UPPER, "a b/c", "a b/c", false, true, false, 0 },
        { "SHA256 (a) = b) = " SHA " \r", "a) = b", "a) = b", false, true, false, 0 },
        { "SHA256(./a)= " SHA, "a", "a", false, true, false, 0 },
        { "SHA2-256(a)= " SHA, "a", "a", false, true, false, 0 },
        { "https://h/d/a%20b?x=/1#f " SHA, "https://h/d/a%20b?x=/1#f", "a b", true, true,
          false, 0 },
        { "  http://h/a\t" SHA " \t 17  ", "http://h/a", "a", true, true, true, 17 },
        { "http://h/a " SHA " 17 x/y z ", "http://h/a", "x/y z", true, true, true, 17 },
        { "http://h/a " SHA " x/17 18", "http://h/a", "x/17 18", true, true, false, 0 },
        { "http://h/a " SHA " - 18", "http://h/a", "18", true, true, false, 0 },
        { "http://h/ - - x", "http://h/", "x", true, false, false, 0 },
        { "http://h/a - 0", "http://h/a", "a", true, false, true, 0 },
        { "http://h/a - 9223372036854775807", "http://h/a", "a", true, false, true,
          9223372036854775807u },
        { "file:///d/a " SHA, "file:///d/a", "a", true, true, false, 0 },
    };
    struct list_line line = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err err = { 0 };
        bool present = false;

        if (parse(&line, rows[i].text, &present, &err) < 0)
            fail_msg("'%s': %s", rows[i].text, err.text);
        assert_true(present);
        assert_string_equal(line.name.data, rows[i].name);
        assert_string_equal(line.path.data, rows[i].path);
        assert_int_equal(line.url, rows[i].url);
        assert_int_equal(line.sized, rows[i].sized);
        assert_int_equal(line.size, rows[i].size);
        assert_int_equal(line.want.kind, rows[i].digest ? DIGEST_SHA256 : DIGEST_NONE);
        if (rows[i].digest) {
            assert_int_equal(line.want.bytes[0], 0xe3);
            assert_int_equal(line.want.bytes[31], 0x55);
        }
    }
    list_line_release(&line);
}

static void test_nothing(void **state)
{
    static const char *const rows[] = { "", " ", "\t\r", "\r", "# " SHA "  a", "  # x" };
    struct list_line line = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        bool present = true;

        assert_int_equal(parse(&line, rows[i], &present, NULL), 0);
        assert_false(present);
    }
    list_line_release(&line);
}

static void test_escapes(void **state)
{
    struct list_line line = { 0 };
    struct err err = { 0 };
    bool present;

    (void)state;
    /* a file may be named a\b on Unix; a plan refuses parts that are odd
     * elsewhere only */
    assert_int_equal(parse(&line, "\\" SHA "  a\\\\b", &present, &err), 0);
    assert_string_equal(line.name.data, "a\\b");
    assert_int_equal(parse(&line, "\\" SHA "  a\\nb", &present, &err), -1);
    assert_int_equal(err.code, ERR_SOURCE);
    assert_string_equal(line.name.data, "a\nb");
    err_clear(&err);
    assert_int_equal(parse(&line, "\\" SHA "  a\\x", &present, &err), -1);
    assert_non_null(strstr(err.text, "escape"));
    err_clear(&err);
    assert_int_equal(parse(&line, "\\" SHA "  a\\", &present, &err), -1);
    assert_non_null(strstr(err.text, "escape"));
    assert_int_equal(parse(&line, "\\SHA256 (a\\\\b) = " SHA, &present, NULL), 0);
    assert_string_equal(line.name.data, "a\\b");
    list_line_release(&line);
}

static void test_bad(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "this is not a list", "expected 'SHA256  NAME'" },
        { "0123  short-digest", "expected 'SHA256  NAME'" },
        { SHA, "expected 'SHA256  NAME'" },
        { SHA " ", "expected 'SHA256  NAME'" },
        { SHA " *", "empty" },
        { "SHA256 (a) = 12", "64 hex" },
        { "SHA256 (a) = " SHA "0", "expected 'SHA256 (NAME)" },
        { "SHA256 (a " SHA, "expected 'SHA256 (NAME)" },
        { "SHA256 (a)" SHA, "expected 'SHA256 (NAME)" },
        { "SHA256 () = " SHA, "empty" },
        { "SHA256 (../a) = " SHA, "path" },
        { "SHA256 (", "64 hex" },
        { "MD5 (a) = d41d8cd98f00b204e9800998ecf8427e", "MD5 is not SHA256" },
        { "SHA512(a)= " SHA SHA, "SHA512 is not SHA256" },
        { SHA "  ", "empty" },
        { SHA "  ./", "empty" },
        { SHA "  ../a", "path" },
        { SHA "  /a", "path" },
        { SHA "  a/", "path" },
        { SHA "  a/./b", "path" },
        { SHA "  \xff", "path" },
        { "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a",
          "SHA-256" },
        { "<!DOCTYPE html>", "login page" },
        { "http://h/a", "SHA-256" },
        { "http://h/a 12", "SHA-256" },
        { "http://h/a 12 a", "SHA-256" },
        { "http://h/a " SHA "0", "SHA-256" },
        { "http://h/a " SHA " 9223372036854775808", "size" },
        { "http://h/a " SHA " 99999999999999999999999999", "size" },
        { "http://h/a " SHA " -5", "size" },
        { "http://h/a " SHA " 5 ../x", "path" },
        { "http://h/ " SHA, "PATH" },
        { "http://h " SHA, "PATH" },
        { "http://h/a%2Fb " SHA, "PATH" },
        { "http://h/%2e%2e " SHA, "path" },
        { "http:///a " SHA, "URL" },
        { "file://host/a " SHA, "URL" },
        { "ftp://h/a " SHA, "expected 'SHA256  NAME'" },
        { "hf://a/b " SHA, "expected 'SHA256  NAME'" },
    };
    struct list_line line = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err err = { 0 };
        bool present;

        if (parse(&line, rows[i].text, &present, &err) == 0)
            fail_msg("'%s' was taken", rows[i].text);
        assert_int_equal(err.code, ERR_SOURCE);
        if (!strstr(err.text, rows[i].says))
            fail_msg("'%s': '%s' does not say '%s'", rows[i].text, err.text,
                     rows[i].says);
    }
    list_line_release(&line);
}

static void test_nul(void **state)
{
    static const char text[] = SHA "  a\0b";
    struct list_line line = { 0 };
    bool present;

    (void)state;
    assert_int_equal(list_line_parse(&line, text, sizeof(text) - 1, &present, NULL), -1);
    list_line_release(&line);
}

static void test_url_path(void **state)
{
    static const struct {
        const char *url, *file, *name;
        size_t folder;
    } rows[] = {
        { "file:///a/b%20c", "/a/b c", "b c", 10 },
        { "file://localhost/a?b", "/a?b", "a", 17 },
        { "file://host/a", NULL, "a", 12 },
        { "https://h/a/b?c/d", NULL, "b", 12 },
        { "https://h", NULL, NULL, 0 },
        { "https://h?a/b", NULL, NULL, 0 },
        { "https://h/a/", NULL, NULL, 12 },
        { "https://h/a/?b", NULL, NULL, 12 },
        { "a/b", NULL, NULL, 0 },
        { "https://u:p@h:1/a%2fb", NULL, NULL, 16 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf file = { 0 };
        struct strbuf name = { 0 };

        assert_int_equal(url_path_folder(rows[i].url), rows[i].folder);
        assert_int_equal(url_path_file(rows[i].url, &file), rows[i].file != NULL);
        if (rows[i].file)
            assert_string_equal(file.data, rows[i].file);
        assert_int_equal(url_path_name(rows[i].url, &name), rows[i].name != NULL);
        if (rows[i].name)
            assert_string_equal(name.data, rows[i].name);
        strbuf_release(&file);
        strbuf_release(&name);
    }
    assert_true(url_path_is_web("http://h"));
    assert_true(url_path_is_web("https://u@h/a"));
    assert_false(url_path_is_web("HTTP:/h"));
    assert_false(url_path_is_web("https:///a"));
    assert_false(url_path_is_web("https://"));
    assert_false(url_path_is_web("https://h/a b"));
    assert_false(url_path_is_web("https://h/a\nb"));
    assert_false(url_path_is_web("file:///a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_escapes), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_nul),     cmocka_unit_test(test_url_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
