#include "io/fs/blocks.h"

#include <fcntl.h>
#include <stdlib.h>

#include "io/fs/fs.h"
#include "io/fs/fs_at.h"

enum {
    BLOCKS_MOST = 1 << 20,   /* a Lustre stripe */
    BLOCKS_HASH = 256 << 10, /* stays in a core's second-level cache */
    BLOCKS_AHEAD = 4 << 20,  /* what a server that is far away can send at a time */
    BLOCKS_ASK = 128 << 10   /* Linux takes no more from one call on most file systems */
};

/* By itself Linux waits for 128 KiB after 128 KiB, and reads beyond the end of what is asked
 * for: others read that, and the storage would give it twice. */
static void ask_no_more(struct blocks *in)
{
    if (in->ahead && !in->direct)
        posix_fadvise(in->fd, 0, 0, POSIX_FADV_RANDOM);
}

static void ask_ahead(struct blocks *in)
{
    uint64_t to = in->end - in->next > BLOCKS_AHEAD ? in->next + BLOCKS_AHEAD : in->end;
    uint64_t from = in->asked > in->next ? in->asked : in->next;

    if (!in->ahead || in->direct)
        return;
    for (uint64_t len; from < to; from += len) {
        len = to - from < BLOCKS_ASK ? to - from : BLOCKS_ASK;
        posix_fadvise(in->fd, (off_t)from, (off_t)len, POSIX_FADV_WILLNEED);
    }
    in->asked = from;
}

int blocks_open(struct blocks *in, struct err *err)
{
    if (in->most == 0)
        in->most = BLOCKS_MOST;
    in->bytes = fs_direct_memory(in->most);
    if (!in->bytes)
        return err_memory(err, "a part of a file");
    if (!in->lent)
        in->fd = fs_open_read(in->dir, in->name, err);
    if (in->fd >= 0) {
        in->direct = in->direct && fs_direct_begin(in->fd);
        ask_no_more(in);
        return 0;
    }
    free(in->bytes);
    in->bytes = NULL;
    return -1;
}

int blocks_next(struct blocks *in, struct err *err)
{
    uint64_t left = in->end - in->next;
    char text[PATH_MAX];

    if (left == 0)
        return 0;
    if (in->pool && pool_stopping(in->pool))
        return err_set(err, ERR_INTERRUPTED, "interrupted while reading '%s'",
                       fs_at_path(text, in->dir, in->name));
    ask_ahead(in);
    in->at = in->next;
    in->len = left < in->most ? (size_t)left : in->most;
    if (fs_direct_pread(in->fd, &in->direct, in->dir, in->name, in->bytes, in->len,
                        in->at, err) < 0)
        return -1;
    in->next += in->len;
    return 1;
}

void blocks_close(struct blocks *in)
{
    if (!in->bytes)
        return;
    if (!in->lent)
        fs_close(in->fd, in->dir, in->name, NULL);
    free(in->bytes);
    in->bytes = NULL;
}

int blocks_hash(struct blocks *in, struct midstate *state, uint8_t *digest,
                struct git_blob *git, struct err *err)
{
    int rc;

    in->most = BLOCKS_HASH;
    if (blocks_open(in, err) < 0)
        return -1;
    while ((rc = blocks_next(in, err)) > 0) {
        if (git && git_blob_feed(git, in->bytes, in->len, err) < 0) {
            rc = -1;
            break;
        }
        /* A file may end within a block of SHA-256. */
        if (digest && in->next == in->end)
            sha256_end(state, in->bytes, in->len, digest);
        else
            sha256_blocks(state, in->bytes, in->len);
    }
    blocks_close(in);
    return rc;
}

int blocks_sum(struct blocks *in, uint64_t *checksum, struct err *err)
{
    struct checksum *sum = checksum_create();
    int rc = -1;

    if (!sum) {
        err_memory(err, "a checksum");
        goto out;
    }
    if (blocks_open(in, err) < 0)
        goto out;
    while ((rc = blocks_next(in, err)) > 0)
        checksum_feed(sum, in->bytes, in->len);
    *checksum = checksum_value(sum);
out:
    blocks_close(in);
    checksum_destroy(sum);
    return rc;
}
