#include "fetch/whole_hash.h"

#include <stdlib.h>

#include "fetch/readback.h"
#include "io/pool.h"

struct whole_hash_file {
    uint32_t file;
    bool stale; /* it was dropped meanwhile: the main thread's */
    bool wrong;
    uint8_t sha256[32];
};

struct whole_hash_job {
    struct whole_hash_job *next;
    struct job job;
    struct whole_hash *hash;
    uint32_t count;
    struct whole_hash_file file[WHOLE_HASH_FILES];
};

static int run_job(struct job *job)
{
    struct whole_hash_job *work = job->owner;

    for (uint32_t i = 0; i < work->count; i++) {
        struct whole_hash_file *it = &work->file[i];

        if (readback_file(work->hash->store, work->hash->pool, it->file, it->sha256,
                          &it->wrong, &job->err) < 0)
            return -1;
    }
    return 0;
}

static void forget(struct whole_hash *hash, struct whole_hash_job *work)
{
    struct whole_hash_job **at = &hash->first;

    while (*at != work)
        at = &(*at)->next;
    *at = work->next;
    free(work);
}

static int tell(struct whole_hash *hash, const struct whole_hash_file *it,
                struct err *err)
{
    const struct segments *segments = &hash->store->run->segments;

    if (it->stale)
        return 0;
    hash->store->run->stats.value[STAT_HASHED] +=
        segment_bytes(segments, segments->first[it->file]);
    return hash->found(hash->arg, it->file, it->sha256, it->wrong, err);
}

static int end_job(struct job *job, struct err *err)
{
    struct whole_hash_job *work = job->owner;
    struct whole_hash *hash = work->hash;
    int rc = job->rc < 0 ? err_copy(err, &job->err) : 0;

    hash->jobs--;
    for (uint32_t i = 0; i < work->count && rc == 0; i++)
        rc = tell(hash, &work->file[i], err);
    forget(hash, work);
    return rc;
}

static int begin_job(struct whole_hash *hash, struct err *err)
{
    const struct plan *plan = &hash->store->run->plan;
    struct whole_hash_job *work = calloc(1, sizeof(*work));
    uint64_t bytes = 0;

    if (!work)
        return err_memory(err, "hashing");
    work->hash = hash;
    work->job = (struct job){ .run = run_job, .done = end_job, .owner = work };
    work->next = hash->first;
    hash->first = work;
    while (hash->next < hash->count && work->count < WHOLE_HASH_FILES &&
           bytes < WHOLE_HASH_BYTES) {
        uint32_t file = hash->waiting[hash->next++];

        work->file[work->count++].file = file;
        bytes += plan->files[file].size;
    }
    if (hash->next == hash->count)
        hash->next = hash->count = 0;
    hash->jobs++;
    pool_submit(hash->pool, &work->job, POOL_CHAIN);
    return 0;
}

int whole_hash_add(struct whole_hash *hash, uint32_t file, struct err *err)
{
    if (hash->count == hash->room) {
        size_t room = hash->room ? 2 * hash->room : WHOLE_HASH_FILES;
        uint32_t *more = realloc(hash->waiting, room * sizeof(*more));

        if (!more)
            return err_memory(err, "the list of files to hash");
        hash->waiting = more;
        hash->room = room;
    }
    hash->waiting[hash->count++] = file;
    return 0;
}

void whole_hash_drop(struct whole_hash *hash, uint32_t file)
{
    size_t kept = hash->next;

    for (size_t i = hash->next; i < hash->count; i++)
        if (hash->waiting[i] != file)
            hash->waiting[kept++] = hash->waiting[i];
    hash->count = kept;
    for (struct whole_hash_job *work = hash->first; work; work = work->next)
        for (uint32_t i = 0; i < work->count; i++)
            work->file[i].stale |= work->file[i].file == file;
}

int whole_hash_step(struct whole_hash *hash, struct err *err)
{
    while (hash->jobs < WHOLE_HASH_JOBS && hash->next < hash->count)
        if (begin_job(hash, err) < 0)
            return -1;
    return 0;
}

void whole_hash_release(struct whole_hash *hash)
{
    while (hash->first)
        forget(hash, hash->first);
    free(hash->waiting);
    *hash = (struct whole_hash){ 0 };
}
