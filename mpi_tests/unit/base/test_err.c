#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/utf8.h"

static void records_the_first_cause_only(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(err_set(&err, ERR_DEST, "write '%s': %s", "a", "no space"), -1);
    assert_int_equal(err_set(&err, ERR_SOURCE, "later"), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_string_equal(err.text, "write 'a': no space");
    err_clear(&err);
    assert_int_equal(err.code, ERR_NONE);
    assert_string_equal(err.text, "");
    err_set(&err, ERR_SOURCE, "later");
    assert_string_equal(err.text, "later");
}

static void wraps_from_the_inside_out(void **state)
{
    struct err err = { 0 };

    (void)state;
    err_set(&err, ERR_DEST, "write 'a': no space");
    assert_int_equal(err_wrap(&err, "part %u", 7u), -1);
    err_wrap(&err, "fetch");
    assert_string_equal(err.text, "fetch: part 7: write 'a': no space");
    assert_int_equal(err.code, ERR_DEST);
    err_wrap(&err, "%s", err.text); /* its own text as an argument */
    assert_string_equal(err.text, "fetch: part 7: write 'a': no space: "
                                  "fetch: part 7: write 'a': no space");
}

/* -1 was returned, so there must be something to read and a code to exit with. */
static void a_wrap_without_a_cause_is_a_defect(void **state)
{
    struct err err = { 0 };

    (void)state;
    err_wrap(&err, "fetch");
    assert_int_equal(err.code, ERR_DEFECT);
    assert_true(strncmp(err.text, "fetch: ", 7) == 0);
}

/* The object in front and the reason at the end are what a reader needs. */
static void loses_the_middle_of_what_does_not_fit(void **state)
{
    const size_t most = sizeof(((struct err *)0)->text) - 1;
    char longest[2 * sizeof(((struct err *)0)->text)];
    struct err err = { 0 };

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    err_set(&err, ERR_DEFECT, "%.*s", (int)most, longest);
    assert_int_equal(strlen(err.text), most); /* just fits */
    assert_null(strstr(err.text, "..."));
    err_wrap(&err, "where");
    assert_true(strncmp(err.text, "where: xxx", 10) == 0);
    assert_non_null(strstr(err.text, "x...x"));

    err_clear(&err);
    err_set(&err, ERR_DEST, "write '%s': No space left on device", longest);
    assert_true(strlen(err.text) > most - 10 && strlen(err.text) <= most);
    assert_true(strncmp(err.text, "write 'xxx", 10) == 0);
    assert_string_equal(strstr(err.text, "':"), "': No space left on device");

    err_clear(&err);
    err_set(&err, ERR_DEFECT, "cause");
    err_wrap(&err, "%s", longest); /* a place longer than all there is room for */
    assert_string_equal(strchr(err.text, ':'), ": cause");
    assert_non_null(strstr(err.text, "x...x"));
}

/* Half a character would make the whole line unreadable for some terminals and for
 * JSON. */
static void cuts_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 3; shift++)
        for (size_t more = 0; more < 3; more++) {
            struct err err = { 0 };
            char text[3 * sizeof(err.text)] = "abc";

            text[shift] = '\0';
            while (strlen(text) < 2 * sizeof(err.text))
                strcat(text, "\xe4\xb8\xad");
            strcat(text, &"xyz"[3 - more]);
            err_set(&err, ERR_DEFECT, "%s", text);
            assert_true(utf8_is_valid(err.text, strlen(err.text)));
            assert_non_null(strstr(err.text, "..."));
            assert_true(strlen(err.text) > sizeof(err.text) - 10);
        }
}

static void takes_null_and_keeps_errno(void **state)
{
    struct err err = { 0 };

    (void)state;
    errno = ENOSPC;
    assert_int_equal(err_set(NULL, ERR_DEST, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    assert_int_equal(err_memory(NULL, "x"), -1);
    err_clear(NULL);
    err_set(&err, ERR_DEST, "%d", 1);
    err_wrap(&err, "x");
    assert_int_equal(errno, ENOSPC);
}

static void copies_all_of_another(void **state)
{
    struct err from = { .rank = 3 }, err = { 0 };

    (void)state;
    err_set(&from, ERR_DEST, "full");
    err_set(&err, ERR_SOURCE, "gone");
    assert_int_equal(err_copy(&err, &from), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_int_equal(err.rank, 3);
    assert_string_equal(err.text, "full");
    assert_int_equal(err_copy(NULL, &from), -1);
}

static void memory_has_its_sentence(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(err_memory(&err, "plan"), -1);
    assert_int_equal(err.code, ERR_DEFECT);
    assert_string_equal(err.text, "out of memory for plan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_the_first_cause_only),
        cmocka_unit_test(wraps_from_the_inside_out),
        cmocka_unit_test(a_wrap_without_a_cause_is_a_defect),
        cmocka_unit_test(loses_the_middle_of_what_does_not_fit),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(takes_null_and_keeps_errno),
        cmocka_unit_test(copies_all_of_another),
        cmocka_unit_test(memory_has_its_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
