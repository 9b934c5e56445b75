#include "fetch/hasher.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "io/sha256.h"
#include "ranks/mail.h"
#include "report/trace.h"

enum { HASHER_BLOCK = 256 << 10 }; /* stays in a core's second-level cache */

struct hash_run {
    struct hash_run *next;
    struct job job;
    struct hasher *hasher;
    uint32_t segment, count;
    struct midstate state;
    bool last; /* the run ends with the file */
    uint8_t sha256[32];
};

/* One segment; the last one of a file may end within a block of SHA-256, and ends the
 * digest. */
static int hash_segment(struct hash_run *run, uint32_t segment, int fd, const char *path,
                        uint64_t at, char *block, struct err *err)
{
    uint64_t left = segment_bytes(&run->hasher->run->segments, segment);
    bool last = run->last && segment == run->segment + run->count - 1;

    while (left > 0) {
        size_t len = (size_t)(left < HASHER_BLOCK ? left : HASHER_BLOCK);

        if (pool_stopping(run->hasher->pool))
            return err_set(err, ERR_INTERRUPTED, "interrupted while hashing '%s'", path);
        if (fs_pread(fd, path, block, len, at, err) < 0)
            return -1;
        left -= len;
        at += len;
        if (last && left == 0)
            sha256_end(&run->state, block, len, run->sha256);
        else
            sha256_blocks(&run->state, block, len);
    }
    return 0;
}

static int run_job(struct job *job)
{
    struct hash_run *run = job->owner;
    struct strbuf path = { 0 };
    char *block = malloc(HASHER_BLOCK);
    int rc = block ? 0 : err_memory(&job->err, "hashing");

    for (uint32_t i = 0; i < run->count && rc == 0; i++) {
        uint32_t segment = run->segment + i;
        uint64_t at = 0;
        int fd = -1;

        rc = store_source(run->hasher->store, segment, &path, &at, &job->err);
        if (rc == 0 && (fd = fs_open_read(path.data, &job->err)) < 0)
            rc = -1;
        if (rc == 0)
            rc = hash_segment(run, segment, fd, path.data, at, block, &job->err);
        if (fd >= 0)
            fs_close(fd, path.data, NULL);
    }
    strbuf_release(&path);
    free(block);
    return rc;
}

bool hasher_owns(const struct job *job)
{
    return job->run == run_job;
}

int hasher_begin(struct hasher *hasher, const struct msg *order, struct err *err)
{
    const struct segments *segments = &hasher->run->segments;
    struct hash_run *run;
    uint32_t end = order->segment + order->segments;

    if (order->segments == 0 || end > segments->count || end < order->segment)
        return err_set(err, ERR_DEFECT, "asked to hash segments %u to %u of %u",
                       (unsigned)order->segment, (unsigned)end,
                       (unsigned)segments->count);
    run = calloc(1, sizeof(*run));
    if (!run)
        return err_memory(err, "hashing");
    run->hasher = hasher;
    run->segment = order->segment;
    run->count = order->segments;
    run->state = order->midstate;
    run->last = end == segments->first[segments->file[order->segment] + 1];
    run->job = (struct job){ .run = run_job, .owner = run };
    run->next = hasher->first;
    hasher->first = run;
    pool_submit(hasher->pool, &run->job, POOL_ORDINARY);
    return 0;
}

static void forget(struct hasher *hasher, struct hash_run *run)
{
    struct hash_run **at = &hasher->first;

    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    free(run);
}

int hasher_end(struct hasher *hasher, struct job *job, struct err *err)
{
    struct hash_run *run = job->owner;
    struct msg msg = { .kind = MSG_HASHED,
                       .segment = run->segment,
                       .segments = run->count,
                       .whole = run->last,
                       .midstate = run->state };
    int rc = job->rc;

    memcpy(msg.sha256, run->sha256, sizeof(msg.sha256));
    if (rc < 0)
        *err = job->err;
    for (uint32_t i = 0; i < run->count && rc == 0; i++) {
        if (hasher->store->at[run->segment + i] == STORE_KEPT)
            store_drop(hasher->store, run->segment + i, false);
        hasher->run->stats.value[STAT_HASHED] +=
            segment_bytes(&hasher->run->segments, run->segment + i);
    }
    if (rc == 0) {
        trace_span(hasher->run->trace, TRACE_HASH, (unsigned)job->thread, run->segment,
                   run->count, job->started, job->ended);
        rc = mail_send(&hasher->run->ranks, 0, &msg, err);
    }
    forget(hasher, run);
    return rc;
}

void hasher_release(struct hasher *hasher)
{
    while (hasher->first)
        forget(hasher, hasher->first);
}
