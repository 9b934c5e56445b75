/* core/state/journal_line.c: what is noted of a segment comes back, and
 * nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/state/journal_line.h"

static bool parse(const char *text, size_t len, struct journal_entry *entry)
{
    char *copy = malloc(len + 1); /* so that a read beyond the end is seen */
    const char *at = copy;
    bool good;

    assert_non_null(copy);
    memcpy(copy, text, len);
    good = journal_line_parse(&at, copy + len, entry);
    assert_true(at > copy || len == 0);
    assert_true(at <= copy + len);
    free(copy);
    return good;
}

static void test_what_is_written_is_read(void **state)
{
    static const struct journal_entry rows[] = {
        { 0, 0, 1, 0, 0, 0 },
        { UINT64_MAX, 0, 1, UINT64_MAX, 0, 0 },
        { 0x0123456789abcdef, 1ULL << 40, 64 << 20, 0xfedcba9876543210, 0, 0 },
        { 1, UINT64_MAX - 1, 1, 2, 0, 0 },
        { 1, 0, 1, 2, 1, 0 },
        { UINT64_MAX, UINT64_MAX - 1, 1, UINT64_MAX, 1 << 20, 0 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct journal_entry entry;
        char line[JOURNAL_LINE];
        size_t len = journal_line(line, &rows[i]);

        assert_true(len < sizeof(line));
        assert_true(parse(line, len, &entry));
        assert_memory_equal(&entry, &rows[i], sizeof(entry));
        for (size_t cut = 0; cut < len; cut++)
            assert_false(parse(line, cut, &entry));
    }
}

static void test_no_lines(void **state)
{
    static const char *const rows[] = {
        "\n",
        "0123456789abcdef 0 0 0123456789abcdef\n",
        "0123456789abcdef 0 1 0123456789abcde\n",
        "0123456789abcdef 0 1 0123456789abcdef0\n",
        "0123456789abcdeg 0 1 0123456789abcdef\n",
        "0123456789abcdef 0  1 0123456789abcdef\n",
        "0123456789abcdef -1 1 0123456789abcdef\n",
        "0123456789abcdef 18446744073709551615 1 0123456789abcdef\n",
        "0123456789abcdef 18446744073709551616 1 0123456789abcdef\n",
        "0123456789abcdef 0 1 0123456789abcdef \n",
        "0123456789abcdef 0 1 0123456789abcdef 0\n",
        "0123456789abcdef 0 1 0123456789abcdef x\n",
        "0123456789abcdef 0 1 0123456789abcdef 1 \n",
        "0123456789abcdef 0 1 0123456789abcdef 1048577\n",
        "0123456789abcdef "
        "00000000000000000000000000000000000000000000000000000000000000000"
        "00 1 0123456789abcdef\n",
    };
    struct journal_entry entry;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (parse(rows[i], strlen(rows[i]), &entry))
            fail_msg("%s", rows[i]);
}

/* What stands behind a broken line is read all the same. */
static void test_lines_in_a_row(void **state)
{
    const char text[] = "0123456789abcdef 5 6 00000000000000aa\n"
                        "0123456789abc\n"
                        "0123456789abcdef 7 8 00000000000000bb\n"
                        "0123456789abcdef 9";
    const char *at = text, *end = text + strlen(text);
    struct journal_entry entry;

    (void)state;
    assert_true(journal_line_parse(&at, end, &entry));
    assert_int_equal(entry.offset, 5);
    assert_false(journal_line_parse(&at, end, &entry));
    assert_true(journal_line_parse(&at, end, &entry));
    assert_int_equal(entry.len, 8);
    assert_int_equal(entry.sum, 0xbb);
    assert_false(journal_line_parse(&at, end, &entry));
    assert_ptr_equal(at, end);
}

static void test_find(void **state)
{
    struct journal_entry entries[] = {
        { 5, 10, 10, 1, 2, 0 }, { 3, 0, 10, 2, 1, 0 },  { 5, 0, 10, 3, 1, 0 },
        { 5, 10, 10, 4, 1, 0 }, { 9, 10, 10, 5, 1, 0 }, { 5, 0, 20, 6, 1, 0 },
    };
    const struct journal_entry *first;
    size_t count;

    (void)state;
    journal_sort(entries, countof(entries));
    count = journal_of(entries, countof(entries), 5, &first);
    assert_int_equal(count, 4);
    assert_int_equal(journal_find(first, count, (struct range){ 10, 20 })->sum, 4);
    assert_int_equal(journal_find(first, count, (struct range){ 0, 20 })->sum, 6);
    assert_null(journal_find(first, count, (struct range){ 0, 5 }));
    assert_null(journal_find(first, count, (struct range){ 20, 30 }));
    assert_int_equal(journal_of(entries, countof(entries), 4, &first), 0);
    assert_int_equal(journal_of(entries, countof(entries), 10, &first), 0);
    assert_int_equal(journal_of(NULL, 0, 5, &first), 0);
    journal_sort(NULL, 0);
}

static void test_covers(void **state)
{
    static const struct {
        struct journal_entry entry[3];
        size_t count;
        bool covers; /* 30 bytes */
    } rows[] = {
        { { { 0 } }, 0, false },
        { { { .len = 30 } }, 1, true },
        { { { .len = 29 } }, 1, false },
        { { { .len = 10 }, { .offset = 10, .len = 10 }, { .offset = 20, .len = 10 } },
          3,
          true },
        { { { .len = 10 }, { .offset = 20, .len = 10 } }, 2, false },
        { { { .len = 10 }, { .len = 10 }, { .offset = 10, .len = 10 } }, 3, false },
        { { { .len = 20 }, { .offset = 10, .len = 10 }, { .offset = 20, .len = 10 } },
          3,
          true },
        { { { .len = 20 }, { .offset = 20, .len = 10, .more = 1 } }, 2, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (journal_covers(rows[i].entry, rows[i].count, 30) != rows[i].covers)
            fail_msg("row %zu", i);
    assert_true(journal_covers(NULL, 0, 0));
}

static const char *query = "?sig=A"; /* of the plan */

static char *subject_of(const struct plan_entry *entry, bool by_etag)
{
    struct plan plan = { 0 };
    struct strbuf text = { 0 };
    bool good;

    assert_int_equal(plan_set(&plan, &plan.base, "http://host/", NULL), 0);
    assert_int_equal(plan_set(&plan, &plan.query, query, NULL), 0);
    assert_int_equal(plan_add(&plan, entry, NULL), 0);
    assert_int_equal(plan_seal(&plan, NULL), 0);
    good = journal_subject(&plan, 0, by_etag, &text);
    plan_release(&plan);
    if (good)
        return strbuf_steal(&text);
    strbuf_release(&text);
    return NULL;
}

static void assert_same(const struct plan_entry *a, const struct plan_entry *b,
                        bool by_etag, bool same)
{
    char *one = subject_of(a, by_etag), *other = subject_of(b, by_etag);

    assert_non_null(one);
    assert_non_null(other);
    assert_int_equal(strcmp(one, other) == 0, same);
    free(one);
    free(other);
}

static void test_subject(void **state)
{
    const struct plan_entry file = { .path = "a",
                                     .key = "k",
                                     .etag = "t",
                                     .size = 9,
                                     .want = { .kind = DIGEST_SHA256, .bytes = { 1 } } };
    struct plan_entry other = file;

    (void)state;
    other.key = "k2"; /* the same content from somewhere else */
    assert_same(&file, &other, false, true);
    other = file;
    other.path = "b";
    assert_same(&file, &other, false, false);
    assert_same(&file, &other, true, true);
    other = file;
    other.size = 10;
    assert_same(&file, &other, false, false);
    other = file;
    other.want.bytes[31] = 1;
    assert_same(&file, &other, false, false);
}

/* Without a digest a validator must do, and it is one URL's. */
static void test_subject_without_digest(void **state)
{
    const struct plan_entry file = { .path = "a", .key = "k", .etag = "t", .size = 9 };
    struct plan_entry other = file;

    (void)state;
    assert_same(&file, &other, false, true);
    other.etag = "u";
    assert_same(&file, &other, false, false);
    other = file;
    other.key = "k2";
    assert_same(&file, &other, false, false);
    other = file;
    other.etag = NULL;
    assert_null(subject_of(&other, false));
}

/* A resumed run may have been given another signature, not another key. */
static void test_subject_without_the_signature(void **state)
{
    struct plan_entry file = {
        .path = "a", .key = "k", .etag = "t", .flags = PLAN_SIGNED
    };
    char *one = subject_of(&file, false), *other;

    (void)state;
    query = "?sig=B";
    other = subject_of(&file, false);
    assert_string_equal(one, other);
    free(other);
    file.key = "k?v=1";
    other = subject_of(&file, false);
    assert_string_not_equal(one, other);
    free(other);
    free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_no_lines),
        cmocka_unit_test(test_lines_in_a_row),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_covers),
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_subject_without_digest),
        cmocka_unit_test(test_subject_without_the_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
