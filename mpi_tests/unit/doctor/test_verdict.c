#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "doctor/verdict.h"

enum { NONE = OUTCOME_NONE, LOST = OUTCOME_LOST, SILENT = OUTCOME_SILENT };

static void every_outcome_has_its_verdict(void **state)
{
    static const struct {
        struct lock_outcomes outcomes;
        enum lock_verdict want;
    } rows[] = {
        { { 0, EAGAIN, EAGAIN }, LOCK_EVERYWHERE },
        { { 0, EACCES, EACCES }, LOCK_EVERYWHERE },
        { { 0, EAGAIN, NONE }, LOCK_ONE_NODE },
        { { 0, EAGAIN, LOST }, LOCK_ONE_NODE },
        { { 0, EAGAIN, 0 }, LOCK_NODE_ONLY },
        { { 0, 0, 0 }, LOCK_NOBODY },
        { { 0, 0, NONE }, LOCK_NOBODY },
        { { 0, 0, EAGAIN }, LOCK_NOBODY },
        { { 0, EAGAIN, ENOSYS }, LOCK_UNEVEN },
        { { 0, ENOLCK, EAGAIN }, LOCK_UNEVEN },
        { { ENOSYS, NONE, NONE }, LOCK_REFUSED },
        { { EOPNOTSUPP, NONE, NONE }, LOCK_REFUSED },
        { { EAGAIN, NONE, NONE }, LOCK_REFUSED },
        { { SILENT, NONE, NONE }, LOCK_SILENT },
        { { 0, SILENT, EAGAIN }, LOCK_SILENT },
        { { 0, EAGAIN, SILENT }, LOCK_SILENT },
        { { NONE, NONE, NONE }, LOCK_UNTESTED },
        { { LOST, NONE, NONE }, LOCK_UNTESTED },
        { { 0, LOST, EAGAIN }, LOCK_UNTESTED },
        { { ENOSPC, NONE, NONE }, LOCK_UNTESTED },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(verdict_lock(&rows[i].outcomes), rows[i].want);
}

/* One node that gets a held lock is enough to know that it does not exclude. */
static void the_worst_node_counts(void **state)
{
    static const int order[] = { NONE, EAGAIN, ENOSYS, SILENT, 0 };

    (void)state;
    for (size_t i = 0; i < countof(order); i++)
        for (size_t j = 0; j < countof(order); j++)
            assert_int_equal(verdict_worse(order[i], order[j]), order[i > j ? i : j]);
    assert_int_equal(verdict_worse(ENOSYS, ENOLCK), ENOSYS); /* the first is named */
}

static void verdicts_have_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LOCK_VERDICTS; i++) {
        assert_non_null(verdict_lock_words((enum lock_verdict)i));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(verdict_lock_word((enum lock_verdict)i),
                                    verdict_lock_word((enum lock_verdict)j));
    }
}

static void reasons_are_named(void **state)
{
    static const struct {
        int outcome;
        const char *want;
    } rows[] = {
        { 0, "works" },
        { ENOSYS, "ENOSYS: Function not implemented" },
        { EOPNOTSUPP, "EOPNOTSUPP: Operation not supported" },
        { ENOLCK, "ENOLCK: No locks available" },
        { OUTCOME_SILENT, "no response in time" },
        { OUTCOME_NONE, "not tested" },
        { OUTCOME_UNPREPARED - ENOSPC, "not tested: ENOSPC: No space left on device" },
    };
    char text[100];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_string_equal(verdict_reason(text, sizeof(text), rows[i].outcome),
                            rows[i].want);
    for (int outcome = -10; outcome < 200; outcome++)
        assert_true(strlen(verdict_reason(text, sizeof(text), outcome)) > 0);
    verdict_reason(text, 5, ENOSYS);
    assert_string_equal(text, "ENOS");
}

static void a_race_has_one_winner(void **state)
{
    static const unsigned fair[] = { 1, 1, 1 }, two[] = { 1, 2, 1 }, none[] = { 1, 1, 0 },
                          both[] = { 0, 1, 2 };

    (void)state;
    assert_int_equal(verdict_race(fair, 3), 0);
    assert_int_equal(verdict_race(two, 3), OUTCOME_WRONG);
    assert_int_equal(verdict_race(none, 3), OUTCOME_NONE);
    assert_int_equal(verdict_race(both, 3), OUTCOME_WRONG);
    assert_int_equal(verdict_race(fair, 0), OUTCOME_NONE);
}

static void what_was_not_tried_refuses_nothing(void **state)
{
    static const int refusals[] = { EPERM, EINVAL, ENOSYS, OUTCOME_WRONG }, unknown[] = {
        0, LOST, SILENT, NONE, ENOSPC, EDQUOT, OUTCOME_UNPREPARED - EIO
    };

    (void)state;
    for (size_t i = 0; i < countof(refusals); i++)
        assert_true(verdict_refuses(refusals[i]));
    for (size_t i = 0; i < countof(unknown); i++)
        assert_false(verdict_refuses(unknown[i]));
    assert_true(verdict_is_full(ENOSPC));
    assert_true(verdict_is_full(verdict_unprepared(EDQUOT)));
    assert_false(verdict_is_full(verdict_unprepared(EIO)));
    assert_false(verdict_is_full(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_has_its_verdict),
        cmocka_unit_test(the_worst_node_counts),
        cmocka_unit_test(verdicts_have_words),
        cmocka_unit_test(reasons_are_named),
        cmocka_unit_test(a_race_has_one_winner),
        cmocka_unit_test(what_was_not_tried_refuses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
