#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/glob.h"
#include "base/text.h"
#include "base/url.h"

static char *unquoted(const char *text)
{
    struct strbuf buf = { 0 };

    url_unquote(&buf, text);
    return strbuf_steal(&buf);
}

/* pattern_cases.txt is what Python says; see make_pattern_cases.py. */
static void agrees_with_python(void **state)
{
    FILE *file = fopen(TEST_DATA_DIR "/pattern_cases.txt", "r");
    char line[512];
    unsigned cases = 0, kept = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        char *tab = strchr(line, '\t'), *second, *pattern, *path;

        assert_non_null(tab);
        line[strcspn(line, "\n")] = '\0';
        second = strchr(tab + 1, '\t');
        assert_non_null(second);
        *second = '\0';
        pattern = unquoted(tab + 1);
        path = unquoted(second + 1);
        if (glob_match(pattern, path) != (line[0] == '1'))
            fail_msg("pattern '%s', path '%s': Python says %c", pattern, path, line[0]);
        free(pattern);
        free(path);
        cases++;
        kept += line[0] == '1';
    }
    fclose(file);
    /* a file that shrank would prove nothing */
    assert_true(cases > 500 && kept > 200 && cases - kept > 200);
}

/* A byte that is no UTF-8 counts as one character and is equal to itself only. */
static void takes_bytes_that_are_no_utf8(void **state)
{
    (void)state;
    assert_true(glob_match("a?c", "a\xff"
                                  "c"));
    assert_true(glob_match("\xc3", "\xc3"));
    assert_false(glob_match("\xc3", "\xc3\xbc"));
    assert_false(glob_match("?", "\xff\xff"));
}

/* Backtracking into every star would take longer than the world exists. */
static void no_pattern_explodes(void **state)
{
    char pattern[1201] = "", path[2001];

    (void)state;
    for (size_t i = 0; i < 400; i++)
        memcpy(pattern + 3 * i, i % 2 ? "*a?" : "*[a", 3);
    memcpy(pattern + 1197, "*b", 3);
    memset(path, 'a', 2000);
    path[2000] = '\0';
    assert_false(glob_match(pattern, path));
    memset(pattern, '[', 1200);
    pattern[1200] = '\0';
    assert_false(glob_match(pattern, path));
}

static void keeps_what_is_allowed_and_not_denied(void **state)
{
    static const char *const two[] = { "*.json", "*.safetensors" };
    static const char *const one[] = { "old/*" };
    static const char *const all[] = { "*" };
    static const char *const nothing[] = { "" };
    const struct glob_list absent = { 0 }, empty = { two, 0 };
    static const struct {
        struct glob_list allow, deny;
        const char *path;
        bool kept;
    } rows[] = {
        { { two, 2 }, { NULL, 0 }, "a.json", true },
        { { two, 2 }, { NULL, 0 }, "b.safetensors", true },
        { { two, 2 }, { NULL, 0 }, "c.bin", false },
        { { NULL, 0 }, { one, 1 }, "old/a.json", false },
        { { NULL, 0 }, { one, 1 }, "new/a.json", true },
        { { two, 2 }, { one, 1 }, "old/a.json", false },
        { { two, 2 }, { one, 1 }, "new/a.json", true },
        { { all, 1 }, { all, 1 }, "a", false },
        { { nothing, 1 }, { NULL, 0 }, "a", false },
        { { NULL, 0 }, { nothing, 1 }, "a", true },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(glob_keep(&rows[i].allow, &rows[i].deny, rows[i].path),
                         rows[i].kept);
    /* not given is no restriction; a list of nothing allows nothing and denies nothing */
    assert_true(glob_keep(&absent, &absent, "a.json"));
    assert_false(glob_keep(&empty, &absent, "a.json"));
    assert_true(glob_keep(&absent, &empty, "a.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_python),
        cmocka_unit_test(takes_bytes_that_are_no_utf8),
        cmocka_unit_test(no_pattern_explodes),
        cmocka_unit_test(keeps_what_is_allowed_and_not_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
