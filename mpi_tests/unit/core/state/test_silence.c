#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/state/silence.h"

enum { RANKS = 4 };
static const double timeout = 60, start = 1000;

static void open_as(struct silence *silence, int self)
{
    assert_int_equal(silence_init(silence, self, RANKS, timeout, start, NULL), 0);
}

/* Turns of a tenth of a second, in which these ranks say something every second. The
 * first that is given up, or -1. */
static int watch(struct silence *silence, double *now, double seconds, const bool *speaks)
{
    double until = *now + seconds;

    for (int turn = 0; *now < until; turn++) {
        int rank;

        *now += 0.1;
        for (int i = 0; i < RANKS && turn % 10 == 0; i++)
            if (speaks[i])
                silence_heard(silence, i);
        silence_tick(silence, *now);
        rank = silence_due(silence);
        if (rank >= 0)
            return rank;
    }
    return -1;
}

static void test_who_speaks_is_kept(void **state)
{
    struct silence silence;
    double now = start;

    (void)state;
    open_as(&silence, 0);
    assert_int_equal(watch(&silence, &now, 100 * timeout, (bool[]){ 0, 1, 1, 1 }), -1);
    silence_release(&silence);
}

static void test_silent_rank_is_given_up_in_time(void **state)
{
    struct silence silence;
    double now = start;

    (void)state;
    open_as(&silence, 0);
    assert_int_equal(watch(&silence, &now, 10, (bool[]){ 0, 1, 1, 1 }), -1);
    assert_int_equal(watch(&silence, &now, timeout - 2, (bool[]){ 0, 1, 0, 1 }), -1);
    assert_int_equal(watch(&silence, &now, timeout / 4, (bool[]){ 0, 1, 0, 1 }), 2);
    silence_release(&silence);
}

static void test_lowest_of_several(void **state)
{
    struct silence silence;
    double now = start;

    (void)state;
    open_as(&silence, 0);
    assert_int_equal(watch(&silence, &now, 2 * timeout, (bool[]){ 0, 1, 0, 0 }), 2);
    silence_release(&silence);
}

/* The others are rank 0's business. */
static void test_other_ranks_watch_rank_0_alone(void **state)
{
    struct silence silence;
    double now = start;

    (void)state;
    open_as(&silence, 2);
    assert_int_equal(watch(&silence, &now, 10 * timeout, (bool[]){ 1, 0, 0, 0 }), -1);
    assert_int_equal(watch(&silence, &now, 2 * timeout, (bool[]){ 0, 1, 1, 1 }), 0);
    silence_release(&silence);
}

static void test_rank_alone_gives_up_nobody(void **state)
{
    struct silence silence;
    double now = start;

    (void)state;
    assert_int_equal(silence_init(&silence, 0, 1, timeout, start, NULL), 0);
    for (int i = 0; i < 100; i++) {
        silence_tick(&silence, now += timeout);
        assert_int_equal(silence_due(&silence), -1);
        assert_false(silence_speak(&silence));
    }
    silence_release(&silence);
}

/* Stopped for hours, in the middle of everything: what the others said meanwhile is not
 * read yet. */
static void test_own_sleep_is_nobodys_silence(void **state)
{
    struct silence silence;
    double now = start;

    (void)state;
    open_as(&silence, 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(watch(&silence, &now, 30, (bool[]){ 0, 1, 1, 1 }), -1);
        silence_tick(&silence, now += 10000);
        assert_int_equal(silence_due(&silence), -1);
    }
    /* and a rank that is gone is found all the same */
    assert_int_equal(watch(&silence, &now, 1.2 * timeout, (bool[]){ 0, 1, 1, 0 }), 3);
    silence_release(&silence);
}

/* A rank whose turns take long each time finds out too, in more time. */
static void test_slow_turns_end(void **state)
{
    struct silence silence;
    double now = start;
    int turns = 0;

    (void)state;
    open_as(&silence, 1);
    do {
        silence_tick(&silence, now += timeout / 2);
    } while (silence_due(&silence) < 0 && ++turns < 100);
    assert_in_range(turns, 5, 7);
    silence_release(&silence);
}

static void test_signs_of_life_are_few_and_in_time(void **state)
{
    struct silence silence;
    double now = start, longest = 0, last = start;
    unsigned signs = 0;

    (void)state;
    open_as(&silence, 3);
    while (now < start + 10 * timeout) {
        silence_tick(&silence, now += 0.1);
        if (!silence_speak(&silence))
            continue;
        silence_said(&silence);
        longest = now - last > longest ? now - last : longest;
        last = now;
        signs++;
    }
    assert_true(longest < timeout / 4);
    assert_in_range(signs, 50, 60);
    silence_release(&silence);
}

static void test_who_spoke_need_not_speak(void **state)
{
    struct silence silence;
    double now = start;

    (void)state;
    open_as(&silence, 3);
    for (int i = 0; i < 1000; i++) {
        silence_tick(&silence, now += timeout / 7);
        silence_said(&silence);
        assert_false(silence_speak(&silence));
    }
    silence_release(&silence);
}

static void test_another_timeout(void **state)
{
    struct silence silence;
    double now = start;

    (void)state;
    open_as(&silence, 0);
    silence_set(&silence, 3, now);
    assert_int_equal(watch(&silence, &now, 2, (bool[]){ 0, 0, 0, 0 }), -1);
    assert_int_equal(watch(&silence, &now, 2, (bool[]){ 0, 0, 0, 0 }), 1);
    silence_release(&silence);
}

/* As tests of phase/ have it. */
static void test_zeroed_watches_nobody(void **state)
{
    struct silence silence = { 0 };

    (void)state;
    silence_tick(&silence, 1e9);
    silence_heard(&silence, 0);
    silence_said(&silence);
    assert_false(silence_speak(&silence));
    assert_int_equal(silence_due(&silence), -1);
    silence_release(&silence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_speaks_is_kept),
        cmocka_unit_test(test_silent_rank_is_given_up_in_time),
        cmocka_unit_test(test_lowest_of_several),
        cmocka_unit_test(test_other_ranks_watch_rank_0_alone),
        cmocka_unit_test(test_rank_alone_gives_up_nobody),
        cmocka_unit_test(test_own_sleep_is_nobodys_silence),
        cmocka_unit_test(test_slow_turns_end),
        cmocka_unit_test(test_signs_of_life_are_few_and_in_time),
        cmocka_unit_test(test_who_spoke_need_not_speak),
        cmocka_unit_test(test_another_timeout),
        cmocka_unit_test(test_zeroed_watches_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
