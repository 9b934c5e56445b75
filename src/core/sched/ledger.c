#include "core/sched/ledger.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

int ledger_init(struct ledger *ledger, const struct segments *segments, int nranks,
                uint64_t small, uint64_t batch_bytes, struct err *err)
{
    *ledger = (struct ledger){ .segments = segments, .now = -INFINITY };
    ledger->in[SEGMENT_PENDING] = segments->count;
    ledger->state = calloc((size_t)segments->count + 1, sizeof(*ledger->state));
    ledger->withdrawn = calloc(segments->plan->nfiles + 1, 1);
    if (!ledger->state || !ledger->withdrawn) {
        err_memory(err, "states of the segments");
        goto out;
    }
    if (credit_init(&ledger->credit, nranks, err) == 0 &&
        lease_book_init(&ledger->book, segments->count, nranks, err) == 0 &&
        queue_init(&ledger->queue, segments, nranks, small, batch_bytes, err) == 0)
        return 0;
out:
    ledger_release(ledger);
    return -1;
}

void ledger_release(struct ledger *ledger)
{
    credit_release(&ledger->credit);
    lease_book_release(&ledger->book);
    queue_release(&ledger->queue);
    free(ledger->state);
    free(ledger->withdrawn);
    *ledger = (struct ledger){ 0 };
}

static void segment_enter(struct ledger *ledger, uint32_t segment,
                          enum segment_state next)
{
    /* pending to stored: a former run stored it. Back to pending: a wrong digest. */
    static const unsigned may_follow[SEGMENT_STATES] = {
        [SEGMENT_PENDING] = 1u << SEGMENT_LEASED | 1u << SEGMENT_STORED,
        [SEGMENT_LEASED] = 1u << SEGMENT_PENDING | 1u << SEGMENT_STORED,
        [SEGMENT_STORED] = 1u << SEGMENT_PENDING,
    };

    bool allowed = may_follow[ledger->state[segment]] & 1u << next;

    assert(allowed);
    (void)allowed; /* where assertions are off */
    ledger->in[ledger->state[segment]]--;
    ledger->in[next]++;
    ledger->state[segment] = (uint8_t)next;
}

static void post(struct ledger *ledger, uint32_t number, enum sched_kind kind)
{
    ledger->book.lease[number].message = (uint8_t)kind;
    lease_line(&ledger->book, number, LINE_SEND);
}

bool ledger_send(struct ledger *ledger, struct sched_action *action)
{
    uint32_t number = ledger->book.first[LINE_SEND];
    struct lease *lease = &ledger->book.lease[number];

    if (!number)
        return false;
    action->kind = (enum sched_kind)lease->message;
    action->rank = lease->rank;
    action->count = 1;
    action->segment[0] = lease->segment;
    lease->moved = ledger->now;
    lease_line(&ledger->book, number, LINE_NONE);
    lease_watch(&ledger->book, lease->segment, ledger->now);
    return true;
}

static void stop(struct ledger *ledger, uint32_t number, enum sched_kind how)
{
    struct lease *lease = &ledger->book.lease[number];

    /* A rank that was told to take back may have continued: a cancel must
     * still be sent. */
    if (lease->state == LEASE_STOPPING && lease->message == (uint8_t)SCHED_TAKE_BACK)
        post(ledger, number, how);
    if (lease->state == LEASE_STOPPING)
        return;
    if (lease->state == LEASE_QUEUED && lease->line == LINE_SEND) {
        ledger_credit(ledger, lease->rank, 1);
        lease_close(&ledger->book, number);
        return;
    }
    lease_enter(&ledger->book, number, LEASE_STOPPING);
    post(ledger, number, how);
}

void ledger_take_back(struct ledger *ledger, uint32_t number)
{
    stop(ledger, number, SCHED_TAKE_BACK);
}

void ledger_credit(struct ledger *ledger, int rank, uint32_t units)
{
    struct holder *holder = &ledger->book.holder[rank];

    if (holder->muted)
        holder->stash += units;
    else
        credit_add(&ledger->credit, rank, units);
}

void ledger_mute(struct ledger *ledger, int rank, bool mute)
{
    struct holder *holder = &ledger->book.holder[rank];

    if (holder->muted == mute)
        return;
    holder->muted = mute;
    if (mute) {
        holder->stash = ledger->credit.units[rank];
        credit_drop(&ledger->credit, rank);
    } else {
        ledger_credit(ledger, rank, holder->stash);
    }
}

void ledger_grant(struct ledger *ledger, int avoid, struct sched_action *action)
{
    int rank = credit_pick(&ledger->credit, avoid);

    if (rank == CREDIT_NOBODY)
        rank = avoid;
    action->kind = SCHED_GRANT;
    action->rank = rank;
    action->count = queue_take(&ledger->queue, ledger->now, rank, ledger->credit.takers,
                               action->segment, SCHED_BATCH);
    credit_spend(&ledger->credit, rank);
    for (uint32_t i = 0; i < action->count; i++) {
        segment_enter(ledger, action->segment[i], SEGMENT_LEASED);
        lease_open(&ledger->book, action->segment[i], LEASE_FIRST, rank, ledger->now);
        lease_watch(&ledger->book, action->segment[i], ledger->now);
    }
}

void ledger_copy(struct ledger *ledger, uint32_t number, int rank)
{
    uint32_t segment = ledger->book.lease[number].segment;
    bool first = ledger->book.lease[number].slot == LEASE_FIRST;
    uint32_t other;

    lease_disinherit(&ledger->book, number);
    other = lease_open(&ledger->book, segment, first ? LEASE_COPY : LEASE_FIRST, rank,
                       ledger->now);
    credit_spend(&ledger->credit, rank);
    /* If only a copy is left, nobody writes to the final path: it may be
     * fetched as usual. */
    post(ledger, other, first ? SCHED_DUPLICATE : SCHED_GRANT);
    lease_watch(&ledger->book, segment, ledger->now);
}

static void adopt(struct ledger *ledger, uint32_t number)
{
    lease_enter(&ledger->book, number, LEASE_ADOPTING);
    lease_promote(&ledger->book, number);
    post(ledger, number, SCHED_ADOPT);
}

static enum sched_verdict first_done(struct ledger *ledger, uint32_t number)
{
    uint32_t segment = ledger->book.lease[number].segment;
    uint32_t other = lease_other(&ledger->book, number);

    lease_close(&ledger->book, number);
    segment_enter(ledger, segment, SEGMENT_STORED);
    if (other)
        stop(ledger, other, SCHED_CANCEL);
    return SCHED_STORED;
}

static enum sched_verdict copy_done(struct ledger *ledger, uint32_t number)
{
    const struct lease *lease = &ledger->book.lease[number];
    uint32_t first = lease_other(&ledger->book, number);

    if (lease->state == LEASE_STOPPING)
        return SCHED_LATE;
    if (lease->state == LEASE_LANDED)
        return SCHED_WAIT;
    lease_enter(&ledger->book, number, LEASE_LANDED);
    if (first)
        stop(ledger, first, SCHED_CANCEL);
    if (!lease_other(&ledger->book, number))
        adopt(ledger, number);
    return SCHED_WAIT;
}

enum sched_verdict ledger_done(struct ledger *ledger, uint32_t number)
{
    const struct lease *lease = &ledger->book.lease[number];
    uint32_t segment = lease->segment;
    enum sched_verdict verdict;

    lease_learn(&ledger->book, number, segment_bytes(ledger->segments, segment),
                ledger->now);
    if (lease->slot == LEASE_FIRST)
        verdict = first_done(ledger, number);
    else
        verdict = copy_done(ledger, number);
    lease_watch(&ledger->book, segment, ledger->now);
    return verdict;
}

void ledger_fall(struct ledger *ledger, uint32_t number, double not_before)
{
    struct lease lease = ledger->book.lease[number];
    uint32_t other = lease_other(&ledger->book, number);

    lease_close(&ledger->book, number);
    if (ledger->state[lease.segment] == SEGMENT_PENDING)
        queue_again(&ledger->queue, lease.segment, -INFINITY, lease.avoid);
    if (ledger->state[lease.segment] != SEGMENT_LEASED)
        return;
    if (!other) {
        segment_enter(ledger, lease.segment, SEGMENT_PENDING);
        queue_again(&ledger->queue, lease.segment, not_before, lease.rank);
        if (ledger->withdrawn[ledger->segments->file[lease.segment]])
            ledger_have(ledger, lease.segment);
    } else if (ledger->book.lease[other].state == LEASE_LANDED) {
        adopt(ledger, other);
    } else {
        ledger->book.lease[other].copy_after =
            fmax(ledger->book.lease[other].copy_after, not_before);
        lease_watch(&ledger->book, lease.segment, ledger->now);
    }
}

void ledger_have(struct ledger *ledger, uint32_t segment)
{
    if (ledger->state[segment] != SEGMENT_PENDING)
        return;
    queue_drop(&ledger->queue, segment);
    segment_enter(ledger, segment, SEGMENT_STORED);
}

void ledger_restart(struct ledger *ledger, uint32_t segment, int not_by)
{
    uint32_t late = ledger->book.of[segment][LEASE_COPY];

    if (ledger->state[segment] != SEGMENT_STORED)
        return;
    segment_enter(ledger, segment, SEGMENT_PENDING);
    if (late)
        ledger->book.lease[late].avoid = not_by;
    else
        queue_again(&ledger->queue, segment, -INFINITY, not_by);
}

void ledger_withdraw(struct ledger *ledger, uint32_t file)
{
    const uint32_t *first = ledger->segments->first;

    ledger->nwithdrawn += !ledger->withdrawn[file];
    ledger->withdrawn[file] = 1;
    for (uint32_t segment = first[file]; segment < first[file + 1]; segment++)
        ledger_have(ledger, segment);
}

bool ledger_is_free(const struct ledger *ledger, uint32_t file)
{
    const uint32_t *first = ledger->segments->first;

    for (uint32_t segment = first[file]; segment < first[file + 1]; segment++)
        for (unsigned slot = 0; slot < LEASE_SLOTS; slot++)
            if (ledger->book.of[segment][slot])
                return false;
    return true;
}

void ledger_return(struct ledger *ledger, uint32_t file)
{
    assert(ledger->withdrawn[file] && ledger_is_free(ledger, file));
    ledger->withdrawn[file] = 0;
    ledger->nwithdrawn--;
    ledger_restart(ledger, ledger->segments->first[file], -1);
}
