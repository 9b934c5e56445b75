#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "doctor/results.h"

static void rows_stand_below_their_section(void **state)
{
    struct results results = { 0 };
    struct strbuf text = { 0 };

    (void)state;
    results_section(&results, "a", "first of %d", 2);
    results_row(&results, "k", "name", "works", "%s", "words");
    results_section(&results, "b", "second");
    results_row(&results, "l", "a name that is far too long", "works", "more");
    results_row(&results, "m", "masked", "works", "a\nb\033");
    results_text(&results, &text);
    assert_string_equal(text.data, "\nfirst of 2\n"
                                   "  name                  words\n"
                                   "\nsecond\n"
                                   "  a name that is far too long more\n"
                                   "  masked                a?b?\n");
    results_release(&results);
    strbuf_release(&text);
}

static void long_words_are_wrapped(void **state)
{
    struct strbuf text = { 0 };

    (void)state;
    for (int i = 0; i < 60; i++)
        strbuf_adds(&text, i ? " four" : "four");
    struct strbuf out = { 0 };

    results_wrap(&out, text.data, 10, 4);
    for (const char *line = out.data; *line; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 100);
        assert_true(line == out.data || strncmp(line, "    four", 8) == 0);
    }
    strbuf_release(&text);
    strbuf_release(&out);
}

static void a_number_can_be_put_in(void **state)
{
    struct results results = { 0 };
    struct results_row *row;

    (void)state;
    results_row(&results, "k", "nowhere", "works", "no section yet")->number = 1;
    assert_int_equal(results.nrows, 0);
    results_section(&results, "a", "title");
    row = results_row(&results, "k", "name", "works", "words");
    row->number = 2;
    row->unit = "bytes";
    assert_int_equal(results.nrows, 1);
    assert_true(results.row[0].number > 1);
    results_release(&results);
    assert_null(results.row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_below_their_section),
        cmocka_unit_test(long_words_are_wrapped),
        cmocka_unit_test(a_number_can_be_put_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
