#include "fetch/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/blocks.h"
#include "report/trace.h"

/* A job that takes a strand as far as there are bytes in memory. */
struct ahead_run {
    struct ahead_run *next;
    struct job job;
    struct ahead *ahead;
    struct ahead_strand *strand;
    uint32_t file;
    uint64_t from, to; /* hashed */
};

int ahead_open(struct ahead *ahead, struct run *run, struct buffers *buffers,
               struct pool *pool, struct err *err)
{
    *ahead = (struct ahead){ .run = run, .buffers = buffers, .pool = pool };
    lock_init(&ahead->lock);
    ahead->strand = calloc(AHEAD_STRANDS, sizeof(*ahead->strand));
    return ahead->strand ? 0 : err_memory(err, "the list of files to hash");
}

void ahead_release(struct ahead *ahead)
{
    while (ahead->first) {
        struct ahead_run *run = ahead->first;

        ahead->first = run->next;
        free(run);
    }
    free(ahead->strand);
    if (ahead->run)
        lock_destroy(&ahead->lock);
    *ahead = (struct ahead){ 0 };
}

/* What follows, down to step, is called with the lock held. */

static struct ahead_strand *find(struct ahead *ahead, uint32_t file)
{
    for (unsigned i = 0; i < AHEAD_STRANDS; i++) {
        struct ahead_strand *strand = &ahead->strand[i];

        if (strand->used && !strand->gone && strand->file == file)
            return strand;
    }
    return NULL;
}

/* Not before nobody looks at it. */
static void forget(struct ahead_strand *strand)
{
    strand->gone = true;
    strand->used = strand->queued || strand->running;
}

/* NULL: threads are at all of them. */
static struct ahead_strand *fill(struct ahead *ahead, uint32_t file,
                                 const struct midstate *from)
{
    for (unsigned i = 0; i < 2 * AHEAD_STRANDS; i++) {
        struct ahead_strand *strand = &ahead->strand[ahead->turn++ % AHEAD_STRANDS];

        if (strand->queued || strand->running || (strand->used && i < AHEAD_STRANDS))
            continue;
        *strand = (struct ahead_strand){ .used = true,
                                         .whole = from->bytes == 0,
                                         .file = file,
                                         .asked = from->bytes,
                                         .reached = from->bytes,
                                         .state = *from };
        return strand;
    }
    return NULL;
}

static uint64_t unit(const struct ahead *ahead)
{
    return ahead->run->segments.size;
}

static struct midstate *mark_of(struct ahead *ahead, struct ahead_strand *strand,
                                uint64_t at)
{
    return &strand->mark[at / unit(ahead) % AHEAD_MARKS];
}

static bool is_same(const struct midstate *a, const struct midstate *b)
{
    return a->bytes == b->bytes && memcmp(a->h, b->h, sizeof(a->h)) == 0;
}

/* Whether it came by that midstate. Where a thread is at it, by what that has noted. */
static bool agrees(struct ahead *ahead, struct ahead_strand *strand,
                   const struct midstate *state)
{
    if (state->bytes == 0)
        return strand->whole;
    return is_same(mark_of(ahead, strand, state->bytes), state) ||
           (!strand->running && is_same(&strand->state, state));
}

/* Whether it has come by bytes behind that place, or a thread may be at them. */
static bool is_beyond(struct ahead *ahead, const struct ahead_strand *strand, uint64_t at)
{
    if (!strand->running)
        return strand->ended || strand->state.bytes > at;
    return strand->goal > at || strand->reached > at ||
           (strand->reached == at &&
            buffers_next(ahead->buffers, strand->file, at, at + 1) == at);
}

/* Back to a place where a segment ended, if it is beyond. */
static void rewind_to(struct ahead *ahead, struct ahead_strand *strand, uint64_t at)
{
    const struct midstate start = midstate_start(), *back = mark_of(ahead, strand, at);

    if (!is_beyond(ahead, strand, at))
        return;
    if (at == 0 && strand->whole)
        back = &start;
    if (strand->running || back->bytes != at || (at == 0 && !strand->whole)) {
        forget(strand);
        return;
    }
    strand->state = *back;
    strand->reached = at;
    strand->ended = false;
    for (size_t i = 0; i < AHEAD_MARKS; i++)
        if (strand->mark[i].bytes > at)
            strand->mark[i] = (struct midstate){ 0 };
}

/* The digest ends with the file, which may end within a block of SHA-256. */
static void step(struct ahead *ahead, struct ahead_strand *strand, const char *bytes,
                 size_t len)
{
    uint64_t size = ahead->run->plan.files[strand->file].size;

    bool ends = strand->state.bytes + len == size;

    if (ends)
        sha256_end(&strand->state, bytes, len, strand->sha256);
    else
        sha256_blocks(&strand->state, bytes, len);
    lock_take(&ahead->lock);
    strand->ended = ends;
    strand->reached = ends ? size : strand->state.bytes;
    if (!ends && strand->state.bytes % unit(ahead) == 0)
        *mark_of(ahead, strand, strand->state.bytes) = strand->state;
    lock_leave(&ahead->lock);
}

static bool step_in_memory(struct ahead *ahead, struct ahead_strand *strand)
{
    struct buffer *buffer =
        buffers_hold(ahead->buffers, strand->file, strand->state.bytes);

    if (!buffer)
        return false;
    step(ahead, strand, buffer->bytes, buffer->len);
    buffers_hashed(ahead->buffers, buffer);
    return true;
}

/* How far a strand may come before more is asked for, so that nothing it has noted is
 * overwritten. In a file of one segment nobody asks for what it notes. */
static uint64_t limit_of(const struct ahead *ahead, const struct ahead_strand *strand)
{
    if (segments_of(&ahead->run->segments, strand->file) == 1)
        return UINT64_MAX;
    return strand->asked + (AHEAD_MARKS - 1) * unit(ahead);
}

/* Whether a job may begin, or go on: nobody else wants it. The lock is held. */
static bool may_run(const struct ahead *ahead, const struct ahead_strand *strand)
{
    return !strand->gone && !strand->wanted && !strand->ended &&
           strand->state.bytes < limit_of(ahead, strand);
}

static void let_go(struct ahead *ahead, struct ahead_strand *strand)
{
    lock_take(&ahead->lock);
    strand->running = false;
    strand->used = !strand->gone;
    lock_tell(&ahead->lock);
    lock_leave(&ahead->lock);
}

static bool goes_on(struct ahead *ahead, const struct ahead_strand *strand)
{
    bool may;

    lock_take(&ahead->lock);
    may = may_run(ahead, strand);
    lock_leave(&ahead->lock);
    return may && !pool_stopping(ahead->pool);
}

static int run_ahead(struct job *job)
{
    struct ahead_run *run = job->owner;
    struct ahead *ahead = run->ahead;
    struct ahead_strand *strand = run->strand;
    bool mine;

    lock_take(&ahead->lock);
    strand->queued = false;
    mine = !strand->gone && !strand->running;
    strand->running |= mine;
    strand->used = !strand->gone || strand->running;
    lock_leave(&ahead->lock);
    if (!mine)
        return 0;
    run->from = strand->state.bytes;
    while (goes_on(ahead, strand) && step_in_memory(ahead, strand))
        ;
    run->to = strand->state.bytes;
    let_go(ahead, strand);
    return 0;
}

static void note_run(const struct ahead_run *run)
{
    const struct segments *segments = &run->ahead->run->segments;
    uint32_t first = segments->first[run->file] + (uint32_t)(run->from / segments->size);

    if (run->to > run->from)
        trace_span(run->ahead->run->trace, TRACE_HASH, (unsigned)run->job.thread, first,
                   (uint32_t)((run->to - run->from) / segments->size) + 1,
                   run->job.started, run->job.ended);
}

static int run_ended(struct job *job, struct err *err)
{
    struct ahead_run *run = job->owner, **at = &run->ahead->first;
    struct ahead *ahead = run->ahead;
    uint32_t file = run->file;

    (void)err;
    note_run(run);
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    free(run);
    ahead_more(ahead, file); /* it may have come in between */
    return 0;
}

/* Whether there is something to do. The lock is held. */
static bool can_run(struct ahead *ahead, const struct ahead_strand *strand)
{
    uint64_t at;

    if (strand->queued || strand->running || !may_run(ahead, strand))
        return false;
    at = strand->state.bytes;
    return buffers_next(ahead->buffers, strand->file, at, at + 1) == at;
}

void ahead_more(struct ahead *ahead, uint32_t file)
{
    struct ahead_run *run = NULL;
    struct ahead_strand *strand;

    lock_take(&ahead->lock);
    strand = find(ahead, file);
    /* Without memory it is hashed once it is asked for. */
    if (strand && can_run(ahead, strand) && (run = calloc(1, sizeof(*run))) != NULL)
        strand->queued = true;
    lock_leave(&ahead->lock);
    if (!run)
        return;
    run->ahead = ahead;
    run->strand = strand;
    run->file = file;
    run->job = (struct job){ .run = run_ahead, .done = run_ended, .owner = run };
    run->next = ahead->first;
    ahead->first = run;
    pool_submit(ahead->pool, &run->job, POOL_CHAIN);
}

void ahead_drop(struct ahead *ahead, uint32_t file, uint64_t from, uint64_t to)
{
    struct ahead_strand *strand;

    lock_take(&ahead->lock);
    strand = find(ahead, file);
    if (strand)
        rewind_to(ahead, strand, from);
    lock_leave(&ahead->lock);
    buffers_forget(ahead->buffers, file, from, to);
}

void ahead_begin(struct ahead *ahead, uint32_t file, uint64_t from, uint64_t to)
{
    const struct midstate start = midstate_start();

    ahead_drop(ahead, file, from, to);
    lock_take(&ahead->lock);
    if (from == 0 && !find(ahead, file))
        fill(ahead, file, &start);
    lock_leave(&ahead->lock);
}

/* The midstate or the digest that it has noted. The lock is held. */
static bool has_noted(struct ahead *ahead, struct ahead_strand *strand, uint64_t end,
                      struct midstate *state, uint8_t *digest)
{
    const struct midstate *mark = mark_of(ahead, strand, end);

    if (digest ? strand->running || !strand->ended : mark->bytes != end)
        return false;
    if (digest)
        memcpy(digest, strand->sha256, sizeof(strand->sha256));
    else
        *state = *mark;
    strand->asked = end;
    return true;
}

bool ahead_has(struct ahead *ahead, uint32_t segment, uint32_t count,
               struct midstate *state, uint8_t *digest)
{
    const struct segments *segments = &ahead->run->segments;
    struct ahead_strand *strand;
    bool has;

    lock_take(&ahead->lock);
    strand = find(ahead, segments->file[segment]);
    has = strand && agrees(ahead, strand, state) &&
          has_noted(ahead, strand, segments_range(segments, segment, count).end, state,
                    digest);
    if (has && digest)
        forget(strand);
    lock_leave(&ahead->lock);
    return has;
}

/* The strand that came by that midstate, or one that begins with it: `own` if there is no
 * other. It runs. */
static struct ahead_strand *claim(struct ahead *ahead, uint32_t file,
                                  const struct midstate *state, uint64_t end,
                                  struct ahead_strand *own)
{
    struct ahead_strand *strand;

    lock_take(&ahead->lock);
    while ((strand = find(ahead, file)) != NULL && strand->running) {
        strand->wanted = true;
        lock_wait(&ahead->lock);
    }
    if (strand && !agrees(ahead, strand, state)) {
        forget(strand);
        strand = NULL;
    }
    if (!strand)
        strand = fill(ahead, file, state);
    if (!strand) {
        *own = (struct ahead_strand){ .file = file, .state = *state };
        strand = own;
    }
    strand->running = true;
    strand->wanted = false;
    strand->goal = end;
    lock_leave(&ahead->lock);
    return strand;
}

/* From the disk, up to what is in memory or lies elsewhere. */
static int read_gap(struct ahead *ahead, const struct store *store,
                    struct ahead_strand *strand, uint64_t end, struct err *err)
{
    const struct segments *segments = &ahead->run->segments;
    uint64_t at = strand->state.bytes, stop;
    uint32_t first = segments->first[strand->file], segment = first, count, n;
    struct blocks in = { .pool = ahead->pool, .most = BUFFER_SIZE };
    struct store_place source;
    int rc;

    if (segments_of(segments, strand->file) > 1)
        segment = first + (uint32_t)(at / segments->size);
    count = segments_of(segments, strand->file) - (segment - first);
    n = store_source(store, segment, count, &source);
    stop = segments_range(segments, segment, n).end;
    end = buffers_next(ahead->buffers, strand->file, at, end < stop ? end : stop);
    in.dir = source.dir;
    in.name = source.name;
    in.next = source.offset + (at - segment_range(segments, segment).begin);
    in.end = in.next + (end - at);
    in.direct = store_direct(store, segment);
    if (blocks_open(&in, err) < 0)
        return -1;
    while ((rc = blocks_next(&in, err)) > 0)
        step(ahead, strand, in.bytes, in.len);
    blocks_close(&in);
    return rc;
}

static int go_on_to(struct ahead *ahead, const struct store *store,
                    struct ahead_strand *strand, uint64_t end, struct err *err)
{
    while (!strand->ended && strand->state.bytes < end) {
        if (pool_stopping(ahead->pool))
            return err_set(err, ERR_INTERRUPTED, "interrupted");
        if (!step_in_memory(ahead, strand) &&
            read_gap(ahead, store, strand, end, err) < 0)
            return -1;
    }
    return 0;
}

int ahead_finish(struct ahead *ahead, const struct store *store, uint32_t segment,
                 uint32_t count, struct midstate *state, uint8_t *digest, struct err *err)
{
    const struct segments *segments = &ahead->run->segments;
    uint32_t file = segments->file[segment];
    uint64_t begin = state->bytes, end = segments_range(segments, segment, count).end;
    struct ahead_strand own, *strand;
    int rc;

    if (ahead_has(ahead, segment, count, state, digest))
        return 0;
    strand = claim(ahead, file, state, end, &own);
    rc = go_on_to(ahead, store, strand, end, err);
    lock_take(&ahead->lock);
    strand->running = false;
    strand->goal = 0;
    if (rc == 0 && !has_noted(ahead, strand, end, state, digest))
        *state = strand->state; /* no segment ends here but the file's */
    if (digest || rc < 0 || strand->gone)
        forget(strand);
    lock_tell(&ahead->lock);
    lock_leave(&ahead->lock);
    buffers_forget(ahead->buffers, file, begin, end);
    return rc;
}
