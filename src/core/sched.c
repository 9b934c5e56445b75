#include "core/sched.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "core/copy.h"
#include "core/credit.h"
#include "core/lease.h"
#include "core/queue.h"

/* Seconds between two looks at all leases for late ones: that walk must cost nothing
 * beside the rest, and most looks change nothing. */
static const double look_least = 0.02, look_most = 0.25;

struct sched {
    const struct segments *segments;
    struct sched_policy policy;
    int nranks;
    uint8_t *state; /* of each segment */
    uint32_t in[SEGMENT_STATES];
    struct credit credit;
    struct queue queue;
    struct lease_book book;
    double now, hold, due;
    double looked, look_gap;
};

int sched_create(struct sched **out, const struct segments *segments, int nranks,
                 const struct sched_policy *policy, struct err *err)
{
    struct sched *sched = calloc(1, sizeof(*sched));
    int rc = -1;

    *out = NULL;
    if (!sched)
        return err_memory(err, "scheduler");
    sched->segments = segments;
    sched->policy = *policy;
    sched->nranks = nranks;
    sched->now = sched->hold = sched->looked = sched->due = -INFINITY;
    sched->look_gap = look_least;
    sched->in[SEGMENT_PENDING] = segments->count;
    sched->state = calloc((size_t)segments->count + 1, sizeof(*sched->state));
    if (!sched->state) {
        err_memory(err, "scheduler");
        goto out;
    }
    if (credit_init(&sched->credit, nranks, err) < 0 ||
        lease_book_init(&sched->book, segments->count, nranks, err) < 0 ||
        queue_init(&sched->queue, segments, nranks, policy->small, policy->batch_bytes,
                   err) < 0)
        goto out;
    *out = sched;
    sched = NULL;
    rc = 0;
out:
    sched_destroy(sched);
    return rc;
}

void sched_destroy(struct sched *sched)
{
    if (!sched)
        return;
    credit_release(&sched->credit);
    lease_book_release(&sched->book);
    queue_release(&sched->queue);
    free(sched->state);
    free(sched);
}

/* Somebody reported: whatever was decided about the time until then holds no more. */
static void wake(struct sched *sched)
{
    sched->due = -INFINITY;
}

static void tick(struct sched *sched, double now)
{
    sched->now = fmax(sched->now, now);
}

void sched_credit(struct sched *sched, int rank, uint32_t units)
{
    if (sched->book.holder[rank].retired)
        return;
    credit_add(&sched->credit, rank, units);
    wake(sched);
}

static struct copy_view view_of(const struct sched *sched)
{
    return (struct copy_view){ .book = &sched->book,
                               .credit = &sched->credit,
                               .segments = sched->segments,
                               .now = sched->now };
}

static bool help_stalled(struct sched *sched)
{
    struct copy_view view = view_of(sched);
    struct copy_choice choice;

    if (!copy_stalled(&view, sched->policy.stall, &choice, &sched->due))
        return false;
    if (copy_takes_back(&sched->book.lease[choice.lease]))
        stop(sched, choice.lease);
    else
        copy(sched, choice.lease, choice.rank);
    return true;
}

static bool help_late(struct sched *sched)
{
    struct copy_view view = view_of(sched);
    struct copy_choice choice[COPY_MOST];
    uint32_t n = 0;

    if (sched->in[SEGMENT_LEASED] == 0 || sched->nranks < 2)
        return false;
    if (sched->looked + sched->look_gap <= sched->now) {
        n = copy_late(&view, choice);
        sched->look_gap = n > 0 ? look_least : fmin(2 * sched->look_gap, look_most);
        sched->looked = sched->now;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct lease *lease = &sched->book.lease[choice[i].lease];

        if (!copy_takes_back(lease)) {
            copy(sched, choice[i].lease, choice[i].rank);
            continue;
        }
        lease->heir = choice[i].rank;
        sched->book.holder[choice[i].rank].expected++;
        stop(sched, choice[i].lease);
    }
    sched->due = fmin(sched->due, sched->looked + sched->look_gap);
    return n > 0;
}

bool sched_next(struct sched *sched, double now, struct sched_action *action)
{
    tick(sched, now);
    if (send_posted(sched, action))
        return true;
    sched->due = INFINITY;
    if (sched->credit.waiting == 0)
        return false;
    if (sched->now < sched->hold) {
        sched->due = sched->hold;
        return false;
    }
    if (help_stalled(sched))
        return send_posted(sched, action);
    if (grant(sched, action))
        return true;
    if (help_late(sched))
        return send_posted(sched, action);
    sched->due = fmin(sched->due, queue_due(&sched->queue));
    return false;
}

static uint32_t lease_of(const struct sched *sched, int rank, uint32_t segment)
{
    return sched->book.holder[rank].retired ? 0 : lease_find(&sched->book, segment, rank);
}

enum sched_verdict sched_done(struct sched *sched, int rank, uint32_t segment, double now)
{
    uint32_t number = lease_of(sched, rank, segment);
    enum sched_verdict verdict;

    tick(sched, now);
    wake(sched);
    if (!number)
        return SCHED_LATE;
    sched->look_gap = look_least;
    lease_learn(&sched->book, number, segment_bytes(sched->segments, segment),
                sched->now);
    if (sched->book.lease[number].slot == LEASE_FIRST)
        verdict = first_done(sched, number);
    else
        verdict = copy_done(sched, number);
    lease_watch(&sched->book, segment, sched->now);
    return verdict;
}

void sched_failed(struct sched *sched, int rank, uint32_t segment, double not_before)
{
    uint32_t number = lease_of(sched, rank, segment);

    if (number)
        fall(sched, number, not_before);
}

void sched_cancelled(struct sched *sched, int rank, uint32_t segment)
{
    sched_failed(sched, rank, segment, -INFINITY);
}

void sched_progress(struct sched *sched, int rank, uint32_t segment, uint64_t bytes,
                    double now)
{
    uint32_t number = lease_of(sched, rank, segment);
    struct lease *lease = &sched->book.lease[number];

    tick(sched, now);
    wake(sched);
    if (!number)
        return;
    if (lease->state == LEASE_QUEUED) {
        lease_enter(&sched->book, number, LEASE_RUNNING);
        lease->started = sched->now;
    } else if (bytes <= lease->bytes) {
        return;
    }
    lease->bytes = bytes;
    lease->moved = sched->now;
    if (lease->line == LINE_WATCH)
        lease_line(&sched->book, number, LINE_WATCH);
}

void sched_have(struct sched *sched, uint32_t segment)
{
    wake(sched);
    if (sched->state[segment] != SEGMENT_PENDING)
        return;
    queue_drop(&sched->queue, segment);
    segment_enter(sched, segment, SEGMENT_STORED);
}

void sched_restart(struct sched *sched, uint32_t segment, int not_by)
{
    uint32_t late = sched->book.of[segment][LEASE_COPY];

    wake(sched);
    if (sched->state[segment] != SEGMENT_STORED)
        return;
    segment_enter(sched, segment, SEGMENT_PENDING);
    /* A late copy is still to answer. Its last word would be taken for that on the next
     * grant, so the segment waits for it outside the queue. */
    if (late)
        sched->book.lease[late].avoid = not_by;
    else
        queue_again(&sched->queue, segment, -INFINITY, not_by);
}

void sched_retire(struct sched *sched, int rank)
{
    struct holder *holder = &sched->book.holder[rank];

    wake(sched);
    holder->retired = true;
    credit_drop(&sched->credit, rank);
    while (holder->first)
        fall(sched, holder->first, -INFINITY);
}

void sched_hold(struct sched *sched, double until)
{
    wake(sched);
    sched->hold = until;
}

bool sched_finished(const struct sched *sched)
{
    return sched->in[SEGMENT_STORED] == sched->segments->count;
}

double sched_due(const struct sched *sched)
{
    return sched->due;
}

uint32_t sched_pending(const struct sched *sched)
{
    return sched->in[SEGMENT_PENDING];
}

uint32_t sched_leased(const struct sched *sched)
{
    return sched->in[SEGMENT_LEASED];
}

uint32_t sched_stored(const struct sched *sched)
{
    return sched->in[SEGMENT_STORED];
}

uint32_t sched_held(const struct sched *sched, int rank)
{
    const struct holder *holder = &sched->book.holder[rank];
    uint32_t held = 0;

    for (int state = 0; state < LEASE_STATES; state++)
        held += holder->in[state];
    return held;
}
