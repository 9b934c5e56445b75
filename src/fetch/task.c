#include "fetch/task.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "fetch/attempt.h"
#include "fetch/landing.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "resume/journal.h"

int task_slot_init(struct task_slot *slot, unsigned number, struct err *err)
{
    slot->number = number;
    for (size_t i = 0; i < countof(slot->chunk); i++) {
        slot->chunk[i].bytes = malloc(TASK_BUFFER);
        if (!slot->chunk[i].bytes)
            return err_memory(err, "transfer buffers");
    }
    return 0;
}

void task_slot_release(struct task_slot *slot)
{
    for (size_t i = 0; i < countof(slot->chunk); i++)
        free(slot->chunk[i].bytes);
}

struct task *task_create(struct task_world *world, uint32_t segment, bool duplicate,
                         struct err *err)
{
    const struct segments *segments = &world->run->segments;
    struct task *task = calloc(1, sizeof(*task));

    if (!task) {
        err_memory(err, "a transfer");
        return NULL;
    }
    task->world = world;
    task->segment = segment;
    task->file = segments->file[segment];
    task->duplicate = duplicate;
    task->small = segments_of(segments, task->file) == 1 &&
                  segment_bytes(segments, segment) <= SEGMENT_SMALL;
    task->fd = -1;
    return task;
}

static void leave_slot(struct task *task)
{
    if (task->slot)
        task->slot->taken = false;
    task->slot = NULL;
}

int task_close(struct task *task, struct err *err)
{
    const struct store *store = task->world->store;
    struct err fault = { 0 };
    int fd = task->fd;

    task->fd = -1;
    if (fd < 0 || fs_close(fd, task->path, &fault) == 0 ||
        store_copies(store, task->duplicate))
        return 0;
    journal_doubt(store->run, &fault);
    return err_copy(err, &fault);
}

void task_destroy(struct task *task)
{
    if (!task)
        return;
    leave_slot(task);
    task_close(task, NULL);
    checksum_destroy(task->sum);
    free(task->url);
    free(task->path);
    free(task->body);
    free(task);
}

bool task_idle(const struct task *task)
{
    return task->state != TASK_SETTLING && !task->transfer &&
           (!task->slot || (!task->slot->chunk[0].busy && !task->slot->chunk[1].busy));
}

uint64_t task_size(const struct task *task)
{
    return segment_bytes(&task->world->run->segments, task->segment);
}

/* On a pool thread. The file is opened with the first write: an open on a parallel file
 * system takes milliseconds that the sockets should not wait for. Writes of one task
 * follow each other, so fd and sum need no lock. */
static int write_chunk(struct job *job)
{
    struct task_chunk *chunk = job->owner;
    struct task *task = chunk->task;

    if (task->fd < 0)
        task->fd = fs_open_write(task->path, &job->err);
    if (task->fd < 0)
        return -1;
    if (task->sum)
        checksum_feed(task->sum, chunk->bytes, chunk->len);
    return fs_pwrite(task->fd, task->path, chunk->bytes, chunk->len, chunk->at,
                     &job->err);
}

/* Begin to write the buffer that is being filled, if it is full or the last one, and fill
 * the other. One write of a task at a time, so that they follow each other. */
static void pump(struct task *task)
{
    struct task_chunk *chunk = &task->slot->chunk[task->filling];

    if (task->slot->chunk[0].busy || task->slot->chunk[1].busy || chunk->len == 0 ||
        (chunk->len < TASK_BUFFER && task->state != TASK_DRAINING))
        return;
    task->filling = !task->filling;
    chunk->busy = true;
    chunk->task = task;
    chunk->job = (struct job){ .run = write_chunk, .owner = chunk };
    pool_submit(task->world->pool, &chunk->job, POOL_URGENT);
}

/* While the other buffer is being written there is only the rest of this one to fill. */
static int sink_large(struct task *task, const char *bytes, size_t len)
{
    size_t room = TASK_BUFFER - task->slot->chunk[task->filling].len;

    if (len > room && task->slot->chunk[!task->filling].busy)
        return HTTP_PAUSE;
    while (len > 0) {
        struct task_chunk *chunk = &task->slot->chunk[task->filling];
        size_t part = TASK_BUFFER - chunk->len;

        part = part < len ? part : len;
        if (chunk->len == 0)
            chunk->at = task->offset + task->got;
        memcpy(chunk->bytes + chunk->len, bytes, part);
        chunk->len += part;
        task->got += part;
        bytes += part;
        len -= part;
        pump(task);
    }
    return 0;
}

static int sink(void *owner, const void *bytes, size_t len)
{
    struct task *task = owner;
    struct task_world *world = task->world;
    double now = world->rate->per_second > 0 ? clock_now() : 0;
    int rc = 0;

    task->throttled = world->rate->per_second > 0 && rate_wait(world->rate, now) > 0;
    if (task->throttled)
        rc = HTTP_PAUSE;
    else if (!task->small)
        rc = sink_large(task, bytes, len);
    else if (task->got + len > task_size(task))
        return -1;
    else
        memcpy(task->body + task->got, bytes, len);
    task->paused = rc == HTTP_PAUSE;
    if (rc != 0)
        return rc;
    if (task->small)
        task->got += len;
    world->run->stats.value[STAT_FETCHED] += len;
    if (world->rate->per_second > 0)
        rate_spend(world->rate, len, now);
    return 0;
}

/* The token goes to the Hub's own origin only, and extra headers to the source's own: a
 * list may name files on any host, and a place that the Hub signed is another host's. */
static void add_secrets(const struct task *task, const char *url,
                        struct http_request *request)
{
    const struct run *run = task->world->run;

    if (run->access.bearer && run->access.endpoint &&
        url_same_origin(url, run->access.endpoint))
        request->bearer = run->access.bearer;
    if (url_same_origin(url, plan_text(&run->plan, run->plan.base)))
        request->headers = run->opt.headers;
}

static int request_rest(struct task *task, struct err *err)
{
    struct run *run = task->world->run;
    const struct plan_file *file = &run->plan.files[task->file];
    struct range range = segment_range(&run->segments, task->segment);
    struct http_request request = {
        .sink = sink,
        .owner = task,
        .checked = true,
        .ranged = !(file->flags & PLAN_WHOLE),
        .want = { .range = { range.begin + task->got, range.end },
                  .size = file->size,
                  .whole = (file->flags & PLAN_WHOLE) != 0,
                  .etag = plan_text(&run->plan, file->etag),
                  .digest = file->want.kind != DIGEST_NONE },
    };
    struct strbuf url = { 0 };
    int rc;

    if (task->url)
        strbuf_adds(&url, task->url);
    else
        plan_url(&run->plan, task->file, &url);
    if (url.failed)
        return err_memory(err, "a URL");
    request.url = url.data;
    add_secrets(task, url.data, &request);
    task->got_before = task->got;
    task->paused = false;
    run->stats.value[STAT_DATA_REQUESTS]++;
    if (*plan_text(&run->plan, run->plan.repo) && !task->url)
        run->stats.value[STAT_RESOLVE_REQUESTS]++;
    rc = http_start(task->world->http, &request, &task->transfer, err);
    strbuf_release(&url);
    return rc;
}

/* Memory or a file to put the bytes into. */
static int prepare(struct task *task, struct err *err)
{
    struct task_world *world = task->world;
    struct strbuf path = { 0 };

    if (task->small) {
        task->body = malloc(task_size(task));
        return task->body ? 0 : err_memory(err, "a small file");
    }
    task->sum = checksum_create();
    if (!task->sum)
        return err_memory(err, "a checksum");
    if (store_home(world->store, task->segment, task->duplicate, &path, &task->offset,
                   err) < 0) {
        strbuf_release(&path);
        return -1;
    }
    task->path = strbuf_steal(&path);
    return task->path ? 0 : err_memory(err, "a path");
}

int task_begin(struct task *task, struct task_slot *slot, struct err *err)
{
    struct task_world *world = task->world;
    bool there = world->run->mode == RUN_REHASH || task->held;
    bool local = there || settle_is_local(world->run, task->file);

    task->slot = slot;
    slot->taken = true;
    slot->chunk[0].len = slot->chunk[1].len = 0;
    task->began = clock_now();
    if (!there && prepare(task, err) < 0)
        return -1;
    if (task->duplicate)
        world->run->stats.value[STAT_DUPLICATED]++;
    task->state = TASK_FETCHING;
    if (!local)
        return request_rest(task, err);
    /* A tree on a file system: reading it is a disk's work, not a socket's. */
    task->state = TASK_SETTLING;
    task->job = (struct job){ .run = task->held                       ? settle_held
                                     : world->run->mode == RUN_REHASH ? settle_rehash
                                                                      : settle_fetch,
                              .owner = task };
    pool_submit(world->pool, &task->job, POOL_ORDINARY);
    return 0;
}

static void drop(struct task *task, const struct outcome *outcome, const struct err *why)
{
    task->state = TASK_DROPPED;
    task->outcome = *outcome;
    task->outcome.located = task->url != NULL;
    task->err = *why;
}

static void drained(struct task *task)
{
    if (task->state != TASK_DRAINING)
        return;
    pump(task);
    if (!task_idle(task))
        return;
    leave_slot(task);
    if (task->duplicate)
        task->state = TASK_SPARE;
    else
        task_settle(task);
}

void task_reply(struct task *task, const struct http_response *response)
{
    struct run *run = task->world->run;
    struct err why = { 0 };

    task->transfer = NULL;
    if (attempt_is_whole(task, response)) {
        task->state = TASK_DRAINING;
        drained(task);
        return;
    }
    if (attempt_goes_on(task, response)) {
        run->stats.value[STAT_RETRIED] += response->outcome.fault != NET_OK;
        task->resting = true;
        return;
    }
    attempt_explain(task, response, &why);
    drop(task, &response->outcome, &why);
    if (task->outcome.fault == NET_OK && task->outcome.status < 300)
        task->outcome.fault = NET_CUT; /* a good reply that brings nothing */
}

int task_go_on(struct task *task, struct err *err)
{
    task->resting = false;
    return request_rest(task, err);
}

int task_written(struct task_chunk *chunk, struct err *err)
{
    struct task *task = chunk->task;

    chunk->busy = false;
    chunk->len = 0;
    if (chunk->job.rc < 0 && !task->cancelled) {
        *err = chunk->job.err;
        return -1;
    }
    if (task->state == TASK_FETCHING)
        pump(task);
    if (task->paused)
        task_resume(task);
    drained(task);
    return 0;
}

void task_settle(struct task *task)
{
    task->state = TASK_SETTLING;
    task->job = (struct job){ .run = settle_run, .owner = task };
    pool_submit(task->world->pool, &task->job, POOL_ORDINARY);
}

int task_settled(struct task *task, struct err *err)
{
    struct outcome outcome = { .fault = NET_CHANGED, .retry_after = -1, .reset = -1 };

    leave_slot(task);
    if (task->job.run == settle_fetch)
        task->world->run->stats.value[STAT_FETCHED] += task->got;
    if (task->job.rc < 0 && task->job.err.code == ERR_SOURCE) {
        drop(task, &outcome, &task->job.err);
        return 0;
    }
    if (task->job.rc < 0) {
        *err = task->job.err;
        return -1;
    }
    if (task->duplicate && task->job.run == settle_fetch) {
        task->state = task->cancelled ? TASK_DROPPED : TASK_SPARE;
        return 0;
    }
    task->state = TASK_LANDED;
    if (task->held) {
        task->world->run->stats.value[STAT_RESUMED] += task->got;
        store_found(task->world->store, task->segment);
    } else {
        store_settled(task->world->store, task->segment, task->duplicate);
    }
    return 0;
}

void task_cancel(struct task *task)
{
    task->cancelled = true;
    task->resting = false;
    if (task->transfer)
        http_cancel(task->world->http, task->transfer);
    task->transfer = NULL;
    if (task->state != TASK_SETTLING)
        task->state = TASK_DROPPED;
}

void task_resume(struct task *task)
{
    if (!task->transfer)
        return;
    task->paused = false;
    http_resume(task->world->http, task->transfer);
}
