/* A part of a file block by block: against the bytes that were put there at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <xxhash.h>

#include "base/text.h"
#include "io/fs/blocks.h"
#include "scratch_dir.h"

/* More than one block of each kind, more than is asked for ahead, and an odd end. */
enum { SIZE = (6 << 20) + 12345 };

static uint8_t *bytes;
static uint64_t asked_from, asked_to; /* of the system, ahead of reading */
static bool asked_no_more;

/* Instead of libc's. */
int posix_fadvise(int fd, off_t at, off_t len, int advice)
{
    (void)fd;
    if (advice == POSIX_FADV_RANDOM) {
        asked_no_more = at == 0 && len == 0 && asked_to == 0;
        return 0;
    }
    assert_int_equal(advice, POSIX_FADV_WILLNEED);
    if (asked_to == 0)
        asked_from = asked_to = (uint64_t)at;
    assert_int_equal(at, asked_to);     /* nothing twice, nothing left out */
    assert_in_range(len, 1, 128 << 10); /* the kernel forgets the rest */
    asked_to += (uint64_t)len;
    return 0;
}

static int put_bytes(void **state)
{
    int fd;

    if (scratch_enter(state) < 0 || !(bytes = malloc(SIZE)))
        return -1;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 977);
    fd = open("file", O_WRONLY | O_CREAT, 0644);
    if (fd < 0 || write(fd, bytes, SIZE) != SIZE)
        return -1;
    return close(fd);
}

static int leave(void **state)
{
    free(bytes);
    return scratch_leave(state);
}

static void test_every_byte_once(void **state)
{
    static const struct {
        uint64_t at, end;
        size_t most;
    } rows[] = { { 0, SIZE, 0 },    { 5, 6, 0 },    { 7, 7, 0 },
                 { 0, 4096, 1024 }, { 1, 4096, 7 }, { 100, SIZE, 65536 } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct blocks in = {
            .name = "file", .next = rows[i].at, .end = rows[i].end, .most = rows[i].most
        };
        uint64_t at = rows[i].at;
        int rc;

        assert_int_equal(blocks_open(&in, NULL), 0);
        while ((rc = blocks_next(&in, NULL)) > 0) {
            assert_int_equal(in.at, at);
            assert_true(in.len > 0 && in.len <= in.most);
            assert_memory_equal(in.bytes, bytes + at, in.len);
            at += in.len;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(at, rows[i].end);
        blocks_close(&in);
        blocks_close(&in);
    }
}

/* All that is read, each byte once, and the next block before this one is used. */
static void test_asks_ahead(void **state)
{
    static const struct {
        uint64_t at, end;
        bool ahead;
    } rows[] = { { 3, SIZE, true }, { 4096, 8192, true }, { 3, SIZE, false } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct blocks in = {
            .name = "file", .next = rows[i].at, .end = rows[i].end, .ahead = rows[i].ahead
        };

        asked_from = asked_to = 0;
        asked_no_more = false;
        assert_int_equal(blocks_open(&in, NULL), 0);
        while (blocks_next(&in, NULL) > 0 && rows[i].ahead) {
            uint64_t next = in.next + in.len;

            assert_int_equal(asked_from, rows[i].at);
            assert_true(asked_to >= (next < rows[i].end ? next : rows[i].end));
            assert_true(asked_to <= rows[i].end);
            assert_true(asked_to <= in.at + (4 << 20));
        }
        assert_int_equal(asked_to, rows[i].ahead ? rows[i].end : 0);
        assert_true(asked_no_more == rows[i].ahead);
        blocks_close(&in);
    }
}

/* In one part, or in two that hand the midstate on. */
static void test_hash(void **state)
{
    static const uint64_t cuts[] = { 0, 64, 256 << 10, 1 << 20, SIZE / 64 * 64 };
    uint8_t want[32], sha1[20], digest[32], git_id[20];

    (void)state;
    sha256_bytes(bytes, SIZE, want);
    assert_int_equal(git_blob_sha1(bytes, SIZE, sha1, NULL), 0);
    for (size_t i = 0; i < countof(cuts); i++) {
        struct blocks head = { .name = "file", .end = cuts[i] };
        struct blocks tail = { .name = "file", .next = cuts[i], .end = SIZE };
        struct midstate midstate = midstate_start();
        struct git_blob *git;

        assert_int_equal(git_blob_begin(&git, SIZE, NULL), 0);
        assert_int_equal(blocks_hash(&head, &midstate, NULL, git, NULL), 0);
        assert_int_equal(midstate.bytes, cuts[i]);
        assert_int_equal(blocks_hash(&tail, &midstate, digest, git, NULL), 0);
        assert_int_equal(git_blob_end(&git, git_id, NULL), 0);
        assert_memory_equal(digest, want, sizeof(want));
        assert_memory_equal(git_id, sha1, sizeof(sha1));
    }
}

static void test_sum(void **state)
{
    struct blocks in = { .name = "file", .next = 3, .end = SIZE };
    uint64_t sum = 0;

    (void)state;
    assert_int_equal(blocks_sum(&in, &sum, NULL), 0);
    assert_true(sum == XXH3_64bits(bytes + 3, SIZE - 3));
}

static void test_fails(void **state)
{
    struct blocks missing = { .name = "none", .end = 1 };
    struct blocks beyond = { .name = "file", .end = SIZE + 1 };
    struct midstate midstate = midstate_start();
    struct err err = { 0 };
    uint8_t digest[32];
    uint64_t sum;

    (void)state;
    assert_int_equal(blocks_sum(&missing, &sum, &err), -1);
    assert_sentence(&err, ERR_DEST, "open 'none'", ENOENT);
    err_clear(&err);
    assert_int_equal(blocks_hash(&beyond, &midstate, digest, NULL, &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "read 'file'"));
}

static void no_wake(void *arg)
{
    (void)arg;
}

/* Whoever is told to stop does so between two blocks. */
static void test_stops(void **state)
{
    struct blocks in = { .name = "file", .end = SIZE };
    struct err err = { 0 };
    struct pool *pool;

    (void)state;
    assert_int_equal(pool_create(&pool, 1, 0, no_wake, NULL, NULL), 0);
    in.pool = pool;
    assert_int_equal(blocks_open(&in, &err), 0);
    assert_int_equal(blocks_next(&in, &err), 1);
    pool_stop(pool);
    assert_int_equal(blocks_next(&in, &err), -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_non_null(strstr(err.text, "'file'"));
    blocks_close(&in);
    pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_once),
        cmocka_unit_test(test_asks_ahead),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_fails),
        cmocka_unit_test(test_stops),
    };

    return cmocka_run_group_tests(tests, put_bytes, leave);
}
