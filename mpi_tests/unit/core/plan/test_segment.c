#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/segment.h"

static const uint64_t mib = 1024 * 1024;

/* 1 MiB, and coarser only where that would be more than 2^20. */
static void chooses_a_unit(void **state)
{
    const struct {
        uint64_t nbytes, size;
    } rows[] = {
        { 0, 1 },
        { 1, 1 },
        { UINT64_C(1) << 40, 1 },
        { (UINT64_C(1) << 40) + 1, 1 }, /* a byte is no segment yet */
        { (UINT64_C(1) << 40) + (1 << 20), 2 },
        { UINT64_C(5) << 40, 8 },
        { UINT64_C(1) << 63, 1 << 23 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (segment_unit(rows[i].nbytes) != rows[i].size * mib)
            fail_msg("row %zu: %llu", i,
                     (unsigned long long)segment_unit(rows[i].nbytes));
}

static void chooses_how_many_together(void **state)
{
    const struct {
        uint64_t missing;
        uint32_t slots, ranks, together;
    } rows[] = {
        { 0, 4, 1, 1 },
        { 192 * mib, 64, 8, 1 },
        { 192 * mib, 16, 2, 3 },
        { 768 * mib, 64, 8, 3 },
        /* four requests of each transfer, but no more than the ranks can keep */
        { 1024 * mib, 0, 0, 8 },
        { 1024 * mib, 8, 8, 32 },
        { 1024 * mib, 8, 2, 8 },
        { UINT64_C(5) << 40, 16, 8, 16 },
        { UINT64_C(5) << 40, 16, 16, 32 },
        { UINT64_C(5) << 40, 256, 8, 8 },
        { UINT64_MAX, UINT32_MAX, 1, 8 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (segment_together(mib, rows[i].missing, rows[i].slots, rows[i].ranks) !=
            rows[i].together)
            fail_msg("row %zu", i);
    assert_int_equal(segment_together(8 * mib, 1024 * mib, 8, 8), 4);
    assert_int_equal(segment_together(128 * mib, UINT64_MAX, 4, 4), 1);
}

/* What a source announces costs no more memory than a source of a sane size. */
static void their_number_is_bounded(void **state)
{
    static const struct {
        uint64_t size, nbytes, bounded;
    } rows[] = {
        { 1 << 20, 0, 1 << 20 },
        { 1 << 20, (uint64_t)1 << 44, 1 << 20 }, /* 2^24 segments, just so many */
        { 1 << 20, ((uint64_t)1 << 44) + 1, 2 << 20 },
        { 64 << 20, (uint64_t)1 << 50, 64 << 20 },
        { 64 << 20, (uint64_t)1 << 56, (uint64_t)1 << 32 },
        { 64 << 20, (uint64_t)1 << 63, (uint64_t)1 << 39 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (segment_size_bounded(rows[i].size, rows[i].nbytes) != rows[i].bounded)
            fail_msg("row %zu", i);
}

static void add(struct plan *plan, const char *path, uint64_t size, uint32_t flags,
                enum digest_kind kind)
{
    const struct plan_entry entry = {
        .path = path, .size = size, .flags = flags, .want = { .kind = (uint8_t)kind }
    };
    struct err err = { 0 };

    assert_int_equal(plan_add(plan, &entry, &err), 0);
}

static void cuts_files_in_order(void **state)
{
    static const struct {
        uint32_t file;
        uint64_t begin, end;
    } want[] = {
        { 0, 0, 8 << 20 },
        { 0, 8 << 20, 16 << 20 },
        { 0, 16 << 20, (16 << 20) + 1 },
        { 2, 0, 8 << 20 },
        { 3, 0, 1 },
        { 4, 0, 100 << 20 },
        { 5, 0, 100 << 20 },
        { 6, 0, 8 << 20 },
        { 6, 8 << 20, 16 << 20 },
    };
    static const uint32_t counts[] = { 3, 0, 1, 1, 1, 1, 2 };
    struct plan plan = { 0 };
    struct segments segments;
    struct err err = { 0 };

    (void)state;
    add(&plan, "a", 16 * mib + 1, 0, DIGEST_SHA256);
    add(&plan, "b", 0, PLAN_WHOLE, DIGEST_NONE);
    add(&plan, "c", 8 * mib, 0, DIGEST_NONE);
    add(&plan, "d", 1, 0, DIGEST_NONE);
    add(&plan, "e", 100 * mib, PLAN_WHOLE, DIGEST_SHA256);
    add(&plan, "f", 100 * mib, 0, DIGEST_GIT_BLOB);
    add(&plan, "g", 16 * mib, 0, DIGEST_SHA256);
    assert_int_equal(plan_seal(&plan, &err), 0);
    assert_int_equal(segments_cut(&segments, &plan, 8 * mib, &err), 0);
    assert_int_equal(segments.count, countof(want));
    for (uint32_t i = 0; i < segments.count; i++) {
        struct range range = segment_range(&segments, i);

        assert_int_equal(segments.file[i], want[i].file);
        assert_int_equal(range.begin, want[i].begin);
        assert_int_equal(range.end, want[i].end);
        assert_int_equal(segment_bytes(&segments, i), want[i].end - want[i].begin);
    }
    for (uint32_t file = 0; file < countof(counts); file++)
        assert_int_equal(segments_of(&segments, file), counts[file]);
    segments_release(&segments);
    segments_release(&segments);
    segments_release(NULL);
    plan_release(&plan);
}

/* A file of up to 8 MiB is not worth several requests, nor several ranks. */
static void small_ones_stay_whole(void **state)
{
    struct plan plan = { 0 };
    struct segments segments;
    struct range range;

    (void)state;
    add(&plan, "a", 8 * mib, 0, DIGEST_SHA256);
    add(&plan, "b", 8 * mib + 1, 0, DIGEST_SHA256);
    assert_int_equal(segments_cut_finely(&segments, &plan, mib, 8 * mib, 4, NULL), 0);
    assert_int_equal(segments_of(&segments, 0), 1);
    assert_int_equal(segments_of(&segments, 1), 9);
    assert_int_equal(segment_bytes(&segments, 0), 8 * mib);
    assert_int_equal(segments.together, 4);
    range = segments_range(&segments, 3, 7);
    assert_true(range.begin == 2 * mib && range.end == 8 * mib + 1);
    assert_int_equal(segments_bytes(&segments, 1, 2), 2 * mib);
    assert_int_equal(segments_bytes(&segments, 0, 1), 8 * mib);
    segments_release(&segments);
    plan_release(&plan);
}

static void an_empty_plan_has_no_segments(void **state)
{
    struct plan plan = { 0 };
    struct segments segments;
    struct err err = { 0 };

    (void)state;
    assert_int_equal(plan_seal(&plan, &err), 0);
    assert_int_equal(segments_cut(&segments, &plan, mib, &err), 0);
    assert_int_equal(segments.count, 0);
    segments_release(&segments);
    plan_release(&plan);
}

/* Its server turns out to cut no ranges: the numbers of all segments stay. */
static void becomes_whole_afterwards(void **state)
{
    struct plan plan = { 0 };
    struct segments segments;
    struct range range;

    (void)state;
    add(&plan, "a", 3 * mib + 1, 0, DIGEST_NONE);
    add(&plan, "b", 5, 0, DIGEST_NONE);
    assert_int_equal(segments_cut(&segments, &plan, mib, NULL), 0);
    assert_int_equal(segments.count, 5);
    plan.files[0].flags |= PLAN_WHOLE;
    assert_int_equal(segments_of(&segments, 0), 1);
    range = segment_range(&segments, 0);
    assert_true(range.begin == 0 && range.end == 3 * mib + 1);
    for (uint32_t s = 1; s < 4; s++)
        assert_int_equal(segment_bytes(&segments, s), 0);
    assert_int_equal(segment_bytes(&segments, 4), 5);
    segments_release(&segments);
    plan_release(&plan);
}

/* 2^32-1 segments, one too many. */
static void the_last_number_stays_free(void **state)
{
    struct plan plan = { 0 };
    struct segments segments;
    struct err err = { 0 };

    (void)state;
    add(&plan, "a", (uint64_t)UINT32_MAX * mib, 0, DIGEST_NONE);
    assert_int_equal(segments_cut(&segments, &plan, mib, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    plan_release(&plan);
}

static void refuses_odd_sizes_and_too_many(void **state)
{
    const uint64_t odd[] = { 0, 1, mib - 1, mib + 64 };
    struct plan plan = { 0 };
    struct segments segments;

    (void)state;
    add(&plan, "a", (uint64_t)1 << 53, 0, DIGEST_NONE);
    for (size_t i = 0; i < countof(odd); i++) {
        struct err err = { 0 };

        assert_int_equal(segments_cut(&segments, &plan, odd[i], &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        assert_null(segments.first);
    }
    for (uint64_t size = mib; size <= 2 * mib; size += mib) {
        struct err err = { 0 };

        /* 2^33 and 2^32 segments */
        assert_int_equal(segments_cut(&segments, &plan, size, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        assert_null(segments.first);
    }
    plan_release(&plan);
}

/* Far beyond 4 GiB, where 32 bits would wrap. */
static void large_files_keep_their_offsets(void **state)
{
    const uint64_t size = (uint64_t)1 << 40;
    struct plan plan = { 0 };
    struct segments segments;
    struct err err = { 0 };
    struct range range;

    (void)state;
    add(&plan, "a", size + 5, 0, DIGEST_NONE);
    assert_int_equal(segments_cut(&segments, &plan, 64 * mib, &err), 0);
    assert_int_equal(segments.count, 16385);
    range = segment_range(&segments, 16383);
    assert_true(range.begin == size - 64 * mib && range.end == size);
    range = segment_range(&segments, 16384);
    assert_true(range.begin == size && range.end == size + 5);
    segments_release(&segments);
    plan_release(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_a_unit),
        cmocka_unit_test(chooses_how_many_together),
        cmocka_unit_test(small_ones_stay_whole),
        cmocka_unit_test(their_number_is_bounded),
        cmocka_unit_test(cuts_files_in_order),
        cmocka_unit_test(becomes_whole_afterwards),
        cmocka_unit_test(an_empty_plan_has_no_segments),
        cmocka_unit_test(the_last_number_stays_free),
        cmocka_unit_test(refuses_odd_sizes_and_too_many),
        cmocka_unit_test(large_files_keep_their_offsets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
