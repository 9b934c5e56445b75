#include "fetch/transfer.h"

#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "fetch/landing.h"
#include "fetch/room.h"
#include "fetch/speeds.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "ranks/nodes.h"
#include "report/trace.h"
#include "source/source.h"

enum {
    TRANSFER_PROGRESS = 64 << 10, /* bytes with which an attempt counts as progress */
    TRANSFER_SHORT = 1000, /* futile attempts in a row, if replies are valid but short */
    TRANSFER_FUTILE = 2    /* the same, of others, before the coordinator is asked */
};

/* On a pool thread. Writes of one task follow each other, so fd needs no lock. */
static int write_buffer(struct job *job)
{
    struct buffer *buffer = job->owner;
    struct task *task = buffer->task;

    return task_write(task, buffer->bytes, buffer->len,
                      buffer->at - task_range(task).begin, &job->err);
}

/* A pause ends on request, or with the transfer, which may then deliver what
 * was held back. */
static void end_pause(struct task *task)
{
    if (task_is_paused(task))
        task_enter(task, TASK_FETCHING);
}

static int buffer_written(struct job *job, struct err *err);

/* One write of a task at a time, so that they follow each other. */
static void write_next(struct task *task)
{
    struct buffer *buffer = task->full;

    if (task->writing || !buffer)
        return;
    task->writing = true;
    buffer->task = task;
    buffer->job =
        (struct job){ .run = write_buffer, .done = buffer_written, .owner = buffer };
    pool_submit(task->world->pool, &buffer->job, POOL_URGENT);
}

/* The buffer is full, or holds the end of the task. */
static void file_buffer(struct task *task)
{
    struct buffer *buffer = task->filling;

    task->filling = NULL;
    buffers_file(task->world->buffers, buffer, task->hashed_here);
    *task->last = buffer;
    task->last = &buffer->next;
    task->unwritten++;
    if (task->hashed_here)
        ahead_more(task->world->ahead, task->file);
    write_next(task);
}

static struct buffer *next_buffer(struct task *task)
{
    struct buffer *buffer = task->spare;

    task->spare = buffer->next;
    buffer->next = NULL;
    buffer->file = task->file;
    buffer->at = task_range(task).begin + task->got;
    return buffer;
}

/* Bytes go into the checksum while the copy is still in the cache of the processor. */
static int sink_large(struct task *task, const char *bytes, size_t len)
{
    if (!room_is_there(task, len))
        return HTTP_PAUSE;
    while (len > 0) {
        struct buffer *buffer = task->filling ? task->filling : next_buffer(task);
        size_t part = BUFFER_SIZE - buffer->len;

        task->filling = buffer;
        part = part < len ? part : len;
        memcpy(buffer->bytes + buffer->len, bytes, part);
        task_sum(task, buffer->bytes + buffer->len, part);
        buffer->len += part;
        task->got += part;
        bytes += part;
        len -= part;
        if (buffer->len == BUFFER_SIZE)
            file_buffer(task);
    }
    return 0;
}

static int pause_as(struct task *task, enum task_state state)
{
    task->waited = true;
    task_enter(task, state);
    return HTTP_PAUSE;
}

/* What came beyond the end of a task that was cut is dropped, until the transfer ends. */
static size_t wanted(const struct task *task, size_t len)
{
    uint64_t left = task_size(task) - task->got;

    return task->cut && len > left ? (size_t)left : len;
}

static int sink(void *owner, const void *bytes, size_t len)
{
    struct task *task = owner;
    struct task_world *world = task->world;
    bool limited = world->rate->per_second > 0;
    double now = limited ? clock_now() : 0;

    end_pause(task);
    if (!task->answered)
        speeds_begin(task);
    if (limited && rate_wait(world->rate, now) > 0)
        return pause_as(task, TASK_THROTTLED);
    if (!task->small) {
        if (sink_large(task, bytes, wanted(task, len)) == HTTP_PAUSE) {
            task->full_since = clock_now();
            return pause_as(task, TASK_FULL);
        }
    } else {
        if (task->got + len > task_size(task))
            return -1;
        memcpy(task->body + task->got, bytes, len);
        task->got += len;
    }
    world->run->stats.value[STAT_FETCHED] += len;
    spill_received(world->spill, len);
    if (limited)
        rate_spend(world->rate, len, now);
    return 0;
}

/* The token goes to the Hub's own origin only, and extra headers to the source's own: a
 * list may name files on any host, and a signed URL is on another host. */
static void add_secrets(const struct task *task, const char *url,
                        struct http_request *request)
{
    const struct run *run = task->world->run;

    if (run->access.endpoint && url_same_origin(url, run->access.endpoint)) {
        request->bearer = run->access.bearer;
        request->own = true;
    }
    if (url_same_origin(url, plan_text(&run->plan, run->plan.base))) {
        request->headers = run->opt.headers;
        request->own = true;
    }
}

static int request_rest(struct task *task, struct err *err)
{
    struct run *run = task->world->run;
    const struct plan_file *file = &run->plan.files[task->file];
    struct range range = task_range(task);
    struct http_request request = {
        .sink = sink,
        .owner = task,
        .checked = true,
        .ranged = !(file->flags & PLAN_WHOLE),
        .fresh = task->fresh || task->renew,
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
    task->renew = false;
    speeds_ask(task, url.data);
    run->stats.value[STAT_DATA_REQUESTS]++;
    if (*plan_text(&run->plan, run->plan.repo) && !task->url)
        run->stats.value[STAT_RESOLVE_REQUESTS]++;
    rc = http_start(task->world->http, &request, &task->transfer, err);
    strbuf_release(&url);
    return rc;
}

/* A git blob id needs another digest beside. What each node hashes from its disk is not
 * kept for that. */
static bool is_hashed_here(const struct task *task)
{
    const struct run *run = task->world->run;
    bool later = segments_of(&run->segments, task->file) > 1;

    return !task->small && run->plan.files[task->file].want.kind != DIGEST_GIT_BLOB &&
           !(later && nodes_prove(run, task->file));
}

int transfer_begin(struct task *task, struct err *err)
{
    if (task_make_room(task, err) < 0)
        return -1;
    task->hashed_here = is_hashed_here(task);
    if (task->hashed_here)
        ahead_begin(task->world->ahead, task->file, task_range(task).begin,
                    task_range(task).end);
    task_enter(task, TASK_FETCHING);
    return request_rest(task, err);
}

static int drained(struct task *task, struct err *err)
{
    if (task->filling && task->filling->len > 0)
        file_buffer(task);
    if (!task_idle(task))
        return 0;
    task_leave_slot(task);
    task_drop_buffers(task);
    return landing_begin(task, err);
}

static int buffer_written(struct job *job, struct err *err)
{
    struct buffer *buffer = job->owner;
    struct task *task = buffer->task;

    task->writing = false;
    task->full = buffer->next;
    task->last = task->full ? task->last : &task->full;
    task->unwritten--;
    buffers_written(task->world->buffers, buffer);
    if (job->rc < 0 && !task_is_recalled(task)) {
        *err = job->err;
        return -1;
    }
    if (task_is_fetching(task))
        write_next(task);
    return task->state == TASK_DRAINING ? drained(task, err) : 0;
}

/* Whether all bytes of the segment have arrived. How the connection ended after the last
 * one does not matter. */
static bool is_whole(const struct task *task, const struct http_response *response)
{
    const struct outcome *outcome = &response->outcome;
    bool ended = outcome->fault == NET_OK || outcome->fault == NET_CUT ||
                 outcome->fault == NET_TIMEOUT;

    return ended && outcome->status >= 200 && outcome->status < 300 &&
           task->got == task_size(task);
}

/* Whether the task should request the rest by itself: the request brought something, or
 * it is not yet the third in a row that brought next to nothing. Replies that are valid
 * but shorter than requested may be small for longer: some proxies do that. A file that
 * comes only whole begins again from its start: the coordinator decides that. */
static bool is_worth_another(struct task *task, const struct http_response *response)
{
    const struct outcome *outcome = &response->outcome;
    const struct plan_file *file = &task->world->run->plan.files[task->file];
    bool good = outcome->fault == NET_OK && task->got > task->got_before;
    bool cut = outcome->fault == NET_CUT || outcome->fault == NET_TIMEOUT;

    if ((file->flags & PLAN_WHOLE) || outcome->status >= 300 || (!good && !cut) ||
        (task->small && !good))
        return false;
    if (task->got - task->got_before >= TRANSFER_PROGRESS)
        task->futile = 0;
    else
        task->futile++;
    return task->got > 0 && task->futile <= (good ? TRANSFER_SHORT : TRANSFER_FUTILE);
}

/* A contradiction is tried once more on another connection, which may lead to another
 * node, before the coordinator hears of it. */
static bool is_worth_a_connection(struct task *task, const struct outcome *outcome)
{
    if (outcome->fault != NET_STALE || task->fresh)
        return false;
    task->fresh = true;
    return true;
}

/* If the Hub itself refuses, its headers say why: token, licence, name. */
static void explain(const struct task *task, const struct http_response *response,
                    struct err *why)
{
    const struct run *run = task->world->run;
    const char *path = plan_path(&run->plan, task->file);

    if (run->access.endpoint && !task->url && response->outcome.status >= 400) {
        source_refusal(path, response, run->access.bearer != NULL, why);
        return;
    }
    *why = response->err;
    if (why->code == ERR_NONE)
        err_set(why, ERR_NETWORK, "%s", retry_meaning(&response->outcome));
    if (why->reason == REASON_NONE)
        why->reason = retry_reason(&response->outcome);
    err_wrap(why, "'%s'", path);
}

int transfer_reply(struct task *task, const struct http_response *response,
                   struct err *err)
{
    struct outcome outcome = response->outcome;
    struct err why = { 0 };

    task->transfer = NULL;
    speeds_count(task, clock_now());
    end_pause(task);
    if (is_whole(task, response)) {
        task_enter(task, TASK_DRAINING);
        return drained(task, err);
    }
    if (is_worth_another(task, response) || is_worth_a_connection(task, &outcome)) {
        task->world->run->stats.value[STAT_RETRIED] += outcome.fault != NET_OK;
        task_enter(task, TASK_RESTING);
        return 0;
    }
    explain(task, response, &why);
    if (outcome.fault == NET_OK && outcome.status < 300)
        outcome.fault = NET_CUT; /* a valid reply without any bytes */
    task_fail(task, &outcome, &why);
    return 0;
}

int transfer_go_on(struct task *task, struct err *err)
{
    task_enter(task, TASK_FETCHING);
    return request_rest(task, err);
}

void transfer_break(struct task *task)
{
    double now = clock_now();

    end_pause(task);
    speeds_count(task, now);
    trace_span(task->world->run->trace, TRACE_FETCH, task->slot->number, task->segment, 1,
               task->began, now);
    http_cancel(task->world->http, task->transfer);
    task->transfer = NULL;
    task_enter(task, TASK_RESTING);
}

void transfer_resume(struct task *task)
{
    end_pause(task);
    http_resume(task->world->http, task->transfer);
}

bool transfer_may_cut(const struct task *task)
{
    return task_is_fetching(task) && task->state != TASK_DRAINING &&
           task->got < task_size(task);
}

uint32_t transfer_keeps(const struct task *task, uint32_t keep)
{
    uint32_t has = (uint32_t)(task->got / task->world->run->segments.size);

    /* A file in one piece has it or not. */
    if (task->count == 1)
        has = 0;
    keep = keep > has ? keep : has;
    return keep < task->count ? keep : task->count;
}

/* Nothing more comes, and what has come is enough. */
static int stop_here(struct task *task, struct err *err)
{
    trace_span(task->world->run->trace, TRACE_FETCH, task->slot->number, task->segment,
               task->count, task->began, clock_now());
    if (task->transfer)
        http_cancel(task->world->http, task->transfer);
    task->transfer = NULL;
    end_pause(task);
    if (task->state == TASK_RESTING)
        task_enter(task, TASK_FETCHING);
    task_enter(task, TASK_DRAINING);
    return drained(task, err);
}

/* What is not being written. A segment ends with a buffer. */
static void forget_surplus(struct task *task, uint64_t size, uint64_t before)
{
    uint64_t begin = task_range(task).begin;
    struct buffer *buffer, **at = &task->full;

    ahead_drop(task->world->ahead, task->file, begin + size, begin + before);
    if (task->filling && task->filling->at >= begin + size) {
        buffers_drop(task->world->buffers, task->filling);
        task->filling = NULL;
    }
    if (task->writing)
        at = &task->full->next;
    while (*at && (*at)->at < begin + size)
        at = &(*at)->next;
    while ((buffer = *at) != NULL) {
        *at = buffer->next;
        task->unwritten--;
        buffers_drop(task->world->buffers, buffer);
    }
    task->last = at;
    task->got = size;
}

int transfer_cut(struct task *task, uint32_t keep, bool *untouched, struct err *err)
{
    uint64_t before = task_size(task), size;

    task->cut |= keep < task->count;
    task->count = keep;
    size = task_size(task);
    *untouched = task->got <= size;
    if (!*untouched)
        forget_surplus(task, size, before);
    return task->state != TASK_WAITING && task->got == size ? stop_here(task, err) : 0;
}

int transfer_end_cut(struct task *task, struct err *err)
{
    return task->cut && task->transfer && task->got >= task_size(task)
               ? stop_here(task, err)
               : 0;
}
