#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "doctor/sheet.h"

static void rows_stand_below_their_section(void **state)
{
    struct sheet sheet = { 0 };
    struct strbuf text = { 0 };

    (void)state;
    sheet_section(&sheet, "a", "first of %d", 2);
    sheet_row(&sheet, "k", "name", "works", "%s", "words");
    sheet_section(&sheet, "b", "second");
    sheet_row(&sheet, "l", "a name that is far too long", "works", "more");
    sheet_row(&sheet, "m", "masked", "works", "a\nb\033");
    sheet_text(&sheet, &text);
    assert_string_equal(text.data, "\nfirst of 2\n"
                                   "  name                  words\n"
                                   "\nsecond\n"
                                   "  a name that is far too long more\n"
                                   "  masked                a?b?\n");
    sheet_release(&sheet);
    strbuf_release(&text);
}

static void long_words_are_wrapped(void **state)
{
    struct strbuf text = { 0 };

    (void)state;
    for (int i = 0; i < 60; i++)
        strbuf_adds(&text, i ? " four" : "four");
    struct strbuf out = { 0 };

    sheet_wrap(&out, text.data, 10, 4);
    for (const char *line = out.data; *line; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 100);
        assert_true(line == out.data || strncmp(line, "    four", 8) == 0);
    }
    strbuf_release(&text);
    strbuf_release(&out);
}

static void a_number_can_be_put_in(void **state)
{
    struct sheet sheet = { 0 };
    struct sheet_row *row;

    (void)state;
    sheet_row(&sheet, "k", "nowhere", "works", "no section yet")->number = 1;
    assert_int_equal(sheet.nrows, 0);
    sheet_section(&sheet, "a", "title");
    row = sheet_row(&sheet, "k", "name", "works", "words");
    row->number = 2;
    row->unit = "bytes";
    assert_int_equal(sheet.nrows, 1);
    assert_true(sheet.row[0].number > 1);
    sheet_release(&sheet);
    assert_null(sheet.row);
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
