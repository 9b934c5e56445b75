#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/state/parcel.h"
#include "core/state/sums.h"

enum { SEGMENTS = 100, NODES = 9 };

/* 5 -> 2 -> 7, 8
 *   -> 0
 *   -> 1 -> 4 -> 3 */
static struct parcel_node tree[] = { { 5, 8 }, { 2, 3 }, { 7, 1 }, { 8, 1 },
                                     { 0, 1 }, { 1, 3 }, { 4, 2 }, { 3, 1 } };
static uint64_t sums[] = { 1, UINT64_MAX, 0x0102030405060708 };

static struct parcel whole(void)
{
    return (struct parcel){ .ticket = 77,
                            .nruns = 2,
                            .nnodes = countof(tree),
                            .nsums = countof(sums),
                            .run = { { 12, 1, MSG_ITEM_WHOLE }, { 98, 2, 0 } },
                            .tree = tree,
                            .sum = sums };
}

static int read(struct parcel *parcel, const struct msg *msg)
{
    struct err err = { 0 };
    int rc = parcel_read(parcel, msg, SEGMENTS, NODES, &err);

    assert_int_equal(err.code, rc < 0 ? ERR_DEFECT : ERR_NONE);
    if (rc < 0)
        assert_true(!parcel->tree && !parcel->sum);
    return rc;
}

static void assert_part(const struct parcel *from, uint32_t node, uint32_t begin,
                        uint32_t count)
{
    struct strbuf blob = { 0 };
    struct parcel part;
    struct msg msg;

    parcel_write(from, node, MSG_OFFER, &msg, &blob);
    assert_int_equal(msg.kind, MSG_OFFER);
    assert_int_equal(read(&part, &msg), 0);
    assert_int_equal(part.ticket, 77);
    assert_int_equal(part.nruns, 2);
    assert_memory_equal(part.run, from->run, 2 * sizeof(part.run[0]));
    assert_int_equal(part.nsums, 3);
    assert_memory_equal(part.sum, sums, sizeof(sums));
    assert_int_equal(part.nnodes, count);
    assert_memory_equal(part.tree, tree + begin, count * sizeof(tree[0]));
    parcel_release(&part);
    strbuf_release(&blob);
}

static void each_child_gets_what_is_below_it(void **state)
{
    const struct parcel parcel = whole();

    (void)state;
    assert_part(&parcel, 0, 0, 8);
    assert_part(&parcel, 1, 1, 3);
    assert_part(&parcel, 4, 4, 1);
    assert_part(&parcel, 5, 5, 3);
}

static void a_part_can_be_passed_on(void **state)
{
    const struct parcel parcel = whole();
    struct strbuf blob = { 0 };
    struct parcel part;
    struct msg msg;

    (void)state;
    parcel_write(&parcel, 5, MSG_OFFER, &msg, &blob);
    assert_int_equal(read(&part, &msg), 0);
    assert_part(&part, 1, 6, 2);
    parcel_release(&part);
    strbuf_release(&blob);
}

static void children_are_those_of_the_first_node_alone(void **state)
{
    static struct parcel_node leaf[] = { { 3, 1 } };
    struct parcel parcel = whole();
    uint32_t at = 0;

    (void)state;
    assert_true(parcel_child(&parcel, &at) && at == 1);
    assert_true(parcel_child(&parcel, &at) && at == 4);
    assert_true(parcel_child(&parcel, &at) && at == 5);
    assert_false(parcel_child(&parcel, &at));
    parcel.tree = leaf;
    parcel.nnodes = 1;
    at = 0;
    assert_false(parcel_child(&parcel, &at));
}

static void a_blob_of_any_other_length_is_refused(void **state)
{
    const struct parcel parcel = whole();
    struct strbuf blob = { 0 };
    struct parcel part;
    struct msg msg;
    uint64_t len;

    (void)state;
    parcel_write(&parcel, 0, MSG_TICKET, &msg, &blob);
    len = msg.blob_len;
    for (msg.blob_len = 0; msg.blob_len < len; msg.blob_len++)
        assert_int_equal(read(&part, &msg), -1);
    assert_int_equal(read(&part, &msg), 0);
    parcel_release(&part);
    strbuf_add(&blob, "........", 8);
    msg.blob = blob.data;
    msg.blob_len = blob.len;
    assert_int_equal(read(&part, &msg), -1);
    strbuf_release(&blob);
}

/* Each is read alone in an otherwise good parcel. */
static void what_does_not_exist_is_refused(void **state)
{
    static const struct parcel_run runs[] = {
        { SEGMENTS, 1, 0 }, { UINT32_MAX, 1, 0 }, { 99, 2, 0 },
        { 5, 0, 0 },        { 1, UINT32_MAX, 0 },
    };
    static const struct parcel_node nodes[] = {
        { NODES, 8 }, { 5, 0 }, { 5, 7 }, { 5, 9 }, { 5, 1 },
    };
    struct strbuf blob = { 0 };
    struct parcel part;
    struct msg msg;

    (void)state;
    for (size_t i = 0; i < countof(runs); i++) {
        struct parcel parcel = whole();

        parcel.run[1] = runs[i];
        parcel_write(&parcel, 0, MSG_TICKET, &msg, &blob);
        assert_int_equal(read(&part, &msg), -1);
    }
    for (size_t i = 0; i < countof(nodes); i++) {
        struct parcel parcel = whole();
        uint8_t *first;

        parcel_write(&parcel, 0, MSG_TICKET, &msg, &blob);
        first = (uint8_t *)blob.data + 2;
        first[0] = (uint8_t)nodes[i].node;
        first[2] = (uint8_t)nodes[i].nodes;
        assert_int_equal(read(&part, &msg), -1);
    }
    strbuf_release(&blob);
}

/* A child that claims more than is there would be sent what lies behind the tree. One that
 * claims less is another tree. */
static void a_child_that_claims_too_much_is_refused(void **state)
{
    struct parcel parcel = whole();
    struct strbuf blob = { 0 };
    struct parcel part;
    struct msg msg;

    (void)state;
    for (uint8_t nodes = 0; nodes < 10; nodes++) {
        int want = nodes >= 1 && nodes <= 3 ? 0 : -1;

        parcel_write(&parcel, 0, MSG_TICKET, &msg, &blob);
        blob.data[2 + 5 * 4 + 2] = (char)nodes;
        assert_int_equal(read(&part, &msg), want);
        if (want == 0)
            parcel_release(&part);
    }
    strbuf_release(&blob);
}

static void sums_are_little_endian_one_after_the_other(void **state)
{
    static const char bytes[] = "\x08\x07\x06\x05\x04\x03\x02\x01\xff\0\0\0\0\0\0\0";
    struct strbuf blob = { 0 };

    (void)state;
    sums_add(&blob, 0x0102030405060708);
    sums_add(&blob, 255);
    assert_int_equal(blob.len, 16);
    assert_memory_equal(blob.data, bytes, 16);
    assert_int_equal(sums_count(blob.len), 2);
    assert_int_equal(sums_count(15), 1);
    assert_true(sums_at(blob.data, 0) == 0x0102030405060708);
    assert_true(sums_at(blob.data, 1) == 255);
    strbuf_release(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_child_gets_what_is_below_it),
        cmocka_unit_test(a_part_can_be_passed_on),
        cmocka_unit_test(children_are_those_of_the_first_node_alone),
        cmocka_unit_test(a_blob_of_any_other_length_is_refused),
        cmocka_unit_test(what_does_not_exist_is_refused),
        cmocka_unit_test(a_child_that_claims_too_much_is_refused),
        cmocka_unit_test(sums_are_little_endian_one_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
