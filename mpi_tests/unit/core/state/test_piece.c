#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/state/piece.h"

static const uint64_t mib = 1024 * 1024;

/* Segments 0 to 2: a file of 2.5 MiB; 3, 4: small ones; 5: 6 MiB that come whole. */
static void make(struct plan *plan, struct segments *segments)
{
    static const struct {
        uint64_t size;
        unsigned flags;
    } files[] = { { 5 << 19, 0 }, { 100, 0 }, { 200, 0 }, { 6 << 20, PLAN_WHOLE } };

    *plan = (struct plan){ 0 };
    for (size_t i = 0; i < countof(files); i++) {
        char name[16];

        snprintf(name, sizeof(name), "f%zu", i);
        assert_int_equal(plan_add(plan,
                                  &(struct plan_entry){ .path = name,
                                                        .key = name,
                                                        .etag = "\"tag\"",
                                                        .size = files[i].size,
                                                        .flags = files[i].flags },
                                  NULL),
                         0);
    }
    assert_int_equal(plan_seal(plan, NULL), 0);
    assert_int_equal(segments_cut(segments, plan, mib, NULL), 0);
    assert_int_equal(segments->count, 6);
}

static void unmake(struct plan *plan, struct segments *segments)
{
    segments_release(segments);
    plan_release(plan);
}

static struct parcel parcel_of(uint32_t first, uint32_t count, uint32_t more)
{
    return (struct parcel){ .nruns = more ? 2 : 1,
                            .nsums = count + more,
                            .run = { { first, count }, { 4, more } } };
}

static void rows_are_cut(void **state)
{
    const struct {
        struct parcel parcel;
        uint64_t most;
        struct piece piece[5]; /* up to one without segments */
    } rows[] = {
        /* whole segments, as many as fit, also of several files */
        { parcel_of(0, 5, 0), 4 * mib, { { 0, 0, 5, 0, (5 << 19) + 300, true } } },
        { parcel_of(0, 5, 0),
          2 * mib,
          { { 0, 0, 2, 0, 2 * mib, true }, { 1, 2, 3, 0, (1 << 19) + 300, true } } },
        { parcel_of(1, 1, 1),
          mib,
          { { 0, 0, 1, 0, mib, true }, { 1, 1, 1, 0, 200, true } } },
        /* what fits exactly, and what does not by one byte */
        { parcel_of(2, 2, 0),
          (1 << 19) + 100,
          { { 0, 0, 2, 0, (1 << 19) + 100, true } } },
        { parcel_of(2, 2, 0),
          (1 << 19) + 99,
          { { 0, 0, 1, 0, 1 << 19, true }, { 1, 1, 1, 0, 100, true } } },
        /* a segment that is too long; what follows is a piece of its own */
        { parcel_of(5, 1, 1),
          4 * mib,
          { { 0, 0, 1, 0, 4 * mib, false },
            { 1, 0, 1, 4 * mib, 2 * mib, true },
            { 2, 1, 1, 0, 200, true } } },
        { parcel_of(5, 1, 0),
          3 * mib,
          { { 0, 0, 1, 0, 3 * mib, false }, { 1, 0, 1, 3 * mib, 3 * mib, true } } },
    };
    struct segments segments;
    struct plan plan;

    (void)state;
    make(&plan, &segments);
    for (size_t i = 0; i < countof(rows); i++) {
        struct piece piece = { 0 };
        const struct piece *want = rows[i].piece;

        for (; piece_next(&rows[i].parcel, &segments, rows[i].most, &piece); want++)
            if (piece.number != want->number || piece.place != want->place ||
                piece.segments != want->segments || piece.from != want->from ||
                piece.len != want->len || piece.ends != want->ends)
                fail_msg("row %zu, piece %u", i, (unsigned)piece.number);
        if (want->segments > 0)
            fail_msg("row %zu: %zd pieces", i, want - rows[i].piece);
    }
    unmake(&plan, &segments);
}

static void each_byte_is_in_one_piece(void **state)
{
    const struct parcel parcel = parcel_of(0, 6, 0);
    struct segments segments;
    struct plan plan;

    (void)state;
    make(&plan, &segments);
    for (uint64_t most = 1 << 16; most < 12 * mib; most += 77777) {
        struct piece piece = { 0 };
        uint32_t place = 0, number = 0;
        uint64_t from = 0;

        for (; piece_next(&parcel, &segments, most, &piece); number++) {
            assert_int_equal(piece.number, number);
            assert_int_equal(piece.place, place);
            assert_int_equal(piece.from, from);
            assert_true(piece.len > 0 && piece.len <= most);
            assert_true(piece.ends || piece.segments == 1);
            assert_int_equal(piece_is_part(&piece),
                             piece.len < segments_bytes(&segments, place, 1));
            from += piece.len;
            if (!piece.ends)
                continue;
            for (uint32_t end = place + piece.segments; place < end; place++)
                from -= segment_bytes(&segments, piece_segment(&parcel, place));
            assert_int_equal(from, 0);
        }
        assert_int_equal(place, 6);
    }
    unmake(&plan, &segments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_cut),
        cmocka_unit_test(each_byte_is_in_one_piece),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
