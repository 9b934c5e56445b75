/* Whether sockets wait for memory or bytes on the disk are given up: sources whose
 * connections share one speed, and sources where each has its own, with an invented clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/sched/spill.h"

enum { MB = 1000000 };

/* One turn each millisecond: so many bytes a second while nothing waits, and while all but
 * the next one wait. Memory is full from `full` on, and as long as nothing is given up. */
struct source {
    double alone, all;
    double full;
};

struct outcome {
    double bytes;   /* that came */
    double spilled; /* seconds of giving up */
    unsigned times;
};

static struct outcome play(const struct source *source, double seconds)
{
    struct spill spill = { 0 };
    struct outcome outcome = { 0 };
    bool gives_up = false;

    for (unsigned ms = 1; ms < seconds * 1000; ms++) {
        double now = 1000 + ms / 1000.0;
        bool waiting = ms / 1000.0 >= source->full && !gives_up, before = gives_up;
        double rate = waiting ? source->alone : source->all;

        spill_received(&spill, (uint64_t)(rate / 1000));
        gives_up = spill_turn(&spill, waiting, now);
        outcome.bytes += rate / 1000;
        outcome.spilled += gives_up ? 0.001 : 0;
        outcome.times += gives_up && !before;
    }
    return outcome;
}

/* The next segment alone fills the link, or nearly so. */
static void test_waiting_costs_nothing(void **state)
{
    static const struct source rows[] = { { 1000 * MB, 1000 * MB, 0.1 },
                                          { 700 * MB, 1000 * MB, 0.3 },
                                          { 10 * MB, 10 * MB, 4 },
                                          { 0, 0, 0.1 } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(play(&rows[i], 30).times, 0);
}

/* Eight connections of a speed each; or one of them stalls and holds up the others. */
static void test_waiting_costs_too_much(void **state)
{
    static const struct source rows[] = { { 10 * MB, 80 * MB, 0.5 },
                                          { 0, 80 * MB, 0.5 },
                                          { 1, 1000 * MB, 0.1 } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct outcome outcome = play(&rows[i], 30);

        assert_true(outcome.times > 0);
        assert_true(outcome.bytes > 0.85 * 30 * rows[i].all);
        /* Tried less and less often. */
        assert_true(outcome.times < 8);
    }
}

/* Four ranks of a node have its link in turn, a tenth of a second each: while one has all of it the
 * memory of the others is full. */
static bool gives_up_in_turn(unsigned ranks, double at_its_turn)
{
    struct spill spill = { .ranks = ranks };
    bool ever = false;

    for (unsigned ms = 1; ms < 30000; ms++) {
        bool waiting = ms > 1000 && ms / 100 % 4 != 0;

        spill_received(&spill, (uint64_t)((waiting      ? 0
                                           : ms <= 1000 ? 400 * MB
                                                        : at_its_turn) /
                                          1000));
        ever |= spill_turn(&spill, waiting, 1000 + ms / 1000.0);
    }
    return ever;
}

static void test_ranks_of_a_node_take_turns(void **state)
{
    (void)state;
    assert_false(gives_up_in_turn(4, 600 * MB));
    assert_true(gives_up_in_turn(4, 20 * MB));  /* nobody has what it does without */
    assert_true(gives_up_in_turn(1, 600 * MB)); /* its link is idle meanwhile */
}

/* Once waiting costs nothing any more, it is soon seen. */
static void test_the_source_changes(void **state)
{
    struct spill spill = { 0 };
    double now = 1000;
    bool gives_up = false;
    unsigned times = 0;

    (void)state;
    for (; now < 1003; now += 0.001) {
        spill_received(&spill, gives_up || now < 1001 ? 80 * MB / 1000 : 10 * MB / 1000);
        gives_up = spill_turn(&spill, now > 1001 && !gives_up, now);
        times += gives_up;
    }
    assert_true(times > 0);
    times = 0;
    for (; now < 1030; now += 0.001) {
        spill_received(&spill, 80 * MB / 1000);
        gives_up = spill_turn(&spill, true, now);
        times += now > 1010 && gives_up;
    }
    assert_int_equal(times, 0);
}

static void test_patience(void **state)
{
    (void)state;
    assert_false(spill_starves(1000, 1000));
    assert_false(spill_starves(1000, 1001.5));
    assert_true(spill_starves(1000, 1005)); /* servers wait for ten and more */
}

/* The next one leaves none, and half of them are left by what is far. */
static void test_reserve(void **state)
{
    static const struct {
        uint32_t count, distance, reserve;
    } rows[] = { { 80, 0, 0 },    { 80, 16, 4 },          { 80, 128, 32 },
                 { 80, 160, 40 }, { 80, UINT32_MAX, 40 }, { 2048, 400, 100 },
                 { 0, 5, 0 } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(spill_reserve(rows[i].count, rows[i].distance), rows[i].reserve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting_costs_nothing),
        cmocka_unit_test(test_waiting_costs_too_much),
        cmocka_unit_test(test_ranks_of_a_node_take_turns),
        cmocka_unit_test(test_the_source_changes),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_reserve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
