/* Nodes that turn out to have one disk are numbered as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/mpi/comm.h"
#include "ranks/nodes.h"
#include "ranks/run.h"

/* io/mpi/comm.h of seven ranks on four nodes. */
static const int node_of[] = { 0, 1, 0, 2, 3, 1, 2 };
static const int lowest[] = { 0, 1, 3, 4 };

int comm_nodes(const struct comm *comm)
{
    (void)comm;
    return (int)countof(lowest);
}

int comm_node(const struct comm *comm, int rank)
{
    (void)comm;
    return node_of[rank];
}

int comm_node_lowest(const struct comm *comm, int node)
{
    (void)comm;
    return lowest[node];
}

const char *comm_host(const struct comm *comm, int rank)
{
    (void)comm;
    (void)rank;
    return "n1";
}

int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err)
{
    (void)comm;
    (void)to;
    (void)bytes;
    (void)len;
    (void)err;
    return 0;
}

int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    (void)comm;
    (void)buf;
    (void)from;
    (void)err;
    return 0;
}

struct row {
    int with[countof(lowest)], nodes, node_of[countof(node_of)],
        keeper_of[countof(lowest)];
};

static void test_join(void **state)
{
    static const struct row rows[] = {
        { { 0, 1, 2, 3 }, 4, { 0, 1, 0, 2, 3, 1, 2 }, { 0, 1, 3, 4 } },
        { { 0, 0, 0, 0 }, 1, { 0, 0, 0, 0, 0, 0, 0 }, { 0 } },
        { { 0, 0, 2, 3 }, 3, { 0, 0, 0, 1, 2, 0, 1 }, { 0, 3, 4 } },
        { { 0, 1, 1, 0 }, 2, { 0, 1, 0, 1, 0, 1, 1 }, { 0, 1 } },
        { { 0, 1, 1, 2 }, 2, { 0, 1, 0, 1, 1, 1, 1 }, { 0, 1 } }, /* seen by another */
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct run run = { .ranks.size = (int)countof(node_of), .opt.per_node = "/l" };

        assert_int_equal(nodes_join(&run.ranks, rows[i].with, NULL), 0);
        assert_int_equal(nodes_count(&run.ranks), rows[i].nodes);
        assert_int_equal(nodes_spread(&run), rows[i].nodes > 1);
        for (int rank = 0; rank < run.ranks.size; rank++)
            assert_int_equal(nodes_of(&run.ranks, rank), rows[i].node_of[rank]);
        for (int node = 0; node < rows[i].nodes; node++)
            assert_int_equal(nodes_keeper(&run.ranks, node), rows[i].keeper_of[node]);
        nodes_release(&run.ranks);
        assert_int_equal(nodes_count(&run.ranks), 4);
    }
}

static void test_spread(void **state)
{
    struct run run = { .ranks.size = (int)countof(node_of) };

    (void)state;
    assert_false(nodes_spread(&run));
    run.opt.per_node = "/l";
    assert_true(nodes_spread(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
