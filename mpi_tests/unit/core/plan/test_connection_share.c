#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/connection_share.h"

enum { RANKS = 24 };

static void share(const int *node, int nranks, unsigned per_rank, unsigned total,
                  unsigned *out)
{
    unsigned *most = calloc((size_t)nranks, sizeof(*most));

    assert_non_null(most);
    for (int i = 0; i < nranks; i++)
        most[i] = per_rank;
    connection_share_slots(node, most, nranks, total, out);
    free(most);
}

/* Node of each rank as letters, slots of each rank as digits. */
static void assert_shares(const char *nodes, unsigned per_rank, unsigned total,
                          const char *slots)
{
    unsigned out[RANKS];
    int node[RANKS], nranks = (int)strlen(nodes);

    memset(out, 0xaa, sizeof(out));
    for (int i = 0; i < nranks; i++)
        node[i] = nodes[i] - 'a';
    share(node, nranks, per_rank, total, out);
    for (int i = 0; i < nranks; i++)
        assert_int_equal(out[i], slots[i] - '0');
}

static void examples(void **state)
{
    static const struct {
        const char *nodes;
        unsigned per_rank, total;
        const char *slots;
    } rows[] = {
        { "a", 8, 0, "8" },
        { "a", 8, 3, "3" },
        { "aabb", 4, 0, "4444" },
        { "aabb", 4, 16, "4444" },
        { "aabb", 4, 17, "4444" },
        { "aabb", 4, UINT32_MAX, "4444" },
        { "aabb", 4, 1, "1000" },
        { "aabb", 4, 2, "1010" }, /* the first of each node, then */
        { "aabb", 4, 3, "1110" }, /* the second of each */
        { "aabb", 4, 4, "1111" },
        { "aabb", 4, 5, "2111" },
        { "aabb", 4, 7, "2221" },
        { "aabb", 4, 15, "4443" },
        { "abab", 4, 2, "1100" }, /* ranks dealt round the nodes */
        { "abab", 4, 3, "1110" },
        { "aaab", 4, 2, "1001" }, /* nodes of unequal size */
        { "aaab", 4, 3, "1101" },
        { "aaab", 4, 6, "2112" },
        { "abbb", 2, 7, "2221" },
        { "aabb", 0, 0, "0000" },
        { "aabb", 0, 9, "0000" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_shares(rows[i].nodes, rows[i].per_rank, rows[i].total, rows[i].slots);
}

/* One in the middle has no room: the others get what there is. */
static void uneven(void **state)
{
    static const struct {
        unsigned most[3], total, out[3];
    } rows[] = {
        { { 32, 0, 32 }, 24, { 12, 0, 12 } }, { { 32, 0, 32 }, 63, { 32, 0, 31 } },
        { { 0, 32, 1 }, 16, { 0, 15, 1 } },   { { 1, 32, 32 }, 25, { 1, 12, 12 } },
        { { 0, 0, 9 }, 5, { 0, 0, 5 } },
    };
    const int together[] = { 0, 0, 0 }, apart[] = { 0, 1, 2 };
    unsigned out[3];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        connection_share_slots(together, rows[i].most, 3, rows[i].total, out);
        assert_memory_equal(out, rows[i].out, sizeof(out));
        connection_share_slots(apart, rows[i].most, 3, rows[i].total, out);
        assert_memory_equal(out, rows[i].out, sizeof(out));
    }
}

static unsigned long sum_of(const unsigned *out, int count)
{
    unsigned long sum = 0;

    for (int i = 0; i < count; i++)
        sum += out[i];
    return sum;
}

/* For a deal one by one there are never two ranks that are two slots apart, and with
 * fewer slots than nodes no node has two. */
static void assert_fair(const int *node, int nranks, unsigned per_rank, unsigned total)
{
    unsigned out[RANKS], of_node[RANKS] = { 0 }, least = UINT32_MAX, most = 0;
    unsigned long wanted = (unsigned long)per_rank * (unsigned)nranks;
    unsigned nodes = 0;

    share(node, nranks, per_rank, total, out);
    assert_int_equal(sum_of(out, nranks), total && total < wanted ? total : wanted);
    for (int i = 0; i < nranks; i++) {
        assert_true(out[i] <= per_rank);
        least = out[i] < least ? out[i] : least;
        most = out[i] > most ? out[i] : most;
        of_node[node[i]] += out[i];
        nodes = (unsigned)node[i] >= nodes ? (unsigned)node[i] + 1 : nodes;
    }
    assert_true(most - least <= 1);
    for (unsigned n = 0; n < nodes && total > 0 && total <= nodes && per_rank > 0; n++)
        assert_int_equal(of_node[n], n < total);
    if (total >= nodes && per_rank > 0)
        for (unsigned n = 0; n < nodes; n++)
            assert_true(of_node[n] > 0);
}

/* Nodes are numbered by their lowest rank, as comm.h says. */
static void sums_and_fairness(void **state)
{
    int node[RANKS];

    (void)state;
    for (int nranks = 1; nranks <= RANKS; nranks++) {
        for (int on_node = 1; on_node <= nranks; on_node++) {
            unsigned nodes = (unsigned)((nranks + on_node - 1) / on_node);

            for (int i = 0; i < nranks; i++)
                node[i] = nranks % 2 ? i / on_node : i % (int)nodes;
            for (unsigned per_rank = 0; per_rank < 5; per_rank++)
                for (unsigned total = 0; total < 5 * RANKS; total += 1 + total / 9)
                    assert_fair(node, nranks, per_rank, total);
        }
    }
}

/* A rank that can take none, or fewer than the others, leaves them to the others. */
static void ranks_that_can_take_fewer(void **state)
{
    static const struct {
        unsigned most[4], total, out[4];
    } rows[] = {
        { { 8, 0, 8, 8 }, 9, { 3, 0, 3, 3 } },  { { 8, 1, 8, 8 }, 16, { 5, 1, 5, 5 } },
        { { 0, 0, 0, 0 }, 16, { 0, 0, 0, 0 } }, { { 1, 2, 3, 4 }, 0, { 1, 2, 3, 4 } },
        { { 1, 2, 3, 4 }, 10, { 1, 2, 3, 4 } },
    };
    const int node[] = { 0, 1, 2, 3 };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        unsigned out[4];

        connection_share_slots(node, rows[i].most, 4, rows[i].total, out);
        assert_memory_equal(out, rows[i].out, sizeof(out));
    }
}

static void how_many_a_rank_may_grow_to(void **state)
{
    static const struct {
        unsigned slots, total;
        bool pinned;
        unsigned most;
    } rows[] = {
        { 8, 256, false, 32 },    { 8, 256, true, 8 }, { 8, 12, false, 12 },
        { 0, 256, false, 0 },     { 8, 5, false, 8 },  { 100, 256, true, 100 },
        { 100, 256, false, 100 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(
            connection_share_most(rows[i].slots, rows[i].total, rows[i].pinned),
            rows[i].most);
}

static void a_large_job_keeps_its_bound(void **state)
{
    enum { MANY = 8000 };
    int *node = calloc(MANY, sizeof(*node));
    unsigned *out = calloc(MANY, sizeof(*out));

    (void)state;
    assert_non_null(node);
    assert_non_null(out);
    for (int i = 0; i < MANY; i++)
        node[i] = i / 4;
    share(node, MANY, connection_share_default(MANY), CONNECTION_SHARE_TOTAL, out);
    assert_int_equal(sum_of(out, MANY), CONNECTION_SHARE_TOTAL);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(out[i], i % 4 == 0 && i / 4 < CONNECTION_SHARE_TOTAL);
    share(node, MANY, UINT32_MAX, 0, out); /* more than 32 bits hold in all */
    assert_int_equal(out[0], UINT32_MAX);
    assert_int_equal(out[MANY - 1], UINT32_MAX);
    free(node);
    free(out);
}

static void many_ranks_open_fewer_each(void **state)
{
    (void)state;
    for (int nranks = 1; nranks < 5000; nranks++) {
        assert_true(connection_share_default(nranks) > 0);
        assert_true(connection_share_default(nranks + 1) <=
                    connection_share_default(nranks));
    }
    assert_true(connection_share_default(1) > connection_share_default(5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(uneven),
        cmocka_unit_test(sums_and_fairness),
        cmocka_unit_test(ranks_that_can_take_fewer),
        cmocka_unit_test(how_many_a_rank_may_grow_to),
        cmocka_unit_test(a_large_job_keeps_its_bound),
        cmocka_unit_test(many_ranks_open_fewer_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
