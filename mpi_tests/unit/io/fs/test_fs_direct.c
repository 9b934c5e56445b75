/* Past the page cache: where, and what happens to bytes that do not fit. The file system of
 * this test may be one that does not suit: then all goes through the page cache, and the
 * bytes are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/text.h"
#include "io/fs/blocks.h"
#include "io/fs/fs.h"
#include "scratch_dir.h"

enum { SIZE = 5 * FS_DIRECT + 777 };

static int reason;       /* of all direct writes, or 0 */
static unsigned directs; /* that came through */

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    bool direct = fcntl(fd, F_GETFL) & O_DIRECT;

    if (direct && reason) {
        errno = reason;
        return -1;
    }
    directs += direct;
    return syscall(SYS_pwrite64, fd, bytes, len, at);
}

static void test_where(void **state)
{
    static const struct {
        uint32_t kind;
        bool told;
        uint32_t memory, offset;
        bool suits;
    } rows[] = {
        { EXT4_SUPER_MAGIC, true, 4, 512, true },
        { EXT4_SUPER_MAGIC, true, 512, 4096, true },
        { EXT4_SUPER_MAGIC, true, 0, 0, false }, /* encrypted, or data=journal */
        { EXT4_SUPER_MAGIC, true, 512, 0, false },
        { EXT4_SUPER_MAGIC, true, 512, 65536, false },
        { EXT4_SUPER_MAGIC, true, 3, 512, false },
        { NFS_SUPER_MAGIC, true, 512, 512, true }, /* it says so itself */
        { EXT4_SUPER_MAGIC, false, 0, 0, true },
        { 0x58465342, false, 0, 0, true }, /* XFS */
        { BTRFS_SUPER_MAGIC, false, 0, 0, true },
        { TMPFS_MAGIC, false, 0, 0, false },
        { NFS_SUPER_MAGIC, false, 0, 0, false },
        { 0x0BD00BD0, false, 0, 0, false }, /* Lustre */
        { 0x65735546, false, 0, 0, false }, /* FUSE */
        { OVERLAYFS_SUPER_MAGIC, false, 0, 0, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(
            fs_direct_suits(rows[i].kind, rows[i].told, rows[i].memory, rows[i].offset),
            rows[i].suits);
}

static uint8_t *pattern(void)
{
    uint8_t *bytes = fs_direct_memory(SIZE);

    assert_non_null(bytes);
    assert_int_equal((uintptr_t)bytes % FS_DIRECT, 0);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 977);
    return bytes;
}

static void assert_bytes(const uint8_t *want, size_t len, uint64_t at)
{
    uint8_t found[SIZE];
    int fd = open("file", O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, found, len, (off_t)at), len);
    close(fd);
    assert_memory_equal(found, want, len);
}

/* Parts of the pattern at places of the file that fit or not; how many direct writes each
 * takes where that suits, and whether the file goes on so. */
static const struct {
    size_t from, len;
    uint64_t at;
    unsigned directs;
    bool stays;
} parts[] = {
    { 0, 4 * FS_DIRECT, 0, 1, true }, { 0, FS_DIRECT, 7 * FS_DIRECT, 1, true },
    { 0, SIZE, 0, 1, false }, /* an end that does not fit */
    { 0, SIZE, FS_DIRECT, 1, false }, { 0, 100, 0, 0, false },
    { 1, FS_DIRECT, 0, 0, false }, /* memory */
    { 0, FS_DIRECT, 512, 0, false },
};

static void write_part(size_t i, const uint8_t *bytes, bool suits, int why, bool *refused)
{
    int fd = fs_open_write(NULL, "file", NULL);
    bool direct = fs_direct_begin(fd);
    bool may = direct && parts[i].directs > 0;

    assert_int_equal(direct, suits);
    reason = why;
    directs = 0;
    *refused = false;
    assert_int_equal(fs_direct_pwrite(fd, &direct, refused, NULL, "file",
                                      bytes + parts[i].from, parts[i].len, parts[i].at,
                                      NULL),
                     0);
    reason = 0;
    assert_int_equal(directs, may && !why ? parts[i].directs : 0);
    assert_int_equal(direct, may && !why && parts[i].stays);
    assert_int_equal(!!(fcntl(fd, F_GETFL) & O_DIRECT), direct);
    assert_int_equal(*refused, may && why);
    assert_int_equal(fs_close(fd, NULL, "file", NULL), 0);
    assert_bytes(bytes + parts[i].from, parts[i].len, parts[i].at);
    assert_int_equal(unlink("file"), 0);
}

static bool suits_here(void)
{
    int fd = fs_open_write(NULL, "file", NULL);
    bool suits = fs_direct_begin(fd);

    close(fd);
    return suits;
}

static void test_write(void **state)
{
    uint8_t *bytes = pattern();
    bool suits = suits_here(), refused;

    (void)state;
    for (size_t i = 0; i < countof(parts); i++) {
        write_part(i, bytes, suits, 0, &refused);
        write_part(i, bytes, suits, EINVAL, &refused);
    }
    free(bytes);
}

/* Any other reason is that of the disk. */
static void test_write_fails(void **state)
{
    uint8_t *bytes = pattern();
    int fd = fs_open_write(NULL, "file", NULL);
    bool direct = fs_direct_begin(fd), refused = false;
    struct err err = { 0 };

    (void)state;
    reason = ENOSPC;
    if (direct) {
        assert_int_equal(fs_direct_pwrite(fd, &direct, &refused, NULL, "file", bytes,
                                          FS_DIRECT, 0, &err),
                         -1);
        assert_int_equal(errno, ENOSPC);
        assert_sentence(&err, ERR_DEST, "file", ENOSPC);
        assert_false(refused);
    }
    reason = 0;
    close(fd);
    free(bytes);
}

static void test_read(void **state)
{
    static const struct {
        uint64_t at, end;
    } rows[] = { { 0, SIZE }, { FS_DIRECT, 3 * FS_DIRECT }, { 5, SIZE }, { 0, 1 } };
    uint8_t *bytes = pattern();
    int fd = open("file", O_WRONLY | O_CREAT | O_TRUNC, 0644);

    (void)state;
    assert_int_equal(write(fd, bytes, SIZE), SIZE);
    close(fd);
    for (size_t i = 0; i < countof(rows); i++) {
        struct blocks in = { .name = "file",
                             .next = rows[i].at,
                             .end = rows[i].end,
                             .most = 2 * FS_DIRECT,
                             .direct = true };
        uint64_t at = rows[i].at;

        assert_int_equal(blocks_open(&in, NULL), 0);
        while (blocks_next(&in, NULL) > 0) {
            assert_memory_equal(in.bytes, bytes + at, in.len);
            at += in.len;
        }
        assert_int_equal(at, rows[i].end);
        blocks_close(&in);
    }
    free(bytes);
}

/* The sentence is that of any other file. */
static void test_read_short(void **state)
{
    char *bytes = fs_direct_memory(4 * FS_DIRECT);
    struct err err = { 0 };
    bool direct;
    int fd;

    (void)state;
    put_file("short", "twelve bytes");
    fd = fs_open_read(NULL, "short", NULL);
    direct = fs_direct_begin(fd);
    assert_int_equal(
        fs_direct_pread(fd, &direct, NULL, "short", bytes, 4 * FS_DIRECT, 0, &err), -1);
    assert_non_null(strstr(err.text, "ends at or before 12"));
    close(fd);
    free(bytes);
}

static void test_memory_refuses(void **state)
{
    char name[] = "/dev/shm/mpifetch-unit-XXXXXX";
    int fd = mkstemp(name);
    struct statfs kind;

    (void)state;
    if (fd < 0 || fstatfs(fd, &kind) < 0 || kind.f_type != TMPFS_MAGIC)
        skip();
    assert_false(fs_direct_begin(fd));
    assert_false(fcntl(fd, F_GETFL) & O_DIRECT);
    close(fd);
    unlink(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where),       cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_fails), cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_short),  cmocka_unit_test(test_memory_refuses),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
