#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/sched/relay.h"

enum { MIB = 1 << 20 };

/* Segments of 1 MiB: a file of four (0 to 3), a small one (4), a file of two (5, 6). */
static struct plan_file files[] = { { .size = 3 * MIB + 5 },
                                    { .size = 7 },
                                    { .size = 2 * MIB } };
static const struct plan plan = { .files = files, .nfiles = 3 };

struct fixture {
    struct segments segments;
    struct relay *relay;
};

static struct fixture fixture;

static int setup(void **state)
{
    *state = &fixture;
    return segments_cut(&fixture.segments, &plan, MIB, NULL) < 0 ||
           relay_create(&fixture.relay, &fixture.segments, NULL) < 0;
}

static int teardown(void **state)
{
    (void)state;
    relay_destroy(fixture.relay);
    segments_release(&fixture.segments);
    return 0;
}

static struct midstate state_at(uint32_t n)
{
    return (struct midstate){ .bytes = (uint64_t)n * MIB, .h = { n, ~n } };
}

static void expect_job(uint32_t most, uint32_t segment, uint32_t count, int rank,
                       struct midstate from)
{
    struct relay_job job;

    assert_true(relay_next(fixture.relay, most, &job));
    assert_int_equal(job.segment, segment);
    assert_int_equal(job.count, count);
    assert_int_equal(job.rank, rank);
    assert_int_equal(job.from.bytes, from.bytes);
    assert_memory_equal(job.from.h, from.h, sizeof(from.h));
}

static void expect_none(void)
{
    struct relay_job job;

    assert_false(relay_next(fixture.relay, 9, &job));
}

static enum relay_state advance(uint32_t segment, uint32_t to)
{
    struct midstate after = state_at(to);

    return relay_advance(fixture.relay, segment, &after);
}

static void store(uint32_t first, uint32_t end, int rank)
{
    for (uint32_t i = first; i < end; i++)
        relay_stored(fixture.relay, i, rank);
}

static void test_in_order_from_state_to_state(void **state)
{
    (void)state;
    store(1, 2, 7);
    expect_none(); /* the first is not there yet */
    store(0, 1, 3);
    expect_job(9, 0, 1, 3, midstate_start());
    expect_none(); /* one job of a file at a time */
    assert_int_equal(advance(0, 1), RELAY_MORE);
    expect_job(9, 1, 1, 7, state_at(1));
    assert_int_equal(advance(1, 2), RELAY_MORE);
    expect_none();
    store(3, 4, 7);
    store(2, 3, 7);
    expect_job(9, 2, 2, 7, state_at(2));
    assert_int_equal(relay_advance(fixture.relay, 2, NULL), RELAY_DONE);
    expect_none();
    assert_false(relay_finished(fixture.relay)); /* the other file */
}

static void test_runs_are_bounded_and_stay_on_a_rank(void **state)
{
    (void)state;
    store(0, 3, 1);
    store(3, 4, 2);
    expect_job(2, 0, 2, 1, midstate_start());
    advance(0, 2);
    expect_job(9, 2, 1, 1, state_at(2));
    advance(2, 3);
    expect_job(9, 3, 1, 2, state_at(3));
}

static void test_files_side_by_side(void **state)
{
    (void)state;
    store(0, 7, 1);
    expect_job(1, 0, 1, 1, midstate_start());
    expect_job(1, 5, 1, 1, midstate_start());
    assert_int_equal(advance(5, 1), RELAY_MORE);
    assert_int_equal(advance(0, 1), RELAY_MORE);
    expect_job(1, 6, 1, 1, state_at(1));
    expect_job(1, 1, 1, 1, state_at(1));
    assert_int_equal(advance(6, 2), RELAY_DONE);
    assert_int_equal(advance(1, 2), RELAY_MORE);
    expect_job(9, 2, 2, 1, state_at(2));
    assert_int_equal(advance(2, 4), RELAY_DONE);
    assert_true(relay_finished(fixture.relay));
}

static void test_files_of_one_segment_do_not_pass(void **state)
{
    (void)state;
    store(4, 5, 1);
    expect_none();
    assert_int_equal(advance(4, 1), RELAY_MORE);
    relay_restart(fixture.relay, 1);
    relay_skip(fixture.relay, 1);
    expect_none();
}

static void test_unexpected_answers_change_nothing(void **state)
{
    (void)state;
    store(5, 7, 1);
    assert_int_equal(advance(5, 1), RELAY_MORE); /* never asked for */
    expect_job(1, 5, 1, 1, midstate_start());
    assert_int_equal(advance(6, 2), RELAY_MORE); /* another one is out */
    assert_int_equal(advance(5, 1), RELAY_MORE);
    assert_int_equal(advance(5, 9), RELAY_MORE); /* once more */
    expect_job(1, 6, 1, 1, state_at(1));
    assert_int_equal(advance(6, 2), RELAY_DONE);
    assert_int_equal(advance(6, 2), RELAY_MORE);
}

static void test_restart_ignores_the_answer_that_is_out(void **state)
{
    (void)state;
    store(5, 7, 1);
    expect_job(9, 5, 2, 1, midstate_start());
    relay_restart(fixture.relay, 2);
    store(5, 7, 2);
    expect_none(); /* the next answer would be taken for the one that is out */
    assert_int_equal(advance(5, 2), RELAY_MORE);
    expect_job(9, 5, 2, 2, midstate_start());
    assert_int_equal(advance(5, 2), RELAY_DONE);
}

static void test_restart_after_the_end(void **state)
{
    (void)state;
    relay_skip(fixture.relay, 0);
    store(5, 7, 1);
    expect_job(9, 5, 2, 1, midstate_start());
    assert_int_equal(advance(5, 2), RELAY_DONE);
    assert_true(relay_finished(fixture.relay));
    relay_restart(fixture.relay, 2);
    assert_false(relay_finished(fixture.relay));
    expect_none(); /* nothing of it counts as stored */
    store(5, 7, 3);
    expect_job(9, 5, 2, 3, midstate_start());
    assert_int_equal(advance(5, 2), RELAY_DONE);
    assert_true(relay_finished(fixture.relay));
}

static void test_other_bytes_are_hashed_from_the_start(void **state)
{
    (void)state;
    relay_skip(fixture.relay, 0);
    store(5, 7, 1);
    expect_job(1, 5, 1, 1, midstate_start());
    assert_false(relay_redo(fixture.relay, 5)); /* not hashed yet */
    assert_int_equal(advance(5, 1), RELAY_MORE);
    assert_false(relay_redo(fixture.relay, 6));
    assert_true(relay_redo(fixture.relay, 5));
    expect_none();
    store(5, 7, 2);
    expect_job(9, 5, 2, 2, midstate_start());
    assert_int_equal(advance(5, 2), RELAY_DONE);
}

static void test_skip(void **state)
{
    (void)state;
    store(0, 4, 1);
    expect_job(1, 0, 1, 1, midstate_start());
    relay_skip(fixture.relay, 0);
    relay_skip(fixture.relay, 0);
    relay_skip(fixture.relay, 2);
    assert_true(relay_finished(fixture.relay));
    assert_int_equal(advance(0, 1), RELAY_MORE);
    expect_none();
    assert_true(relay_finished(fixture.relay));
}

static void test_segment_moves(void **state)
{
    (void)state;
    store(5, 7, 1);
    relay_stored(fixture.relay, 5, 4);
    expect_job(9, 5, 1, 4, midstate_start());
}

static void test_a_segment_is_lost(void **state)
{
    (void)state;
    store(0, 4, 1);
    expect_job(2, 0, 2, 1, midstate_start());
    assert_int_equal(relay_owner(fixture.relay, 1), 1);
    relay_lose(fixture.relay, 1);
    relay_lose(fixture.relay, 4); /* of a file of one segment */
    assert_int_equal(relay_owner(fixture.relay, 1), -1);
    assert_true(relay_lacks(fixture.relay, 1));
    relay_stored(fixture.relay, 1, 2);
    expect_none();
    assert_int_equal(advance(0, 2), RELAY_MORE); /* of what it was just losing */
    expect_job(9, 0, 1, 1, midstate_start());
    advance(0, 1);
    assert_int_equal(relay_owner(fixture.relay, 0), -1);
    assert_false(relay_lacks(fixture.relay, 0));
    expect_job(9, 1, 1, 2, state_at(1));
    advance(1, 2);
    relay_lose(fixture.relay, 1); /* it is hashed */
    expect_job(9, 2, 2, 1, state_at(2));
}

static void test_a_rank_drops_out(void **state)
{
    (void)state;
    store(0, 2, 1);
    store(2, 4, 2);
    expect_job(9, 0, 2, 1, midstate_start());
    relay_drop(fixture.relay, 1);
    expect_none();
    assert_true(relay_lacks(fixture.relay, 0) && relay_lacks(fixture.relay, 1));
    store(0, 1, 3);
    store(1, 2, 2);
    expect_job(9, 0, 1, 3, midstate_start());
    relay_drop(fixture.relay, 2); /* another one */
    assert_int_equal(advance(0, 1), RELAY_MORE);
    expect_none();
    store(1, 4, 3);
    expect_job(9, 1, 3, 3, state_at(1));
    assert_int_equal(relay_advance(fixture.relay, 1, NULL), RELAY_DONE);
}

static void test_nothing_to_hash(void **state)
{
    const struct plan empty = { .files = files, .nfiles = 0 };
    struct segments segments;
    struct relay *relay;

    (void)state;
    assert_int_equal(segments_cut(&segments, &empty, MIB, NULL), 0);
    assert_int_equal(relay_create(&relay, &segments, NULL), 0);
    assert_true(relay_finished(relay));
    relay_destroy(relay);
    relay_destroy(NULL);
    segments_release(&segments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order_from_state_to_state, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_runs_are_bounded_and_stay_on_a_rank, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_files_side_by_side, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_of_one_segment_do_not_pass, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_unexpected_answers_change_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_restart_ignores_the_answer_that_is_out,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_after_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_bytes_are_hashed_from_the_start, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_skip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_segment_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_segment_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_rank_drops_out, setup, teardown),
        cmocka_unit_test(test_nothing_to_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
