/* The buffers of a rank: who gets one, who gives one up, and that none is lost. */
#include "fetch/buffers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/fs/fs.h"

static struct buffers buffers;
static unsigned woken;

static void wake(void *arg)
{
    (*(unsigned *)arg)++;
}

static int open_buffers(void **state)
{
    (void)state;
    woken = 0;
    return buffers_open(&buffers, 2, wake, &woken, NULL);
}

/* None is lost. */
static int release_buffers(void **state)
{
    bool whole = buffers.nfree == buffers.count;

    (void)state;
    buffers_release(&buffers);
    return whole ? 0 : -1;
}

static struct buffer *filed(uint32_t file, uint64_t at, bool hashed)
{
    struct buffer *buffer = buffers_take(&buffers, 0);

    assert_non_null(buffer);
    buffer->file = file;
    buffer->at = at;
    buffer->len = BUFFER_SIZE;
    buffers_file(&buffers, buffer, hashed);
    return buffer;
}

static void test_memory(void **state)
{
    struct buffer *a = buffers_take(&buffers, 0), *b = buffers_take(&buffers, 0);

    (void)state;
    assert_int_equal((uintptr_t)a->bytes % FS_DIRECT, 0);
    assert_int_equal((uintptr_t)b->bytes % FS_DIRECT, 0);
    memset(a->bytes, 1, BUFFER_SIZE);
    memset(b->bytes, 2, BUFFER_SIZE);
    assert_int_equal(a->bytes[BUFFER_SIZE - 1], 1);
    buffers_drop(&buffers, a);
    buffers_drop(&buffers, b);
}

/* However many transfers there are, each gets two. */
static void test_count(void **state)
{
    static const unsigned slots[] = { 0, 1, 8, 1024 };

    (void)state;
    for (size_t i = 0; i < countof(slots); i++) {
        struct buffers some;

        assert_int_equal(buffers_open(&some, slots[i], wake, &woken, NULL), 0);
        assert_true(some.count >= 2 * slots[i]);
        assert_int_equal(some.count > 0, slots[i] > 0);
        assert_true(slots[i] > 8 || (uint64_t)some.count * BUFFER_SIZE <= 48 << 20);
        buffers_release(&some);
    }
}

/* Free once it is both written and hashed, in either order. */
static void test_both_ways(void **state)
{
    uint32_t free = buffers.nfree;

    (void)state;
    for (int written_first = 0; written_first < 2; written_first++) {
        struct buffer *buffer = filed(7, 0, true);

        if (written_first)
            buffers_written(&buffers, buffer);
        assert_ptr_equal(buffers_hold(&buffers, 7, 0), buffer);
        assert_null(buffers_hold(&buffers, 7, 0)); /* one at a time */
        buffers_hashed(&buffers, buffer);
        assert_int_equal(buffers.nfree, written_first ? free : free - 1);
        if (!written_first)
            buffers_written(&buffers, buffer);
        assert_int_equal(buffers.nfree, free);
        assert_null(buffers_hold(&buffers, 7, 0));
    }
    buffers_written(&buffers, filed(7, 0, false));
    assert_int_equal(buffers.nfree, free);
}

static void test_found_by_place(void **state)
{
    struct buffer *here = filed(7, BUFFER_SIZE, true), *there = filed(8, 0, true);

    (void)state;
    assert_null(buffers_hold(&buffers, 7, 0));
    assert_null(buffers_hold(&buffers, 9, 0));
    assert_int_equal(buffers_next(&buffers, 7, 0, 5 * BUFFER_SIZE), BUFFER_SIZE);
    assert_int_equal(buffers_next(&buffers, 7, BUFFER_SIZE + 1, 5 * BUFFER_SIZE),
                     5 * BUFFER_SIZE);
    assert_int_equal(buffers_next(&buffers, 7, 0, 100), 100);
    assert_ptr_equal(buffers_hold(&buffers, 7, BUFFER_SIZE), here);
    buffers_hashed(&buffers, here);
    buffers_written(&buffers, here);
    buffers_written(&buffers, there);
    buffers_forget(&buffers, 8, 0, 1);
}

/* Told to forget while a thread writes it or hashes it: it is the thread's until then. */
static void test_forget(void **state)
{
    struct buffer *written = filed(7, 0, true), *hashed = filed(7, BUFFER_SIZE, true);
    uint32_t free = buffers.nfree;

    (void)state;
    buffers_written(&buffers, hashed);
    assert_ptr_equal(buffers_hold(&buffers, 7, BUFFER_SIZE), hashed);
    buffers_forget(&buffers, 7, 0, 2 * BUFFER_SIZE);
    assert_null(buffers_hold(&buffers, 7, 0));
    assert_int_equal(buffers.nfree, free);
    buffers_written(&buffers, written);
    assert_int_equal(buffers.nfree, free + 1);
    buffers_hashed(&buffers, hashed);
    assert_int_equal(buffers.nfree, free + 2);
}

static void test_reserve_and_wake(void **state)
{
    struct buffer *buffer = filed(7, 0, false);

    (void)state;
    assert_null(buffers_take(&buffers, buffers.count - 1));
    assert_int_equal(woken, 0);
    buffers_written(&buffers, buffer);
    assert_int_equal(woken, 1); /* since somebody had asked */
    buffers_written(&buffers, filed(7, 0, false));
    assert_int_equal(woken, 1);
}

/* Not while what is missing is written, nor while nobody misses anything. */
static void test_waits_for_hash(void **state)
{
    struct buffer *first = filed(1, 0, true), *taken = NULL, *one;

    (void)state;
    buffers_written(&buffers, first);
    assert_false(buffers_wait_for_hash(&buffers));
    while ((one = buffers_take(&buffers, 0)) != NULL) {
        one->next = taken;
        taken = one;
    }
    assert_true(buffers_wait_for_hash(&buffers));
    assert_ptr_equal(buffers_hold(&buffers, 1, 0), first);
    assert_false(buffers_wait_for_hash(&buffers));
    buffers_hashed(&buffers, first);
    assert_false(buffers_wait_for_hash(&buffers));
    first = filed(1, BUFFER_SIZE, true);
    assert_null(buffers_take(&buffers, 0));
    assert_false(buffers_wait_for_hash(&buffers));
    buffers_written(&buffers, first);
    assert_true(buffers_wait_for_hash(&buffers));
    buffers_forget(&buffers, 1, 0, 2 * BUFFER_SIZE);
    while ((one = taken) != NULL) {
        taken = one->next;
        buffers_drop(&buffers, one);
    }
}

/* Only what begins in that part of that file. */
static void test_forget_a_part(void **state)
{
    struct buffer *buffer[3];

    (void)state;
    for (uint64_t i = 0; i < countof(buffer); i++) {
        buffer[i] = filed(7, i * BUFFER_SIZE, true);
        buffers_written(&buffers, buffer[i]);
    }
    buffers_forget(&buffers, 8, 0, 3 * BUFFER_SIZE);
    buffers_forget(&buffers, 7, BUFFER_SIZE, 2 * BUFFER_SIZE);
    for (uint64_t i = 0; i < countof(buffer); i++) {
        struct buffer *held = buffers_hold(&buffers, 7, i * BUFFER_SIZE);

        assert_ptr_equal(held, i == 1 ? NULL : buffer[i]);
        if (held)
            buffers_hashed(&buffers, held);
    }
}

static void test_distance(void **state)
{
    struct buffer *first = filed(7, 10 * BUFFER_SIZE, true), *other = filed(8, 0, true);

    (void)state;
    assert_int_equal(buffers_distance(&buffers, 7, 5 * BUFFER_SIZE), 0);
    assert_int_equal(buffers_distance(&buffers, 7, 10 * BUFFER_SIZE), 0);
    assert_int_equal(buffers_distance(&buffers, 7, 13 * BUFFER_SIZE), 3);
    assert_int_equal(buffers_distance(&buffers, 9, 13 * BUFFER_SIZE), 0);
    assert_int_equal(buffers_distance(&buffers, 7, UINT64_MAX), UINT32_MAX);
    buffers_drop(&buffers, first);
    buffers_drop(&buffers, other);
}

/* The one that is hashed last, of whichever file, unless somebody still needs it; and never
 * for the sake of what is hashed later still. */
static void test_reclaim(void **state)
{
    struct buffer *first = filed(7, 0, true), *near = filed(7, BUFFER_SIZE, true),
                  *far = filed(7, 5 * BUFFER_SIZE, true),
                  *other = filed(8, 90 * BUFFER_SIZE, true),
                  *unwritten = filed(7, 9 * BUFFER_SIZE, true);

    (void)state;
    assert_false(buffers_reclaim(&buffers, 0)); /* not on the disk yet */
    buffers_written(&buffers, first);
    buffers_written(&buffers, near);
    buffers_written(&buffers, far);
    buffers_written(&buffers, other); /* the first of its file */
    assert_false(buffers_reclaim(&buffers, 6));
    assert_true(buffers_reclaim(&buffers, 5));
    assert_null(buffers_hold(&buffers, 7, 5 * BUFFER_SIZE));
    assert_ptr_equal(buffers_hold(&buffers, 7, BUFFER_SIZE), near); /* is hashed */
    assert_false(buffers_reclaim(&buffers, 1));
    buffers_hashed(&buffers, near);
    buffers_drop(&buffers, unwritten);
    buffers_forget(&buffers, 7, 0, UINT64_MAX);
    buffers_forget(&buffers, 8, 0, UINT64_MAX);
}

/* All memory holds what nobody will ask for, the first of each file: it can all be had. */
static void test_reclaim_all(void **state)
{
    uint32_t count = buffers.count;

    (void)state;
    for (uint32_t i = 0; i < count; i++)
        buffers_written(&buffers, filed(i, 7 * BUFFER_SIZE, true));
    assert_null(buffers_take(&buffers, 0));
    assert_false(buffers_reclaim(&buffers, 1));
    for (uint32_t i = 0; i < count; i++)
        assert_true(buffers_reclaim(&buffers, 0));
    assert_int_equal(buffers.nfree, count);
}

/* What belongs to transfers that may not begin any more is for those that still run. */
static void test_take_any(void **state)
{
    struct buffer *buffer;

    (void)state;
    buffers_limit(&buffers, 0);
    assert_null(buffers_take(&buffers, 0));
    buffer = buffers_take_any(&buffers);
    assert_non_null(buffer);
    buffers_drop(&buffers, buffer);
}

static void test_mute(void **state)
{
    struct buffer *buffer = filed(7, 0, false);

    (void)state;
    assert_null(buffers_take(&buffers, buffers.count - 1));
    buffers_mute(&buffers);
    buffers_drop(&buffers, buffer);
    assert_int_equal(woken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_memory, open_buffers, release_buffers),
        cmocka_unit_test(test_count),
        cmocka_unit_test_setup_teardown(test_both_ways, open_buffers, release_buffers),
        cmocka_unit_test_setup_teardown(test_found_by_place, open_buffers,
                                        release_buffers),
        cmocka_unit_test_setup_teardown(test_forget, open_buffers, release_buffers),
        cmocka_unit_test_setup_teardown(test_reserve_and_wake, open_buffers,
                                        release_buffers),
        cmocka_unit_test_setup_teardown(test_waits_for_hash, open_buffers,
                                        release_buffers),
        cmocka_unit_test_setup_teardown(test_forget_a_part, open_buffers,
                                        release_buffers),
        cmocka_unit_test_setup_teardown(test_distance, open_buffers, release_buffers),
        cmocka_unit_test_setup_teardown(test_reclaim, open_buffers, release_buffers),
        cmocka_unit_test_setup_teardown(test_reclaim_all, open_buffers, release_buffers),
        cmocka_unit_test_setup_teardown(test_take_any, open_buffers, release_buffers),
        cmocka_unit_test_setup_teardown(test_mute, open_buffers, release_buffers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
