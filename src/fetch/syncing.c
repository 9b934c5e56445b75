#include "fetch/syncing.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "ranks/background.h"
#include "resume/journal.h"
#include "staging/local_metadata.h"

int syncing_open(struct syncing *syncing, struct run *run, const struct store *store,
                 struct pool *pool, struct err *err)
{
    size_t size = run->plan.nfiles / 8 + 1;

    *syncing = (struct syncing){ .run = run, .store = store, .pool = pool, .tree = -1 };
    if (run->opt.sync && run->mode != RUN_REHASH && run->staging.path)
        syncing->tree = fs_open_read(&run->staging.tree, ".", NULL);
    syncing->touched = calloc(size, sizeof(*syncing->touched));
    syncing->batch = calloc(size, 1);
    return syncing->touched && syncing->batch
               ? 0
               : err_memory(err, "the list of files to sync");
}

void syncing_release(struct syncing *syncing)
{
    if (syncing->batch && syncing->tree >= 0)
        fs_close(syncing->tree, NULL, "tree", NULL);
    free(syncing->touched);
    free(syncing->batch);
    *syncing = (struct syncing){ 0 };
}

void syncing_touch(struct syncing *syncing, uint32_t file, uint64_t bytes)
{
    atomic_fetch_add(&syncing->bytes, bytes);
    atomic_fetch_or(&syncing->touched[file / 8], (uint8_t)(1u << file % 8));
}

static bool is_in_batch(const struct syncing *syncing, uint32_t file)
{
    return syncing->batch[file / 8] & 1u << file % 8;
}

/* What was touched so far, after a batch that was not synced to its end; returns how many
 * files. What is noted above the journal's line was touched before. */
static size_t take_batch(struct syncing *syncing)
{
    size_t nfiles = syncing->run->plan.nfiles, count = 0;

    journal_sync(syncing->store->journal);
    atomic_store(&syncing->bytes, 0);
    for (size_t i = 0; i <= nfiles / 8; i++)
        syncing->batch[i] |= atomic_exchange(&syncing->touched[i], 0);
    for (uint32_t i = 0; i < nfiles; i++)
        count += is_in_batch(syncing, i);
    return count;
}

/* The Hub library's metadata of a file that this rank alone wrote. */
static int sync_record(const struct run *run, uint32_t file, struct err *err)
{
    char name[FS_NAME];

    if (!local_metadata_wanted(run) || !local_metadata_fits(run, file) ||
        segments_of(&run->segments, file) != 1)
        return 0;
    return fs_sync_path(&run->staging.tree, local_metadata_name(run, file, name), err);
}

static int sync_file(const struct syncing *syncing, uint32_t file, struct err *err)
{
    struct store_place final;

    store_final(syncing->store, file, &final);
    return fs_sync_path(final.dir, final.name, err) < 0
               ? -1
               : sync_record(syncing->run, file, err);
}

/* A sync of the whole file system is faster for many files, and where it is known to
 * guarantee for each what a sync of its own does, it is all that is needed. *done: so. */
static int sync_many(const struct syncing *syncing, bool *done, struct err *err)
{
    const struct fs_dir *tree = &syncing->run->staging.tree;

    *done = syncing->tree >= 0 && fs_syncs_files(tree, ".");
    return *done ? fs_sync_system_of(syncing->tree, tree, ".", err)
                 : fs_sync_system(tree, ".", err);
}

/* ask: whether to go on. */
static int sync_batch(struct syncing *syncing,
                      int (*ask)(struct syncing *syncing, struct err *err),
                      struct err *err)
{
    const struct fs_dir *tree = &syncing->run->staging.tree;
    size_t nfiles = syncing->run->plan.nfiles;
    bool done = false;
    int rc = 0;

    if (take_batch(syncing) > SYNCING_ONE_BY_ONE)
        rc = sync_many(syncing, &done, err);
    for (uint32_t i = 0; i < nfiles && rc == 0 && !done; i++) {
        if (!is_in_batch(syncing, i))
            continue;
        rc = ask(syncing, err);
        if (rc == 0)
            rc = sync_file(syncing, i, err);
    }
    if (rc == 0) {
        journal_done(syncing->store->journal);
        memset(syncing->batch, 0, nfiles / 8 + 1);
        return 0;
    }
    journal_doubt(syncing->run, err);
    /* The kernel reports the failure once more, to the next sync of the file system:
     * better now than when the next run has written all its data. */
    if (err->unsure != 0)
        fs_sync_system(tree, ".", NULL);
    return -1;
}

static int ask_pool(struct syncing *syncing, struct err *err)
{
    return pool_stopping(syncing->pool) ? err_set(err, ERR_INTERRUPTED, "interrupted")
                                        : 0;
}

static int ask_ranks(struct syncing *syncing, struct err *err)
{
    return background_poll(&syncing->run->ranks, err);
}

static int run_sync(struct job *job)
{
    return sync_batch(job->owner, ask_pool, &job->err);
}

/* The pool stops at the end of the run, too: the rest of the batch is synced then. */
static int ended(struct job *job, struct err *err)
{
    struct syncing *syncing = job->owner;

    syncing->running = false;
    return job->rc < 0 && job->err.code != ERR_INTERRUPTED ? err_copy(err, &job->err) : 0;
}

static bool is_due(const struct syncing *syncing)
{
    uint64_t most = syncing->run->segments.size * syncing->run->segments.together;

    most *= SYNCING_LEASES;

    return atomic_load(&syncing->bytes) >= (most < syncing_most ? most : syncing_most);
}

void syncing_step(struct syncing *syncing)
{
    if (syncing->running || !syncing->run->opt.sync || !is_due(syncing))
        return;
    syncing->running = true;
    syncing->job = (struct job){ .run = run_sync, .done = ended, .owner = syncing };
    pool_submit(syncing->pool, &syncing->job, POOL_ORDINARY);
}

int syncing_end(struct syncing *syncing, struct err *err)
{
    /* The run may have ended before it was heard of. */
    if (syncing->running && ended(&syncing->job, err) < 0)
        return -1;
    return sync_batch(syncing, ask_ranks, err);
}
