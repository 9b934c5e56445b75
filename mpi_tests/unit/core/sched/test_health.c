/* Which connections are replaced, against sources of several kinds, in a time of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/sched/health.h"

enum { RANKS = 4, EACH = 8, MOST = 32, SEGMENT = 8 << 20 };

static const double step = 0.25;

struct line {
    double speed, seconds, left;
    uint32_t segment;
};

/* What the source gives to a new connection. */
typedef double draw(uint64_t *chance, unsigned nth);

struct world {
    struct health health;
    draw *draw;
    double link; /* of a host; 0: no limit */
    bool ours;
    struct line line[RANKS][EACH];
    uint32_t segments;
    uint64_t chance;
    unsigned opened, replaced;
    double bytes, now;
};

static double chance_of(uint64_t *chance)
{
    *chance = *chance * 6364136223846793005u + 1442695040888963407u;
    return (double)(*chance >> 11) / (double)(1ull << 53);
}

/* Once each host has had one of the good ones, which no choice can bring about. */
static double draw_two_speeds(uint64_t *chance, unsigned nth)
{
    bool good = chance_of(chance) < 0.3;

    return good || (nth <= RANKS * EACH && nth % EACH == 0) ? 8e6 : 1e6;
}

static double draw_slow(uint64_t *chance, unsigned nth)
{
    (void)chance;
    (void)nth;
    return 1e6;
}

/* A few good ones at first, and never again. */
static double draw_good_at_first(uint64_t *chance, unsigned nth)
{
    (void)chance;
    return nth <= RANKS * EACH && nth % 8 == 0 ? 8e6 : 1e6;
}

static double draw_uneven(uint64_t *chance, unsigned nth)
{
    (void)nth;
    return 2e6 * (0.6 + 0.8 * chance_of(chance));
}

/* As streams that share a full link: some get a tenth of what others do. */
static double draw_unfair(uint64_t *chance, unsigned nth)
{
    (void)nth;
    return 1e6 * pow(20, chance_of(chance));
}

static void open_line(struct world *w, struct line *line)
{
    line->speed = w->draw(&w->chance, ++w->opened);
    line->seconds = 0;
}

static double scale_of(const struct world *w, int rank)
{
    double sum = 0;

    for (int i = 0; i < EACH; i++)
        sum += w->line[rank][i].speed;
    return w->link > 0 && sum > w->link ? w->link / sum : 1;
}

static void move(struct world *w)
{
    for (int rank = 0; rank < RANKS; rank++) {
        double scale = scale_of(w, rank);

        for (int i = 0; i < EACH; i++) {
            struct line *line = &w->line[rank][i];
            double bytes = line->speed * scale * step;
            struct health_word word = { line->segment, 7, line->speed * scale,
                                        line->seconds += step, w->ours };

            w->bytes += bytes;
            line->left -= bytes;
            health_hear(&w->health, rank, &word, w->now);
            if (line->left > 0)
                continue;
            line->segment = w->segments++;
            line->left = SEGMENT;
        }
    }
}

static void replace(struct world *w)
{
    struct health_choice choice;

    while (health_next(&w->health, w->now, &choice)) {
        w->replaced++;
        for (int i = 0; i < EACH; i++)
            if (w->line[choice.rank][i].segment == choice.segment)
                open_line(w, &w->line[choice.rank][i]);
    }
}

/* Bytes a second over that time. */
static double run(struct world *w, double seconds)
{
    static const int node[RANKS] = { 0, 1, 2, 3 };
    struct err err = { 0 };

    assert_int_equal(health_init(&w->health, RANKS, MOST, node, step, &err), 0);
    for (int rank = 0; rank < RANKS; rank++)
        for (int i = 0; i < EACH; i++) {
            w->line[rank][i] = (struct line){ .segment = w->segments++, .left = SEGMENT };
            open_line(w, &w->line[rank][i]);
        }
    for (; w->now < seconds; w->now += step) {
        move(w);
        replace(w);
    }
    health_release(&w->health);
    return w->bytes / seconds;
}

static void test_two_speeds(void **state)
{
    double sum = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world w = { .draw = draw_two_speeds, .chance = seed };
        double share = run(&w, 30) / (RANKS * EACH * 8e6);

        assert_true(share >= 0.75);
        assert_in_range(w.replaced, 20, 160);
        sum += share;
    }
    assert_true(sum / 20 >= 0.88);
}

/* A link that three fast ones fill. */
static void test_two_speeds_and_a_link(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world w = { .draw = draw_two_speeds, .chance = seed, .link = 25e6 };

        assert_true(run(&w, 30) >= 0.85 * RANKS * 25e6);
    }
}

static void test_nothing_to_compare(void **state)
{
    draw *const draws[] = { draw_slow, draw_uneven };

    (void)state;
    for (size_t i = 0; i < countof(draws); i++) {
        struct world w = { .draw = draws[i], .chance = 3 };

        run(&w, 120);
        assert_int_equal(w.replaced, 0);
    }
}

/* They do not get better: a dozen tries a host, then a rest. */
static void test_replacements_that_do_not_help(void **state)
{
    struct world w = { .draw = draw_good_at_first, .chance = 5 };

    (void)state;
    run(&w, 25);
    assert_in_range(w.replaced, RANKS * 12, RANKS * 20);
    w = (struct world){ .draw = draw_good_at_first, .chance = 5 };
    run(&w, 600);
    assert_in_range(w.replaced, RANKS * 24, RANKS * 100);
}

/* The new one gets more, another one less. */
static void test_a_full_link(void **state)
{
    struct world w = { .draw = draw_unfair, .chance = 9, .link = 10e6 };

    (void)state;
    run(&w, 600);
    assert_in_range(w.replaced, 0, RANKS * 60);
}

static void test_held_by_us(void **state)
{
    struct world w = { .draw = draw_two_speeds, .chance = 1, .ours = true };

    (void)state;
    run(&w, 30);
    assert_int_equal(w.replaced, 0);
}

/* One that waits for us is not judged; where most do, none is. */
static void test_held_by_us_in_part(void **state)
{
    const int node[] = { 0 };

    (void)state;
    for (int row = 0; row < 2; row++) {
        struct health health;
        struct health_choice choice;
        struct err err = { 0 };

        assert_int_equal(health_init(&health, 1, MOST, node, step, &err), 0);
        for (uint32_t k = 0; k < 5; k++) {
            const struct health_word word = { k, 1, k == 4 ? 1e6 : 10e6, 5,
                                              (k == 4) != (row == 1) };

            health_hear(&health, 0, &word, 100);
        }
        assert_false(health_next(&health, 100, &choice));
        health_release(&health);
    }
}

static void hear(struct health *health, int rank, uint32_t segment, double rate,
                 double seconds, double now)
{
    const struct health_word word = { segment, 1, rate, seconds, false };

    health_hear(health, rank, &word, now);
}

/* Another host's connections are faster: what is good is what this host sees. */
static void test_a_slow_node(void **state)
{
    const int node[] = { 0, 1 };
    struct health health;
    struct health_choice choice;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(health_init(&health, 2, MOST, node, step, &err), 0);
    for (double now = 0; now < 10; now += step) {
        for (uint32_t i = 0; i < 8; i++) {
            hear(&health, 0, i, 10e6, now, now);
            hear(&health, 1, 8 + i, 0.1e6, now, now);
        }
        assert_false(health_next(&health, now, &choice));
    }
    health_release(&health);
}

/* What is clear is seen soon, what is not takes longer; too few connections, and other
 * sources, are no measure. */
static void test_when(void **state)
{
    static const struct {
        double rate, seconds;
        unsigned others;
        bool replaced;
    } rows[] = {
        { 1e6, 0.75, 3, false }, { 1e6, 1, 3, true }, { 3e6, 1, 3, false },
        { 3e6, 3.75, 3, false }, { 3e6, 4, 3, true }, { 4.5e6, 60, 3, false },
        { 1e6, 60, 1, false },   { 0, 1, 3, true },
    };
    const int node[] = { 0 };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct health health;
        struct health_choice choice = { 0 };
        struct err err = { 0 };

        assert_int_equal(health_init(&health, 1, MOST, node, step, &err), 0);
        for (uint32_t k = 0; k < rows[i].others; k++)
            hear(&health, 0, 10 + k, 10e6, 5, 100);
        hear(&health, 0, 3, rows[i].rate, rows[i].seconds, 100);
        assert_int_equal(health_next(&health, 100, &choice), rows[i].replaced);
        assert_int_equal(choice.segment, rows[i].replaced ? 3 : 0);
        assert_false(health_next(&health, 100.5, &choice));
        health_release(&health);
    }
}

static void test_two_sources(void **state)
{
    const int node[] = { 0 };
    struct health health;
    struct health_choice choice;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(health_init(&health, 1, MOST, node, step, &err), 0);
    for (uint32_t k = 0; k < 4; k++) {
        const struct health_word fast = { k, 1, 10e6, 5, false },
                                 slow = { 10 + k, 2, 0.5e6, 5, false };

        health_hear(&health, 0, &fast, 100);
        health_hear(&health, 0, &slow, 100);
    }
    assert_false(health_next(&health, 100, &choice));
    health_release(&health);
}

/* What is left at the end of a run is measured by those that are through. */
static void test_stragglers(void **state)
{
    const int node[] = { 0 };
    struct health health;
    struct health_choice choice;
    struct err err = { 0 };
    double now = 100;

    (void)state;
    assert_int_equal(health_init(&health, 1, MOST, node, step, &err), 0);
    for (uint32_t k = 0; k < 7; k++)
        hear(&health, 0, k, 10e6, 0.9, now);
    hear(&health, 0, 7, 1e6, 0.9, now);
    hear(&health, 0, 8, 3e6, 0.9, now);
    assert_false(health_next(&health, now, &choice));
    now += step;
    hear(&health, 0, 7, 1e6, 1.15, now);
    assert_true(health_next(&health, now, &choice));
    assert_int_equal(choice.segment, 7);
    assert_false(health_next(&health, now, &choice));
    health_release(&health);

    /* Too long ago. */
    assert_int_equal(health_init(&health, 1, MOST, node, step, &err), 0);
    for (uint32_t k = 0; k < 8; k++)
        hear(&health, 0, k, 10e6, 5, now);
    assert_false(health_next(&health, now, &choice));
    hear(&health, 0, 9, 1e6, 5, now + 11);
    assert_false(health_next(&health, now + 11, &choice));
    health_release(&health);
}

/* Two ranks of one node are one host. */
static void test_ranks_of_a_node(void **state)
{
    const int node[] = { 0, 0 };
    struct health health;
    struct health_choice choice;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(health_init(&health, 2, MOST, node, step, &err), 0);
    for (uint32_t k = 0; k < 4; k++)
        hear(&health, 0, k, 10e6, 5, 100);
    hear(&health, 1, 9, 1e6, 5, 100);
    assert_true(health_next(&health, 100, &choice));
    assert_int_equal(choice.rank, 1);
    assert_int_equal(choice.segment, 9);
    health_release(&health);
}

/* However many there are: 32 at once, and then one in two seconds. */
static void test_bound(void **state)
{
    const int node[] = { 0 };
    struct health health;
    struct health_choice choice;
    struct err err = { 0 };
    uint32_t segment = 0;

    (void)state;
    assert_int_equal(health_init(&health, 1, MOST, node, step, &err), 0);
    for (double now = 100; now < 160; now += step) {
        for (uint32_t k = 0; k < 10; k++) {
            hear(&health, 0, segment + k, 10e6, 5, now);
            hear(&health, 0, segment + 10 + k, 1e6, 5, now);
        }
        segment += 20;
        while (health_next(&health, now, &choice)) {
        }
    }
    assert_in_range(health.replaced, 32, 32 + 31);
    health_release(&health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_speeds),
        cmocka_unit_test(test_two_speeds_and_a_link),
        cmocka_unit_test(test_nothing_to_compare),
        cmocka_unit_test(test_replacements_that_do_not_help),
        cmocka_unit_test(test_a_full_link),
        cmocka_unit_test(test_held_by_us),
        cmocka_unit_test(test_held_by_us_in_part),
        cmocka_unit_test(test_a_slow_node),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_two_sources),
        cmocka_unit_test(test_stragglers),
        cmocka_unit_test(test_ranks_of_a_node),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
