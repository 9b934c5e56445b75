#include "fetch/settling.h"

#include <stdlib.h>
#include <string.h>

#include "fetch/readback.h"
#include "io/fs/fs.h"
#include "staging/local_metadata.h"

struct settling_job {
    struct settling_job *next;
    struct job job;
    struct settling *settling;
    uint32_t count;
    struct settling_file file[SETTLING_FILES];
};

static int settle_file(const struct settling *settling, struct settling_file *it,
                       struct err *err)
{
    const struct run *run = settling->store->run;
    struct store_place final;

    if (it->hashes && readback_file(settling->store, settling->pool, it->file, it->sha256,
                                    &it->wrong, err) < 0)
        return -1;
    if (it->wrong)
        return 0;
    store_final(settling->store, it->file, &final);
    if (fs_set_mtime(final.dir, final.name, run->mtime * 1000000000, err) < 0 ||
        local_metadata_write_file(run, it->file, err) < 0)
        return -1;
    syncing_touch(settling->syncing, it->file, 0);
    return 0;
}

static int run_job(struct job *job)
{
    struct settling_job *work = job->owner;

    for (uint32_t i = 0; i < work->count; i++)
        if (settle_file(work->settling, &work->file[i], &job->err) < 0)
            return -1;
    return 0;
}

static void forget(struct settling *settling, struct settling_job *work)
{
    struct settling_job **at = &settling->first;

    while (*at != work)
        at = &(*at)->next;
    *at = work->next;
    free(work);
}

static int tell(struct settling *settling, const struct settling_file *it,
                struct err *err)
{
    const struct segments *segments = &settling->store->run->segments;

    if (it->stale)
        return 0;
    if (it->hashes)
        settling->store->run->stats.value[STAT_HASHED] +=
            segment_bytes(segments, segments->first[it->file]);
    return settling->found(settling->arg, it->file, it->hashes ? it->sha256 : NULL,
                           it->wrong, err);
}

static int end_job(struct job *job, struct err *err)
{
    struct settling_job *work = job->owner;
    struct settling *settling = work->settling;
    int rc = job->rc < 0 ? err_copy(err, &job->err) : 0;

    settling->jobs--;
    for (uint32_t i = 0; i < work->count && rc == 0; i++)
        rc = tell(settling, &work->file[i], err);
    forget(settling, work);
    return rc;
}

static int begin_job(struct settling *settling, struct err *err)
{
    const struct plan *plan = &settling->store->run->plan;
    struct settling_job *work = calloc(1, sizeof(*work));
    uint64_t bytes = 0;

    if (!work)
        return err_memory(err, "hashing");
    work->settling = settling;
    work->job = (struct job){ .run = run_job, .done = end_job, .owner = work };
    work->next = settling->first;
    settling->first = work;
    while (settling->next < settling->count && work->count < SETTLING_FILES &&
           bytes < SETTLING_BYTES) {
        work->file[work->count] = settling->waiting[settling->next++];
        bytes += plan->files[work->file[work->count++].file].size;
    }
    if (settling->next == settling->count)
        settling->next = settling->count = 0;
    settling->jobs++;
    pool_submit(settling->pool, &work->job, POOL_CHAIN);
    return 0;
}

int settling_add(struct settling *settling, uint32_t file, bool hashes, struct err *err)
{
    if (settling->count == settling->room) {
        size_t room = settling->room ? 2 * settling->room : SETTLING_FILES;
        struct settling_file *more = realloc(settling->waiting, room * sizeof(*more));

        if (!more)
            return err_memory(err, "the list of files to hash");
        settling->waiting = more;
        settling->room = room;
    }
    settling->waiting[settling->count++] =
        (struct settling_file){ .file = file, .hashes = hashes };
    return 0;
}

void settling_drop(struct settling *settling, uint32_t file)
{
    size_t kept = settling->next;

    for (size_t i = settling->next; i < settling->count; i++)
        if (settling->waiting[i].file != file)
            settling->waiting[kept++] = settling->waiting[i];
    settling->count = kept;
    for (struct settling_job *work = settling->first; work; work = work->next)
        for (uint32_t i = 0; i < work->count; i++)
            work->file[i].stale |= work->file[i].file == file;
}

int settling_step(struct settling *settling, struct err *err)
{
    while (settling->jobs < SETTLING_JOBS && settling->next < settling->count)
        if (begin_job(settling, err) < 0)
            return -1;
    return 0;
}

void settling_release(struct settling *settling)
{
    while (settling->first)
        forget(settling, settling->first);
    free(settling->waiting);
    *settling = (struct settling){ 0 };
}
