#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "core/sched/proofs.h"

enum { MIB = 1 << 20, NODES = 3, TOLD = 0, SILENT = 1, EMPTY = 2 };

/* The source announces the digest of the first file, and none of the second. */
static struct plan_file files[] = {
    { .size = 3 * MIB,
      .want = { .kind = DIGEST_SHA256, .bytes = "the digest announced" } },
    { .size = 7 },
    { .size = 0 },
};
static const struct plan plan = { .files = files, .nfiles = 3 };
static const uint8_t one[32] = "one digest", other[32] = "another digest";

static struct segments segments;
static struct proofs *proofs;

static int setup(void **state)
{
    (void)state;
    return segments_cut(&segments, &plan, MIB, NULL) < 0 ||
           proofs_create(&proofs, &segments, NODES, NULL) < 0;
}

static int teardown(void **state)
{
    (void)state;
    proofs_destroy(proofs);
    segments_release(&segments);
    return 0;
}

static void good(int node, uint32_t file)
{
    const uint8_t *sha256 = file == SILENT ? one : NULL;

    assert_int_equal(proofs_hear(proofs, node, file, sha256, false, NULL), 0);
}

static void bad(int node, uint32_t file)
{
    assert_int_equal(proofs_hear(proofs, node, file, other, file == TOLD, NULL), 0);
}

static void forgot(int node, uint32_t file, bool any)
{
    assert_int_equal(proofs_forgot(proofs, node, file, any, NULL), 0);
}

static void expect_none(void)
{
    struct proofs_action action;

    assert_false(proofs_next(proofs, &action));
}

static struct proofs_action expect(enum proofs_kind kind, uint32_t file)
{
    struct proofs_action action = { 0 };

    assert_true(proofs_next(proofs, &action));
    assert_int_equal(action.kind, kind);
    assert_int_equal(action.file, file);
    return action;
}

static void expect_known(uint32_t file, const uint8_t *sha256, bool again)
{
    struct proofs_action action = expect(PROOFS_KNOWN, file);

    assert_memory_equal(action.sha256, sha256, 32);
    assert_int_equal(action.again, again);
}

static void expect_lack(int node, uint32_t file, bool all)
{
    struct proofs_action action = expect(PROOFS_LACK, file);

    assert_int_equal(action.node, node);
    assert_int_equal(action.all, all);
}

static void all_good(uint32_t file)
{
    for (int node = 0; node < NODES; node++)
        good(node, file);
}

static void each_node_reports_each_file(void **state)
{
    (void)state;
    for (int node = 0; node < NODES; node++) {
        good(node, TOLD);
        good(node, TOLD); /* a second time counts once */
        assert_false(proofs_finished(proofs));
    }
    expect_known(TOLD, files[TOLD].want.bytes, false);
    expect_none();
    all_good(SILENT);
    expect_known(SILENT, one, false);
    expect_none();
    assert_true(proofs_finished(proofs));
}

static void what_is_not_wanted_is_not_waited_for(void **state)
{
    (void)state;
    proofs_skip(proofs, 1, TOLD);
    good(0, TOLD);
    good(2, TOLD);
    all_good(SILENT);
    assert_true(proofs_finished(proofs));
}

static void a_node_with_wrong_segments_gets_them_again(void **state)
{
    (void)state;
    good(0, TOLD);
    expect_known(TOLD, files[TOLD].want.bytes, false);
    bad(1, TOLD);
    expect_lack(1, TOLD, false);
    bad(1, TOLD); /* was on its way */
    good(1, TOLD);
    expect_none();
    forgot(1, TOLD, true);
    expect_none();
    good(2, TOLD);
    all_good(SILENT);
    assert_false(proofs_finished(proofs));
    good(1, TOLD);
    assert_true(proofs_finished(proofs));
}

/* A disk that now and then reads wrong is found by the second look. */
static void a_digest_that_is_right_at_the_second_look_is_right(void **state)
{
    (void)state;
    bad(1, TOLD);
    expect_lack(1, TOLD, false);
    forgot(1, TOLD, false);
    good(1, TOLD);
    expect_known(TOLD, files[TOLD].want.bytes, false);
    expect_none();
}

static void sound_segments_with_a_wrong_digest_are_all_forgotten(void **state)
{
    (void)state;
    good(0, TOLD);
    expect_known(TOLD, files[TOLD].want.bytes, false);
    bad(1, TOLD);
    expect_lack(1, TOLD, false);
    forgot(1, TOLD, false);
    bad(1, TOLD);
    expect_lack(1, TOLD, true);
    forgot(1, TOLD, true);
    good(1, TOLD);
    expect_none();
}

/* The others may have the right bytes: so the source is blamed once all have reported. */
static void a_source_that_sent_other_bytes_is_asked_once_more(void **state)
{
    struct proofs_action action;

    (void)state;
    for (int node = 0; node < NODES; node++) {
        bad(node, TOLD);
        expect_lack(node, TOLD, false);
        forgot(node, TOLD, false);
        expect_none();
        bad(node, TOLD);
    }
    action = expect(PROOFS_WRONG, TOLD);
    assert_false(action.again);
    assert_memory_equal(action.sha256, other, 32);
    assert_int_equal(proofs_recall(proofs, TOLD, NULL), 0);
    for (int node = 0; node < NODES; node++)
        expect_lack(node, TOLD, true);
    for (int node = 0; node < NODES; node++) {
        expect_none();
        forgot(node, TOLD, true);
    }
    expect(PROOFS_ANEW, TOLD);
    for (int node = 0; node < NODES; node++) {
        bad(node, TOLD);
        expect_lack(node, TOLD, false);
        forgot(node, TOLD, false);
        bad(node, TOLD);
    }
    assert_true(expect(PROOFS_WRONG, TOLD).again);
}

static void a_good_copy_shows_that_the_source_is_right(void **state)
{
    (void)state;
    for (int node = 0; node < 2; node++) {
        bad(node, TOLD);
        expect_lack(node, TOLD, false);
        forgot(node, TOLD, false);
        bad(node, TOLD);
        expect_none();
    }
    good(2, TOLD);
    expect_known(TOLD, files[TOLD].want.bytes, false);
    assert_int_not_equal(expect(PROOFS_LACK, TOLD).node, 2);
    assert_int_not_equal(expect(PROOFS_LACK, TOLD).node, 2);
    expect_none();
}

static void a_node_is_mended_three_times_at_most(void **state)
{
    (void)state;
    good(0, TOLD);
    expect_known(TOLD, files[TOLD].want.bytes, false);
    for (int i = 0; i < PROOFS_MENDS; i++) {
        bad(1, TOLD);
        expect_lack(1, TOLD, false);
        forgot(1, TOLD, true);
    }
    bad(1, TOLD);
    assert_int_equal(expect(PROOFS_FAIL, TOLD).node, 1);
    assert_int_equal(proofs_drop(proofs, 1, NULL), 0);
    expect_none();
    bad(1, TOLD);
    expect_none();
}

static void what_a_node_forgets_unasked_is_reported_anew(void **state)
{
    (void)state;
    all_good(TOLD);
    all_good(SILENT);
    assert_true(proofs_finished(proofs));
    assert_int_equal(proofs_void(proofs, 2, TOLD, NULL), 0);
    assert_false(proofs_finished(proofs));
    good(2, TOLD);
    assert_true(proofs_finished(proofs));
}

static void of_two_unannounced_digests_that_of_compared_segments_counts(void **state)
{
    (void)state;
    good(0, SILENT);
    good(1, SILENT);
    expect_known(SILENT, one, false);
    bad(2, SILENT);
    expect_lack(2, SILENT, false);
    forgot(2, SILENT, false);
    expect_none();
    bad(2, SILENT);
    expect_known(SILENT, other, true);
    expect_lack(0, SILENT, false);
    expect_lack(1, SILENT, false);
    expect_none();
    forgot(0, SILENT, true);
    forgot(1, SILENT, true);
    bad(0, SILENT);
    bad(1, SILENT);
    all_good(TOLD);
    assert_true(proofs_finished(proofs));
}

/* What is compared and differs from what is compared: that disk is not to be trusted. */
static void two_compared_digests_do_not_turn_over_for_ever(void **state)
{
    (void)state;
    good(0, SILENT);
    expect_known(SILENT, one, false);
    bad(2, SILENT);
    expect_lack(2, SILENT, false);
    forgot(2, SILENT, false);
    bad(2, SILENT);
    expect_known(SILENT, other, true);
    expect_lack(0, SILENT, false);
    forgot(0, SILENT, false);
    good(0, SILENT);
    expect_lack(0, SILENT, true);
    expect_none();
}

/* Until all have forgotten it the run must not end. */
static void what_nobody_reports_is_good_unless_it_is_recalled(void **state)
{
    (void)state;
    proofs_trust(proofs, TOLD);
    all_good(SILENT);
    expect_known(SILENT, one, false);
    assert_true(proofs_finished(proofs));
    assert_int_equal(proofs_recall(proofs, TOLD, NULL), 0);
    for (int node = 0; node < NODES; node++) {
        expect_lack(node, TOLD, true);
        assert_false(proofs_finished(proofs));
    }
    for (int node = 0; node < NODES; node++) {
        assert_false(proofs_finished(proofs));
        assert_true(proofs_recalls(proofs, TOLD));
        forgot(node, TOLD, true);
    }
    assert_false(proofs_recalls(proofs, TOLD));
    expect(PROOFS_ANEW, TOLD);
    assert_true(proofs_finished(proofs));
}

static void nothing_is_expected_of_a_node_that_was_dropped(void **state)
{
    (void)state;
    good(1, SILENT);
    expect_known(SILENT, one, false);
    assert_int_equal(proofs_drop(proofs, 1, NULL), 0);
    assert_int_equal(proofs_drop(proofs, 1, NULL), 0);
    good(0, TOLD);
    good(2, TOLD);
    good(0, SILENT);
    assert_false(proofs_finished(proofs));
    good(2, SILENT);
    assert_true(proofs_finished(proofs));
}

static void a_node_that_is_dropped_holds_up_no_judgement(void **state)
{
    (void)state;
    for (int node = 0; node < 2; node++) {
        bad(node, TOLD);
        expect_lack(node, TOLD, false);
        forgot(node, TOLD, false);
        bad(node, TOLD);
    }
    expect_none();
    assert_int_equal(proofs_drop(proofs, 2, NULL), 0);
    expect(PROOFS_WRONG, TOLD);
    assert_int_equal(proofs_recall(proofs, TOLD, NULL), 0);
    expect_lack(0, TOLD, true);
    expect_lack(1, TOLD, true);
    forgot(0, TOLD, true);
    expect_none();
    assert_int_equal(proofs_drop(proofs, 1, NULL), 0);
    expect(PROOFS_ANEW, TOLD);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(each_node_reports_each_file),
        EACH(what_is_not_wanted_is_not_waited_for),
        EACH(a_node_with_wrong_segments_gets_them_again),
        EACH(a_digest_that_is_right_at_the_second_look_is_right),
        EACH(sound_segments_with_a_wrong_digest_are_all_forgotten),
        EACH(a_source_that_sent_other_bytes_is_asked_once_more),
        EACH(a_good_copy_shows_that_the_source_is_right),
        EACH(a_node_is_mended_three_times_at_most),
        EACH(what_a_node_forgets_unasked_is_reported_anew),
        EACH(of_two_unannounced_digests_that_of_compared_segments_counts),
        EACH(two_compared_digests_do_not_turn_over_for_ever),
        EACH(what_nobody_reports_is_good_unless_it_is_recalled),
        EACH(nothing_is_expected_of_a_node_that_was_dropped),
        EACH(a_node_that_is_dropped_holds_up_no_judgement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
