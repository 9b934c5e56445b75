/* Hashing ahead: whatever is in memory, in whatever order it comes, and whatever midstate
 * the order begins from, the digest is that of the bytes. The other bytes are on a disk
 * here; those in memory differ from them in some tests, so that it shows which were
 * hashed. */
#include "fetch/ahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/text.h"
#include "run_case.h"

enum { PARTS = 3, LAST = 700001, SIZE = (PARTS - 1) * SEGMENT_ALIGN + LAST };

static struct run run;
static struct store store;
static struct buffers buffers;
static struct pool *pool;
static struct ahead ahead;
static char *disk; /* what the file holds */

static void wake(void *arg)
{
    (void)arg;
}

static void put_disk(void)
{
    int fd = open("tree/big", O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, disk, SIZE), SIZE);
    close(fd);
}

static int set_up(void **state)
{
    static struct run_file file = { "big", "0123456789abcdef", 0 };

    file.repeat = SIZE / 16 + 1;
    if (scratch_enter(state) < 0 || mkdir("tree", 0700) < 0)
        return -1;
    run_case_open(&run, "out", 0, &file, 1);
    run.plan.files[0].size = SIZE;
    segments_release(&run.segments);
    run.slots = 2;
    disk = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        disk[i] = (char)(i * 31 + i / 977);
    put_disk();
    return segments_cut(&run.segments, &run.plan, SEGMENT_ALIGN, NULL) == 0 &&
                   fs_dir_open(&run.staging.tree, NULL, "tree", NULL) == 0
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    fs_dir_close(&run.staging.tree);
    run_case_close(&run);
    free(disk);
    return scratch_leave(state);
}

static int begin(void **state)
{
    (void)state;
    store = (struct store){ .run = &run,
                            .at = calloc(PARTS + 1, 1),
                            .kept_with = calloc(PARTS + 1, sizeof(uint32_t)) };
    return pool_create(&pool, 4, 0, wake, NULL, NULL) == 0 &&
                   buffers_open(&buffers, 2, wake, NULL, NULL) == 0 &&
                   ahead_open(&ahead, &run, &buffers, pool, NULL) == 0
               ? 0
               : -1;
}

static int end(void **state)
{
    bool whole;

    (void)state;
    pool_destroy(pool);
    ahead_release(&ahead);
    whole = buffers.nfree == buffers.count;
    buffers_release(&buffers);
    free(store.at);
    free(store.kept_with);
    return whole ? 0 : -1;
}

/* A buffer of the file comes in, and is on the disk at once. */
static void arrive(uint64_t at, const char *bytes)
{
    struct buffer *buffer = buffers_take(&buffers, 0);

    assert_non_null(buffer);
    buffer->file = 0;
    buffer->at = at;
    buffer->len = SIZE - at < BUFFER_SIZE ? SIZE - at : BUFFER_SIZE;
    memcpy(buffer->bytes, bytes + at, buffer->len);
    buffers_file(&buffers, buffer, true);
    buffers_written(&buffers, buffer);
    ahead_more(&ahead, 0);
}

static void settle(void)
{
    while (pool_unfinished(pool) > 0) {
        pool_wait(pool, 1);
        while (pool_reap(pool, NULL) > 0)
            ;
    }
}

/* As the relay asks for it: so many segments at a time. */
static void finish_all(uint32_t together, uint8_t digest[32])
{
    struct midstate state = midstate_start();

    for (uint32_t segment = 0; segment < PARTS; segment += together) {
        uint32_t left = PARTS - segment, count = left < together ? left : together;
        bool last = segment + count == PARTS;

        assert_int_equal(ahead_finish(&ahead, &store, segment, count, &state,
                                      last ? digest : NULL, NULL),
                         0);
        if (!last)
            assert_int_equal(state.bytes, (segment + count) * SEGMENT_ALIGN);
        ahead_more(&ahead, 0);
    }
}

static void assert_digest(uint32_t together, const char *bytes)
{
    uint8_t want[32], found[32];

    sha256_bytes(bytes, SIZE, want);
    finish_all(together, found);
    settle();
    assert_memory_equal(found, want, 32);
}

static void begin_all(void)
{
    for (uint32_t segment = 0; segment < PARTS; segment++)
        ahead_begin(&ahead, 0, segment * SEGMENT_ALIGN,
                    segment_range(&run.segments, segment).end);
}

static char *other_bytes(void)
{
    char *other = malloc(SIZE);

    for (size_t i = 0; i < SIZE; i++)
        other[i] = (char)~disk[i];
    return other;
}

static void test_nothing_in_memory(void **state)
{
    (void)state;
    for (uint32_t together = 1; together <= PARTS; together++)
        assert_digest(together, disk);
}

/* In order, backwards, in turn; each with a rest missing. */
static void test_any_order(void **state)
{
    enum { PLACES = 2 * PARTS };
    static const unsigned orders[][PLACES] = { { 0, 1, 2, 3, 4, 5 },
                                               { 5, 4, 3, 2, 1, 0 },
                                               { 0, 2, 4, 1, 3, 5 },
                                               { 4, 0, 5, 2, 3, 1 } };

    (void)state;
    for (size_t row = 0; row < countof(orders); row++)
        for (unsigned count = 0; count <= PLACES; count++) {
            begin_all();
            for (unsigned i = 0; i < count; i++)
                arrive(orders[row][i] * BUFFER_SIZE, disk);
            if (count % 2)
                settle();
            assert_digest(1 + count % PARTS, disk);
            assert_int_equal(buffers.nfree, buffers.count);
        }
}

/* What was hashed ahead is not read again: the disk has other bytes. */
static void test_from_memory(void **state)
{
    struct midstate state_now = midstate_start(), want = midstate_start();
    char *other = other_bytes();

    (void)state;
    begin_all();
    for (uint64_t at = 0; at < SIZE; at += BUFFER_SIZE)
        arrive(at, other);
    settle();
    assert_int_equal(buffers.nfree, buffers.count); /* before anybody asked */
    sha256_blocks(&want, other, SEGMENT_ALIGN);
    assert_true(ahead_has(&ahead, 0, 1, &state_now, NULL));
    assert_memory_equal(state_now.h, want.h, sizeof(want.h));
    assert_int_equal(state_now.bytes, want.bytes);
    state_now.h[0] ^= 1;
    assert_false(ahead_has(&ahead, 1, 1, &state_now, NULL));
    assert_digest(1, other);
    free(other);
}

/* The relay's midstate is not the one that was come by here: what is on the disk counts. */
static void test_another_midstate(void **state)
{
    struct midstate real = midstate_start();
    char *other = other_bytes();

    (void)state;
    begin_all();
    for (uint64_t at = 0; at < 3 * BUFFER_SIZE; at += BUFFER_SIZE)
        arrive(at, other);
    settle();
    sha256_blocks(&real, disk, SEGMENT_ALIGN); /* by another rank */
    arrive(3 * BUFFER_SIZE, disk);
    assert_int_equal(ahead_finish(&ahead, &store, 1, 1, &real, NULL, NULL), 0);
    settle();
    ahead_drop(&ahead, 0, 0, SIZE);
    assert_digest(2, disk);
    free(other);
}

/* Bytes that did not land, or come a second time, are forgotten from there on, and only
 * from there on. */
static void test_drop(void **state)
{
    char *other = other_bytes();

    (void)state;
    for (int again = 0; again < 2; again++) {
        char *mixed = malloc(SIZE);

        memcpy(mixed, disk, SIZE);
        memcpy(mixed, other, SEGMENT_ALIGN);
        begin_all();
        for (uint64_t at = 0; at < SIZE; at += BUFFER_SIZE)
            arrive(at, other);
        settle();
        if (again)
            ahead_begin(&ahead, 0, SEGMENT_ALIGN, SIZE);
        else
            ahead_drop(&ahead, 0, SEGMENT_ALIGN, SIZE);
        arrive(SEGMENT_ALIGN, disk);
        settle();
        assert_digest(1, mixed); /* the first segment from memory */
        free(mixed);
    }
    free(other);
}

/* What is kept in memory until it can be hashed gives way to what comes in its place. */
static void test_comes_twice(void **state)
{
    char *other = other_bytes();

    (void)state;
    begin_all();
    for (uint64_t at = SEGMENT_ALIGN; at < 2 * SEGMENT_ALIGN; at += BUFFER_SIZE)
        arrive(at, other);
    ahead_begin(&ahead, 0, SEGMENT_ALIGN, (uint64_t)2 * SEGMENT_ALIGN);
    for (uint64_t at = SEGMENT_ALIGN; at < 2 * SEGMENT_ALIGN; at += BUFFER_SIZE)
        arrive(at, disk);
    assert_digest(1, disk);
    free(other);
}

/* Not further than what it notes is remembered. */
static void test_does_not_run_away(void **state)
{
    struct ahead_strand *strand;

    (void)state;
    begin_all();
    strand = &ahead.strand[0];
    assert_true(strand->used);
    strand->state.bytes = AHEAD_MARKS * (uint64_t)SEGMENT_ALIGN;
    arrive(0, disk);
    ahead_more(&ahead, 0);
    assert_int_equal(pool_unfinished(pool), 0);
    ahead_drop(&ahead, 0, 0, SIZE);
}

/* The last place it comes to before more is asked for has a mark of its own. */
static void test_keeps_what_was_asked_for(void **state)
{
    const uint64_t at = (AHEAD_MARKS - 1) * (uint64_t)SEGMENT_ALIGN;
    struct buffer *buffer = buffers_take(&buffers, 0);

    (void)state;
    begin_all();
    ahead.strand[0].state.bytes = at;
    buffer->file = 0;
    buffer->at = at;
    buffer->len = BUFFER_SIZE;
    buffers_file(&buffers, buffer, true);
    buffers_written(&buffers, buffer);
    ahead_more(&ahead, 0);
    assert_int_equal(pool_unfinished(pool), 0);
    buffers_forget(&buffers, 0, at, at + 1);
}

/* Nobody asks for what lies in the middle of a file in one piece. */
static void test_one_segment_has_no_limit(void **state)
{
    const uint64_t at = 2 * AHEAD_MARKS * (uint64_t)SEGMENT_ALIGN;
    const uint64_t size = run.plan.files[0].size;
    const uint32_t end = run.segments.first[1];
    struct buffer *buffer = buffers_take(&buffers, 0);

    (void)state;
    run.segments.first[1] = run.segments.first[0] + 1;
    run.plan.files[0].size = 2 * at;
    begin_all();
    ahead.strand[0].state.bytes = at;
    buffer->file = 0;
    buffer->at = at;
    buffer->len = BUFFER_SIZE;
    buffers_file(&buffers, buffer, true);
    buffers_written(&buffers, buffer);
    ahead_more(&ahead, 0);
    settle();
    assert_true(ahead.strand[0].state.bytes == at + BUFFER_SIZE);
    run.segments.first[1] = end;
    run.plan.files[0].size = size;
}

/* One that took up another rank's midstate does not know how the file begins. */
static void test_the_start_comes_again(void **state)
{
    struct midstate from = midstate_start();
    char *other = other_bytes();

    (void)state;
    sha256_blocks(&from, other, SEGMENT_ALIGN);
    assert_int_equal(ahead_finish(&ahead, &store, 1, 1, &from, NULL, NULL), 0);
    begin_all();
    arrive(0, disk);
    settle();
    assert_digest(1, disk);
    free(other);
}

/* A file that finds no strand is hashed once it is asked for. */
static void test_full(void **state)
{
    (void)state;
    for (unsigned i = 0; i < AHEAD_STRANDS; i++)
        ahead.strand[i] =
            (struct ahead_strand){ .used = true, .queued = true, .file = 9 };
    begin_all();
    arrive(0, disk);
    assert_digest(1, disk);
}

static void test_stops(void **state)
{
    struct midstate from = midstate_start();
    struct err err = { 0 };

    (void)state;
    begin_all();
    pool_stop(pool);
    arrive(BUFFER_SIZE, disk);
    assert_int_equal(ahead_finish(&ahead, &store, 0, 1, &from, NULL, &err), -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
}

int main(void)
{
#define AHEAD(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        AHEAD(test_nothing_in_memory),
        AHEAD(test_any_order),
        AHEAD(test_from_memory),
        AHEAD(test_another_midstate),
        AHEAD(test_drop),
        AHEAD(test_comes_twice),
        AHEAD(test_does_not_run_away),
        AHEAD(test_keeps_what_was_asked_for),
        AHEAD(test_one_segment_has_no_limit),
        AHEAD(test_the_start_comes_again),
        AHEAD(test_full),
        AHEAD(test_stops),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
