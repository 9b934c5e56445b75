#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"

static void grows_and_stays_terminated(void **state)
{
    struct strbuf buf = { 0 };
    char *text;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        strbuf_adds(&buf, "ab");
        strbuf_addf(&buf, "%03u", i);
        strbuf_add(&buf, "c\0d", 3);
        assert_int_equal(buf.len, (i + 1) * 8);
        assert_int_equal(buf.data[buf.len], '\0');
    }
    assert_memory_equal(buf.data + 999 * 8, "ab999c\0d", 8);
    assert_memory_equal(buf.data, "ab000c\0d", 8);
    assert_false(buf.failed);
    text = strbuf_steal(&buf);
    assert_memory_equal(text, "ab000c\0d", 9 - 1);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
    free(text);
}

static void formats_more_than_it_has_room_for(void **state)
{
    struct strbuf buf = { 0 };
    char longer[500];

    (void)state;
    memset(longer, 'y', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    strbuf_addf(&buf, "%s|%s", longer, longer);
    assert_int_equal(buf.len, 999);
    assert_int_equal(buf.data[499], '|');
    assert_int_equal(buf.data[998], 'y');
    strbuf_release(&buf);
}

static void nothing_added_is_an_empty_text(void **state)
{
    struct strbuf buf = { 0 };
    char *text;

    (void)state;
    assert_null(buf.data);
    text = strbuf_steal(&buf);
    assert_string_equal(text, "");
    free(text);
    strbuf_adds(&buf, "");
    assert_string_equal(buf.data, "");
    strbuf_release(&buf);
    strbuf_release(&buf);
    strbuf_release(NULL);
}

static void clear_keeps_memory(void **state)
{
    struct strbuf buf = { 0 };
    const char *data;

    (void)state;
    strbuf_clear(&buf);
    strbuf_adds(&buf, "some text");
    data = buf.data;
    strbuf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    strbuf_adds(&buf, "other");
    assert_ptr_equal(buf.data, data);
    assert_string_equal(buf.data, "other");
    strbuf_release(&buf);
}

/* A length that no memory has: whoever asks for it fails once, and everything after. */
static void fails_once_and_stays_failed(void **state)
{
    struct strbuf buf = { 0 };

    (void)state;
    strbuf_adds(&buf, "before");
    strbuf_add(&buf, "x", SIZE_MAX - 2);
    assert_true(buf.failed);
    strbuf_adds(&buf, "after");
    strbuf_addf(&buf, "%d", 1);
    assert_string_equal(buf.data, "before"); /* a gap in the middle would be worse */
    strbuf_clear(&buf);
    assert_true(buf.failed);
    assert_null(strbuf_steal(&buf));
    assert_false(buf.failed); /* and begins anew */
    strbuf_adds(&buf, "again");
    assert_string_equal(buf.data, "again");
    strbuf_release(&buf);
}

static void test_numbers(void **state)
{
    struct strbuf buf = { 0 };

    (void)state;
    strbuf_addu(&buf, 0);
    strbuf_adds(&buf, " ");
    strbuf_addu(&buf, 10);
    strbuf_adds(&buf, " ");
    strbuf_addu(&buf, UINT64_MAX);
    assert_string_equal(buf.data, "0 10 18446744073709551615");
    strbuf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(formats_more_than_it_has_room_for),
        cmocka_unit_test(nothing_added_is_an_empty_text),
        cmocka_unit_test(clear_keeps_memory),
        cmocka_unit_test(fails_once_and_stays_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
