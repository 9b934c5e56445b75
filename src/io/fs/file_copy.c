#include "io/fs/file_copy.h"

#include <errno.h>
#include <unistd.h>

#include "io/fs/blocks.h"
#include "io/fs/fs.h"

/* What one call asks of the kernel, so that signals get in. */
enum { COPY_AT_ONCE = 64 << 20 };

/* The bytes that the kernel moved by itself. It stops at whatever it cannot do, and does
 * not say which of the two files was the reason: reading and writing the rest will. */
static uint64_t copy_in_kernel(const struct file_copy *copy, int from, int to)
{
    off_t source = (off_t)copy->from_at, target = (off_t)copy->to_at;
    uint64_t copied = 0;

    while (copied < copy->len) {
        uint64_t left = copy->len - copied;
        ssize_t n = copy_file_range(from, &source, to, &target,
                                    left < COPY_AT_ONCE ? (size_t)left : COPY_AT_ONCE, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        copied += (uint64_t)n;
    }
    return copied;
}

static int copy_blocks(const struct file_copy *copy, struct blocks *in, int to,
                       struct checksum *sum, struct err *err)
{
    bool direct = copy->direct && fs_direct_begin(to), refused;
    int rc;

    while ((rc = blocks_next(in, err)) > 0) {
        if (sum)
            checksum_feed(sum, in->bytes, in->len);
        if (fs_direct_pwrite(to, &direct, &refused, copy->to_dir, copy->to, in->bytes,
                             in->len, copy->to_at + (in->at - copy->from_at), err) < 0)
            return -1;
    }
    return rc;
}

/* sum: NULL if the kernel may do it. */
static int run_copy(const struct file_copy *copy, struct checksum *sum, struct err *err)
{
    struct blocks in = { .dir = copy->from_dir,
                         .name = copy->from,
                         .next = copy->from_at,
                         .end = copy->from_at + copy->len,
                         .direct = copy->direct };
    int to, rc;

    if (blocks_open(&in, err) < 0)
        return -1;
    to = fs_open_write(copy->to_dir, copy->to, err);
    if (to >= 0 && !sum)
        in.next += copy_in_kernel(copy, in.fd, to);
    rc = to < 0 ? -1 : copy_blocks(copy, &in, to, sum, err);
    blocks_close(&in);
    if (to >= 0 && fs_close(to, copy->to_dir, copy->to, err) < 0)
        rc = -1;
    return rc;
}

int file_copy(const struct file_copy *copy, struct err *err)
{
    return run_copy(copy, NULL, err);
}

int file_copy_sum(const struct file_copy *copy, uint64_t *checksum, struct err *err)
{
    struct checksum *sum = checksum_create();
    int rc = sum ? run_copy(copy, sum, err) : err_memory(err, "a checksum");

    if (rc == 0)
        *checksum = checksum_value(sum);
    checksum_destroy(sum);
    return rc;
}
