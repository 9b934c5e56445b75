#include "fetch/landing.h"

#include "base/text.h"
#include "core/plan/url_path.h"
#include "fetch/batch.h"
#include "fetch/local.h"
#include "io/fs/blocks.h"
#include "io/fs/fs.h"
#include "report/trace.h"
#include "resume/journal.h"
#include "staging/local_metadata.h"

static const struct plan_file *file_of(const struct task *task)
{
    return &task->world->run->plan.files[task->file];
}

static bool is_whole_file(const struct task *task)
{
    return segments_of(&task->world->run->segments, task->file) == 1;
}

static bool is_on_file_system(const struct task *task)
{
    const struct plan *plan = &task->world->run->plan;
    const char *key = plan_text(plan, file_of(task)->key);

    return text_starts(key, "file:") ||
           (text_starts(plan_text(plan, plan->base), "file:") && !url_path_is_web(key));
}

/* One pass over the file for both digests. */
static int hash_file_git(struct task *task, struct err *err)
{
    const struct plan_file *file = file_of(task);
    struct blocks in = { .end = file->size,
                         .pool = task->world->pool,
                         .direct = store_direct(task->world->store, task->segment) };
    struct midstate state = midstate_start();
    struct git_blob *git = NULL;
    struct store_place final;
    uint8_t sha1[20] = { 0 };
    int rc = -1;

    store_final(task->world->store, task->file, &final);
    in.dir = final.dir;
    in.name = final.name;
    if (git_blob_begin(&git, file->size, err) < 0 ||
        blocks_hash(&in, &state, task->sha256, git, err) < 0 ||
        git_blob_end(&git, sha1, err) < 0)
        goto out;
    task_judge(task, sha1);
    rc = 0;
out:
    git_blob_destroy(git);
    return rc;
}

static int hash_file(struct task *task, struct err *err)
{
    struct midstate state = midstate_start();

    if (file_of(task)->want.kind == DIGEST_GIT_BLOB)
        return hash_file_git(task, err);
    if (ahead_finish(task->world->ahead, task->world->store, task->segment, 1, &state,
                     task->sha256, err) < 0)
        return -1;
    task_judge(task, NULL);
    return 0;
}

static int close_home(struct task *task, struct err *err)
{
    int fd = task->fd;

    task->fd = -1;
    if (fd < 0 || fs_close(fd, task->home.dir, task->home.name, err) == 0)
        return 0;
    /* In scratch: no later run will need it. */
    if (store_copies(task->world->store, task->segment))
        err->unsure = 0;
    return -1;
}

/* Last of all: the file's last write is behind it, since any changes the mtime again. A
 * file with a wrong digest gets neither. */
static int finish_file(struct task *task, struct err *err)
{
    const struct run *run = task->world->run;
    struct store_place final;

    if (task->bad)
        return 0;
    store_final(task->world->store, task->file, &final);
    if (fs_set_mtime(final.dir, final.name, run->mtime * 1000000000, err) < 0)
        return -1;
    return local_metadata_write_file(run, task->file, err);
}

static void note_in_journal(const struct task *task)
{
    const struct store *store = task->world->store;

    syncing_touch(task->world->syncing, task->file, task_size(task));
    if (!task->bad)
        journal_note(store->journal, store->run, task->segment, task->count,
                     task->checksum);
}

/* Here and not where the run hears of it: it may be about to stop for another reason. */
static int ended(const struct task *task, const struct err *err, int rc)
{
    if (rc < 0)
        journal_doubt(task->world->run, err);
    return rc;
}

/* In a batch, or by itself. */
static int run_small(struct job *job)
{
    struct task *task = job->owner;
    struct small alone = { .world = task->world };
    struct small *small = task->batch ? &task->batch->small : &alone;
    int rc = task->held ? small_recheck(small, task, &job->err)
                        : small_land(small, task, &job->err);

    if (!task->batch)
        small_end(&alone);
    return ended(task, &job->err, rc);
}

/* From home to final path; hash the file if it is one segment; then set its mtime and
 * write the Hub library's metadata, after which nobody writes to it any more. */
static int run_landing(struct job *job)
{
    struct task *task = job->owner;
    const struct store *store = task->world->store;
    int rc = -1;

    if (close_home(task, &job->err) < 0)
        goto out;
    task->checksum = task_checksum(task);
    segment_sums_end(&task->sums);
    if (store_copies(store, task->segment) &&
        store_land(store, task->segment, task->count, task->checksum, &job->err) < 0)
        goto out;
    if (is_whole_file(task) && hash_file(task, &job->err) < 0)
        goto out;
    rc = is_whole_file(task) ? finish_file(task, &job->err) : 0;
    if (rc == 0)
        note_in_journal(task);
out:
    return ended(task, &job->err, rc);
}

/* The digest of an existing file of one segment. Longer ones are relayed. */
static int run_rehash(struct job *job)
{
    struct task *task = job->owner;

    task->got = task_size(task);
    return is_whole_file(task) ? hash_file(task, &job->err) : 0;
}

/* Verify what a former run left, and move it to its final path if it is elsewhere.
 * ERR_SOURCE if it must be fetched after all. */
static int run_recheck(struct job *job)
{
    struct task *task = job->owner;
    const struct store *store = task->world->store;
    int rc = store_recheck(store, task->segment, task->count, task->where, task->checksum,
                           task->world->pool, &job->err);

    if (rc == 0 && is_whole_file(task)) {
        rc = hash_file(task, &job->err);
        if (rc == 0 && task->bad)
            rc = err_set(&job->err, ERR_SOURCE,
                         "'%s': the data left by an earlier run has the wrong digest",
                         plan_path(&store->run->plan, task->file));
        if (rc == 0)
            rc = finish_file(task, &job->err);
    }
    if (rc == 0) {
        task->got = task_size(task);
        note_in_journal(task);
    }
    return ended(task, &job->err, rc);
}

/* Read the segments, and continue as if they had been fetched. */
static int run_read(struct job *job)
{
    struct task *task = job->owner;

    if (local_read(task, &job->err) < 0)
        return -1;
    return task->small ? run_small(job) : run_landing(job);
}

/* Counts the work of the disk for a task: a file in one piece was hashed (and written or
 * copied on the way), another segment was copied if it had another home. */
static void count_landing(const struct task *task)
{
    const struct task_world *world = task->world;
    const struct job *job = &task->job;
    bool copied =
        store_copies(world->store, task->segment) && !task->small && !task->held;

    if (copied)
        world->run->stats.value[STAT_COPIED] += task->got;
    if (copied || task->hashed)
        trace_span(world->run->trace, task->hashed ? TRACE_HASH : TRACE_COPY,
                   (unsigned)job->thread, task->segment, task->count, job->started,
                   job->ended);
}

/* Whether the job succeeded. Else the task has failed, or *rc says that this rank
 * cannot continue. */
static bool went_well(struct task *task, int *rc, struct err *err)
{
    const struct outcome outcome = { .fault = NET_CHANGED,
                                     .retry_after = -1,
                                     .reset = -1 };

    count_landing(task);
    task_leave_slot(task);
    *rc = 0;
    if (task->job.rc == 0)
        return true;
    if (task->job.err.code != ERR_SOURCE) {
        *rc = err_copy(err, &task->job.err);
        task_cancel(task);
    }
    task_fail(task, &outcome, &task->job.err);
    return false;
}

static int landed(struct job *job, struct err *err)
{
    struct task *task = job->owner;
    struct task_world *world = task->world;
    int rc;

    if (!went_well(task, &rc, err))
        return rc;
    task_enter(task, TASK_LANDED);
    if (task->held) {
        world->run->stats.value[STAT_RESUMED] += task->got;
        store_found(world->store, task->segment, task->count);
    } else {
        store_landed(world->store, task->segment, task->count);
    }
    return 0;
}

static int was_read(struct job *job, struct err *err)
{
    struct task *task = job->owner;
    struct run *run = task->world->run;

    run->stats.value[task->nearby ? STAT_NEARBY : STAT_FETCHED] += task->got;
    trace_span(run->trace, TRACE_FETCH, task->slot->number, task->segment, task->count,
               job->started, job->ended);
    return landed(job, err);
}

static struct job landing_job(struct task *task, int (*run)(struct job *job),
                              int (*done)(struct job *job, struct err *err))
{
    task_enter(task, TASK_LANDING);
    return (struct job){ .run = run, .done = done, .owner = task };
}

static void submit_landing(struct task *task, int (*run)(struct job *job),
                           int (*done)(struct job *job, struct err *err),
                           enum pool_class class)
{
    task->job = landing_job(task, run, done);
    pool_submit(task->world->pool, &task->job, class);
}

static int add_small(struct task *task, struct err *err)
{
    task->job = landing_job(task, run_small, landed);
    return batch_add(task->world->batches, task, err);
}

int landing_begin(struct task *task, struct err *err)
{
    if (task->small)
        return add_small(task, err);
    submit_landing(task, run_landing, landed, POOL_ORDINARY);
    return 0;
}

bool landing_is_local(const struct task *task)
{
    return task->held || task->nearby || task->world->run->mode == RUN_REHASH ||
           is_on_file_system(task);
}

bool landing_needs_slot(const struct task *task)
{
    return !task->held || !task->small;
}

int landing_begin_local(struct task *task, struct err *err)
{
    if (task->held && task->small)
        return add_small(task, err);
    if (task->held) {
        submit_landing(task, run_recheck, landed, POOL_ORDINARY);
        return 0;
    }
    if (task->world->run->mode == RUN_REHASH) {
        submit_landing(task, run_rehash, landed, POOL_ORDINARY);
        return 0;
    }
    if (task_make_room(task, err) < 0)
        return -1;
    if (!task->small)
        ahead_begin(task->world->ahead, task->file, task_range(task).begin,
                    task_range(task).end);
    submit_landing(task, run_read, was_read, POOL_SOURCE);
    return 0;
}
