/* core/state/journal_scan.c: after a failure what was noted counts if the disk had it before,
 * and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/state/journal_scan.h"

enum { HERE = 10, THERE = 11, MOST = 16 };

/* A note of so many bytes, which stand for it. */
#define NOTE(len) "0123456789abcdef 0 " #len " 00000000000000aa\n"
#define NODE_HERE "node 000000000000000a\n"
#define NODE_THERE "node 000000000000000b\n"
#define NODE_DISK "node 0000000000000000\n"

struct found {
    uint64_t len[MOST], node[MOST];
    size_t count;
};

static int take(void *arg, const struct journal_entry *entry)
{
    struct found *found = arg;

    assert_true(found->count < MOST);
    found->len[found->count] = entry->len;
    found->node[found->count++] = entry->node;
    return 0;
}

static void scan(const char *text, size_t len, const struct journal_failures *failures,
                 struct found *found)
{
    char *copy = malloc(len + 1); /* so that a read beyond the end is seen */

    assert_non_null(copy);
    memcpy(copy, text, len);
    *found = (struct found){ 0 };
    assert_int_equal(journal_scan(copy, len, failures, take, found), 0);
    free(copy);
}

struct row {
    const char *text;
    struct journal_failure failure[3];
    size_t failures;
    uint64_t len[MOST]; /* of the notes that count */
    uint64_t node[MOST];
};

static const struct row rows[] = {
    /* Without a failure all count, and some are known to be on the disk. */
    { NODE_HERE NOTE(1) NOTE(2), .len = { 1, 2 }, .node = { HERE, HERE } },
    { NODE_HERE NOTE(1) "sync 1\n" NOTE(2) "done 1 50\n" NOTE(3), .len = { 1, 2, 3 },
      .node = { 0, HERE, HERE } },
    { NODE_HERE NOTE(1) "sync 1\n" NOTE(2) "done 1 50\n" NOTE(3) "sync 2\n" NOTE(
          4) "done 2 60\n",
      .len = { 1, 2, 3, 4 }, .node = { 0, 0, 0, HERE } },
    /* The disk was asked, and never answered. */
    { NODE_HERE NOTE(1) "sync 1\n" NOTE(2), .len = { 1, 2 }, .node = { HERE, HERE } },
    /* A failure takes what came after the last answer. */
    { NODE_HERE NOTE(1) NOTE(2), { { HERE, 70 } }, 1, .len = { 0 } },
    { NODE_HERE NOTE(1) "sync 1\n" NOTE(2) "done 1 50\n" NOTE(3),
      { { HERE, 70 } },
      1,
      .len = { 1 } },
    { NODE_HERE NOTE(1) "sync 1\n" NOTE(2), { { HERE, 70 } }, 1, .len = { 0 } },
    /* An answer after the failure began, or at the same time, may be wrong. */
    { NODE_HERE NOTE(1) "sync 1\n"
                        "done 1 70\n" NOTE(2),
      { { HERE, 70 } },
      1,
      .len = { 0 } },
    { NODE_HERE NOTE(1) "sync 1\n"
                        "done 1 50\n" NOTE(2) "sync 2\n"
                                              "done 2 90\n",
      { { HERE, 70 } },
      1,
      .len = { 1 } },
    /* Of several failures the first. */
    { NODE_HERE NOTE(1) "sync 1\n"
                        "done 1 50\n" NOTE(2) "sync 2\n"
                                              "done 2 60\n",
      { { HERE, 70 }, { HERE, 55 }, { HERE, 80 } },
      3,
      .len = { 1 } },
    /* Of other nodes it says nothing. */
    { NODE_HERE NOTE(1), { { THERE, 70 } }, 1, .len = { 1 }, .node = { HERE } },
    { NODE_HERE NOTE(1) NODE_THERE NOTE(2) NODE_DISK NOTE(3),
      { { HERE, 70 } },
      1,
      .len = { 2, 3 },
      .node = { THERE, 0 } },
    /* Where a node is not known it may be the same, and the clock another. */
    { NOTE(1), .len = { 1 }, .node = { JOURNAL_ANY_NODE } },
    { NOTE(1), { { HERE, 70 } }, 1, .len = { 0 } },
    { NODE_HERE NOTE(1) "sync 1\n"
                        "done 1 50\n",
      { { JOURNAL_ANY_NODE, 70 } },
      1,
      .len = { 0 } },
    { NODE_DISK NOTE(1), { { JOURNAL_ANY_NODE, 70 } }, 1, .len = { 1 } },
    /* Torn and foreign lines. */
    { NODE_HERE NOTE(1) "sync 1\n"
                        "done 1 5",
      { { HERE, 70 } },
      1,
      .len = { 0 } },
    { NODE_HERE NOTE(1) "sync 1\n"
                        "done 2 50\n",
      { { HERE, 70 } },
      1,
      .len = { 0 } },
    { NODE_HERE NOTE(1) "done 1 50\n", { { HERE, 70 } }, 1, .len = { 0 } },
    { NODE_HERE NOTE(1) "done 0 50\n", { { HERE, 70 } }, 1, .len = { 0 } },
    { NODE_HERE NOTE(1) "sync\nsync x\ndone\nnode 1\n\n" NOTE(2), .len = { 1, 2 },
      .node = { HERE, HERE } },
    { NODE_HERE, .len = { 0 } },
    { "", .len = { 0 } },
};

static void test_what_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct journal_failure failure[3];
        const struct journal_failures failures = { failure, rows[i].failures };
        struct found found;
        size_t want = 0;

        memcpy(failure, rows[i].failure, sizeof(failure));
        scan(rows[i].text, strlen(rows[i].text), &failures, &found);
        while (rows[i].len[want] > 0)
            want++;
        if (found.count != want || memcmp(found.len, rows[i].len, sizeof(found.len)) ||
            memcmp(found.node, rows[i].node, sizeof(found.node)))
            fail_msg("row %zu: %s", i, rows[i].text);
    }
}

/* Cut at any byte, a journal never makes more count than before. */
static void test_torn_at_any_byte(void **state)
{
    static const char text[] = NODE_HERE NOTE(1) "sync 1\n" NOTE(2) "done 1 50\n" NOTE(3);
    struct journal_failure failure = { HERE, 70 };
    const struct journal_failures failures = { &failure, 1 };

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        bool done = strstr(text, "done 1 50\n") + 10 <= text + len;
        struct found found;

        scan(text, len, &failures, &found);
        assert_int_equal(found.count, done ? 1 : 0);
    }
}

static void test_lines(void **state)
{
    char text[4 * JOURNAL_LINE];
    struct journal_failure failure = { UINT64_MAX - 1, UINT64_MAX };
    const struct journal_entry entry = { .key = 1, .len = 7, .sum = 2 };
    const struct journal_failures failures = { &failure, 1 };
    struct found found;
    size_t len = journal_node_line(text, failure.node);

    (void)state;
    len += journal_line(text + len, &entry);
    len += journal_sync_line(text + len, UINT32_MAX);
    len += journal_done_line(text + len, UINT32_MAX, UINT64_MAX - 1);
    scan(text, len, &failures, &found);
    assert_int_equal(found.count, 1);
    assert_true(found.node[0] == JOURNAL_ON_DISK);
}

static void test_names_of_failures(void **state)
{
    static const struct journal_failure failures[] = { { 0, 0 },
                                                       { UINT64_MAX, UINT64_MAX } };
    static const char *const none[] = { "",
                                        "0",
                                        "void",
                                        ".nfs0123",
                                        "0123456789abcdef",
                                        "0123456789abcdef-",
                                        "0123456789abcdef-1x",
                                        "0123456789abcdeg-1",
                                        "0123456789abcdef 1" };
    struct journal_failure read;
    char name[JOURNAL_LINE];

    (void)state;
    for (size_t i = 0; i < countof(failures); i++) {
        assert_true(journal_failure_name(name, &failures[i]) < sizeof(name));
        assert_true(journal_failure_parse(name, &read));
        assert_true(read.node == failures[i].node && read.time == failures[i].time);
    }
    for (size_t i = 0; i < countof(none); i++)
        if (journal_failure_parse(none[i], &read))
            fail_msg("%s", none[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_torn_at_any_byte),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_names_of_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
