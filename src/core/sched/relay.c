#include "core/sched/relay.h"

#include <stdlib.h>

enum { NOWHERE = -1 };

/* The hash of one file of several segments. Chains that have a job to give wait in a
 * queue, so that relay_next alternates between files. */
struct chain {
    uint32_t next, end; /* segments: the first that is not hashed; behind the last */
    uint32_t job;       /* first segment of the outstanding job */
    uint32_t count;     /* its length; 0: none */
    int rank;           /* which has it */
    bool stale;         /* its answer is to be ignored */
    bool queued;
    struct chain *behind;
    struct midstate state; /* before next */
};

struct relay {
    const struct segments *segments;
    struct chain *chain;
    uint32_t *of; /* chain number of each file, counted from 1; 0: a file without one */
    int *owner;   /* of each segment */
    uint32_t nchains, open;
    struct chain *head, *tail;
};

int relay_create(struct relay **out, const struct segments *segments, struct err *err)
{
    size_t nfiles = segments->plan->nfiles;
    struct relay *relay = calloc(1, sizeof(*relay));
    int rc = -1;

    *out = NULL;
    if (!relay)
        return err_memory(err, "relay");
    relay->segments = segments;
    for (uint32_t file = 0; file < nfiles; file++)
        relay->nchains += segments_of(segments, file) > 1;
    relay->chain = calloc((size_t)relay->nchains + 1, sizeof(*relay->chain));
    relay->of = calloc(nfiles + 1, sizeof(*relay->of));
    relay->owner = malloc(((size_t)segments->count + 1) * sizeof(*relay->owner));
    if (!relay->chain || !relay->of || !relay->owner) {
        err_memory(err, "relay");
        goto out;
    }
    for (uint32_t segment = 0; segment < segments->count; segment++)
        relay->owner[segment] = NOWHERE;
    for (uint32_t file = 0; file < nfiles; file++) {
        if (segments_of(segments, file) < 2)
            continue;
        relay->chain[relay->open] = (struct chain){ .next = segments->first[file],
                                                    .end = segments->first[file + 1],
                                                    .state = midstate_start() };
        relay->of[file] = ++relay->open;
    }
    *out = relay;
    relay = NULL;
    rc = 0;
out:
    relay_destroy(relay);
    return rc;
}

void relay_destroy(struct relay *relay)
{
    if (!relay)
        return;
    free(relay->chain);
    free(relay->of);
    free(relay->owner);
    free(relay);
}

static struct chain *chain_of(struct relay *relay, uint32_t file)
{
    uint32_t number = relay->of[file];

    return number ? &relay->chain[number - 1] : NULL;
}

static bool has_job(const struct relay *relay, const struct chain *chain)
{
    return chain->count == 0 && chain->next < chain->end &&
           relay->owner[chain->next] != NOWHERE;
}

static void enqueue(struct relay *relay, struct chain *chain)
{
    if (chain->queued || !has_job(relay, chain))
        return;
    chain->queued = true;
    chain->behind = NULL;
    if (relay->tail)
        relay->tail->behind = chain;
    else
        relay->head = chain;
    relay->tail = chain;
}

static struct chain *dequeue(struct relay *relay)
{
    struct chain *chain = relay->head;

    if (!chain)
        return NULL;
    relay->head = chain->behind;
    if (!relay->head)
        relay->tail = NULL;
    chain->queued = false;
    return chain;
}

void relay_stored(struct relay *relay, uint32_t segment, int rank)
{
    struct chain *chain = chain_of(relay, relay->segments->file[segment]);

    if (!chain || segment < chain->next)
        return;
    relay->owner[segment] = rank;
    enqueue(relay, chain);
}

bool relay_next(struct relay *relay, uint32_t most, struct relay_job *job)
{
    struct chain *chain;
    int rank;

    /* A chain may have lost its job while it was queued. */
    do {
        chain = dequeue(relay);
        if (!chain)
            return false;
    } while (!has_job(relay, chain));
    chain->job = chain->next;
    rank = relay->owner[chain->job];
    chain->count = 1;
    while (chain->count < most && chain->job + chain->count < chain->end &&
           relay->owner[chain->job + chain->count] == rank)
        chain->count++;
    chain->rank = rank;
    *job = (struct relay_job){
        .segment = chain->job, .count = chain->count, .rank = rank, .from = chain->state
    };
    return true;
}

static void job_ends(struct relay *relay, struct chain *chain)
{
    chain->count = 0;
    chain->stale = false;
    enqueue(relay, chain);
}

enum relay_state relay_advance(struct relay *relay, uint32_t segment,
                               const struct midstate *after)
{
    struct chain *chain = chain_of(relay, relay->segments->file[segment]);

    if (!chain || chain->count == 0 || chain->job != segment)
        return RELAY_MORE;
    if (!chain->stale) {
        chain->next = chain->job + chain->count;
        if (after)
            chain->state = *after;
    }
    if (!chain->stale && chain->next == chain->end) {
        chain->count = 0;
        relay->open--;
        return RELAY_DONE;
    }
    job_ends(relay, chain);
    return RELAY_MORE;
}

void relay_restart(struct relay *relay, uint32_t file)
{
    struct chain *chain = chain_of(relay, file);

    if (!chain)
        return;
    if (chain->next == chain->end)
        relay->open++;
    chain->next = relay->segments->first[file];
    chain->state = midstate_start();
    chain->stale = chain->count > 0;
    for (uint32_t segment = chain->next; segment < chain->end; segment++)
        relay->owner[segment] = NOWHERE;
}

bool relay_redo(struct relay *relay, uint32_t segment)
{
    uint32_t file = relay->segments->file[segment];
    const struct chain *chain = chain_of(relay, file);

    if (!chain || segment >= chain->next)
        return false;
    relay_restart(relay, file);
    return true;
}

static const struct chain *waits(const struct relay *relay, uint32_t segment)
{
    uint32_t number = relay->of[relay->segments->file[segment]];
    const struct chain *chain = number ? &relay->chain[number - 1] : NULL;

    return chain && segment >= chain->next && segment < chain->end ? chain : NULL;
}

int relay_owner(const struct relay *relay, uint32_t segment)
{
    return waits(relay, segment) ? relay->owner[segment] : NOWHERE;
}

bool relay_lacks(const struct relay *relay, uint32_t segment)
{
    return waits(relay, segment) && relay->owner[segment] == NOWHERE;
}

void relay_lose(struct relay *relay, uint32_t segment)
{
    struct chain *chain = chain_of(relay, relay->segments->file[segment]);

    if (!waits(relay, segment))
        return;
    relay->owner[segment] = NOWHERE;
    if (segment >= chain->job && segment - chain->job < chain->count)
        chain->stale = true;
}

void relay_drop(struct relay *relay, int rank)
{
    for (uint32_t i = 0; i < relay->nchains; i++) {
        struct chain *chain = &relay->chain[i];

        for (uint32_t segment = chain->next; segment < chain->end; segment++)
            if (relay->owner[segment] == rank)
                relay->owner[segment] = NOWHERE;
        if (chain->count > 0 && chain->rank == rank)
            job_ends(relay, chain);
    }
}

void relay_skip(struct relay *relay, uint32_t file)
{
    struct chain *chain = chain_of(relay, file);

    if (!chain || chain->next == chain->end)
        return;
    chain->next = chain->end;
    chain->stale = chain->count > 0;
    relay->open--;
}

bool relay_is_busy(const struct relay *relay, uint32_t file)
{
    uint32_t number = relay->of[file];

    return number && relay->chain[number - 1].count > 0;
}

bool relay_finished(const struct relay *relay)
{
    return relay->open == 0;
}
