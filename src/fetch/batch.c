#include "fetch/batch.h"

#include <stdlib.h>

#include "io/clock.h"

/* What ends this rank ends its other tasks, too. The journal still learns of those that
 * have landed. */
static int run_batch(struct job *job)
{
    struct batch *batch = job->owner;
    const struct task *first = batch->task[0];
    int rc = store_check(first->world->store, first->segment, &job->err);

    for (unsigned i = 0; i < batch->count && rc == 0; i++) {
        struct job *one = &batch->task[i]->job;

        one->thread = job->thread;
        one->started = clock_now();
        one->rc = one->run(one);
        one->ended = clock_now();
        if (one->rc < 0 && one->err.code != ERR_SOURCE)
            rc = err_copy(&job->err, &one->err);
    }
    small_end(&batch->small);
    return rc;
}

static void forget(struct batch *batch)
{
    struct batch **at = &batch->all->first;

    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
    batch->all->running--;
    free(batch);
}

static int end_batch(struct job *job, struct err *err)
{
    struct batch *batch = job->owner;
    int rc = job->rc < 0 ? err_copy(err, &job->err) : 0;

    for (unsigned i = 0; i < batch->count; i++) {
        struct task *task = batch->task[i];

        task->batch = NULL;
        if (rc == 0) {
            rc = task->job.done(&task->job, err);
            continue;
        }
        task_cancel(task);
        task_fail(task, &(struct outcome){ .retry_after = -1, .reset = -1 }, err);
    }
    forget(batch);
    return rc;
}

static void submit(struct batches *batches)
{
    struct batch *batch = batches->open;

    batches->open = NULL;
    batch->next = batches->first;
    batches->first = batch;
    batches->running++;
    batch->job = (struct job){ .run = run_batch, .done = end_batch, .owner = batch };
    pool_submit(batch->small.world->pool, &batch->job, POOL_ORDINARY);
}

bool batch_is_due(unsigned count, uint64_t bytes, double age, bool alone)
{
    return count > 0 && (count == BATCH_TASKS || bytes >= BATCH_BYTES || alone ||
                         age >= batch_patience);
}

static bool is_due(const struct batches *batches, bool alone)
{
    const struct batch *batch = batches->open;

    return batch &&
           batch_is_due(batch->count, batch->bytes, clock_now() - batch->began, alone);
}

int batch_add(struct batches *batches, struct task *task, struct err *err)
{
    struct batch *batch = batches->open;

    if (!batch) {
        batch = calloc(1, sizeof(*batch));
        if (!batch)
            return err_memory(err, "small files");
        batch->all = batches;
        batch->small.world = task->world;
        batch->began = clock_now();
        batches->open = batch;
    }
    err_clear(&task->job.err);
    task->batch = batch;
    batch->task[batch->count++] = task;
    batch->bytes += task->body ? task_size(task) : 0;
    if (is_due(batches, false))
        submit(batches);
    return 0;
}

void batch_step(struct batches *batches, bool alone)
{
    if (is_due(batches, alone))
        submit(batches);
}

void batches_release(struct batches *batches)
{
    free(batches->open);
    for (struct batch *next, *batch = batches->first; batch; batch = next) {
        next = batch->next;
        free(batch);
    }
    *batches = (struct batches){ 0 };
}
