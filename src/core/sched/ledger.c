#include "core/sched/ledger.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

int ledger_init(struct ledger *ledger, const struct queue_policy *policy,
                const struct shelf_groups *groups, struct err *err)
{
    const struct segments *segments = policy->segments;

    *ledger = (struct ledger){ .segments = segments, .now = -INFINITY };
    ledger->in[SEGMENT_PENDING] = segments->count;
    for (uint32_t i = 0; i < segments->count; i++)
        ledger->pending += segment_bytes(segments, i);
    ledger->state = calloc((size_t)segments->count + 1, sizeof(*ledger->state));
    ledger->dropped = calloc((size_t)segments->count + 1, sizeof(*ledger->dropped));
    ledger->withdrawn = calloc(segments->plan->nfiles + 1, 1);
    if (!ledger->state || !ledger->dropped || !ledger->withdrawn) {
        err_memory(err, "states of the segments");
        goto out;
    }
    if (credit_init(&ledger->credit, policy->nranks, err) == 0 &&
        lease_book_init(&ledger->book, segments->count, policy->nranks, err) == 0 &&
        shelves_init(&ledger->shelves, policy, groups, err) == 0)
        return 0;
out:
    ledger_release(ledger);
    return -1;
}

void ledger_release(struct ledger *ledger)
{
    credit_release(&ledger->credit);
    lease_book_release(&ledger->book);
    shelves_release(&ledger->shelves);
    free(ledger->state);
    free(ledger->dropped);
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
    uint64_t bytes = segment_bytes(ledger->segments, segment);

    assert(allowed);
    (void)allowed; /* where assertions are off */
    ledger->in[ledger->state[segment]]--;
    ledger->in[next]++;
    ledger->pending -= ledger->state[segment] == SEGMENT_PENDING ? bytes : 0;
    ledger->pending += next == SEGMENT_PENDING ? bytes : 0;
    ledger->state[segment] = (uint8_t)next;
}

static void all_enter(struct ledger *ledger, uint32_t first, uint32_t count,
                      enum segment_state next)
{
    for (uint32_t segment = first; segment < first + count; segment++)
        segment_enter(ledger, segment, next);
}

bool ledger_send(struct ledger *ledger, struct sched_action *action)
{
    uint32_t number = ledger->book.first[LINE_SEND];
    struct lease *lease = &ledger->book.lease[number];

    if (!number)
        return false;
    *action = (struct sched_action){ .kind = (enum sched_kind)lease->message,
                                     .rank = lease->rank,
                                     .count = 1,
                                     .segment = { lease->segment },
                                     .together = lease->keep };
    lease_line(&ledger->book, number, LINE_NONE);
    return true;
}

static void tell(struct ledger *ledger, uint32_t number, enum sched_kind what,
                 uint32_t keep)
{
    struct lease *lease = &ledger->book.lease[number];

    lease_enter(&ledger->book, number, LEASE_CUTTING);
    lease->message = (uint8_t)what;
    lease->keep = keep;
    lease_line(&ledger->book, number, LINE_SEND);
}

void ledger_take_back(struct ledger *ledger, uint32_t number)
{
    tell(ledger, number, SCHED_TAKE_BACK, 0);
}

void ledger_cut(struct ledger *ledger, uint32_t number, uint32_t keep)
{
    ledger->dropped[ledger->book.lease[number].segment] |= keep == 0;
    tell(ledger, number, SCHED_CUT, keep);
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
    shelves_mute(&ledger->shelves, rank, mute);
    if (mute) {
        holder->stash = ledger->credit.units[rank];
        credit_drop(&ledger->credit, rank);
    } else {
        ledger_credit(ledger, rank, holder->stash);
    }
}

bool ledger_grant(struct ledger *ledger, struct sched_action *action)
{
    struct taken taken = { .segment = action->segment, .most = SCHED_BATCH };
    int rank = shelves_take(&ledger->shelves, &ledger->credit, ledger->now, &taken);

    if (rank == CREDIT_NOBODY)
        return false;
    action->kind = SCHED_GRANT;
    action->rank = rank;
    action->count = taken.count;
    action->together = taken.together;
    credit_spend(&ledger->credit, rank);
    for (uint32_t i = 0; i < action->count; i++) {
        all_enter(ledger, action->segment[i], action->together, SEGMENT_LEASED);
        lease_open(&ledger->book, action->segment[i], action->together, rank,
                   ledger->now);
    }
    return true;
}

/* Segments of a lease that it does not bring. */
static void come_back(struct ledger *ledger, const struct lease *lease, uint32_t kept,
                      double not_before)
{
    const struct returned back = { .not_before = not_before,
                                   .segment = lease->segment + kept,
                                   .count = lease->count - kept,
                                   .heir = lease->heir,
                                   .avoid =
                                       lease->heir != lease->rank ? lease->rank : -1 };

    if (back.count == 0)
        return;
    all_enter(ledger, back.segment, back.count, SEGMENT_PENDING);
    queue_again(shelves_of(&ledger->shelves, back.segment), back);
    if (ledger->withdrawn[ledger->segments->file[back.segment]])
        for (uint32_t i = 0; i < back.count; i++)
            ledger_have(ledger, back.segment + i);
}

void ledger_done(struct ledger *ledger, uint32_t number, uint32_t count)
{
    struct lease lease = ledger->book.lease[number];

    count = count < lease.count ? count : lease.count;
    lease_learn(&ledger->book, number,
                segments_bytes(ledger->segments, lease.segment, count), ledger->now);
    lease_close(&ledger->book, number);
    all_enter(ledger, lease.segment, count, SEGMENT_STORED);
    come_back(ledger, &lease, count, -INFINITY);
}

void ledger_shortened(struct ledger *ledger, uint32_t number, uint32_t count)
{
    struct lease lease = ledger->book.lease[number];

    if (count == 0 || count > lease.count)
        return;
    lease_shorten(&ledger->book, number, count, ledger->now);
    come_back(ledger, &lease, count, -INFINITY);
}

void ledger_fall(struct ledger *ledger, uint32_t number, double not_before)
{
    struct lease lease = ledger->book.lease[number];

    lease_close(&ledger->book, number);
    come_back(ledger, &lease, 0, not_before);
}

void ledger_have(struct ledger *ledger, uint32_t segment)
{
    if (ledger->state[segment] != SEGMENT_PENDING)
        return;
    queue_drop(shelves_of(&ledger->shelves, segment), segment);
    segment_enter(ledger, segment, SEGMENT_STORED);
}

void ledger_restart(struct ledger *ledger, uint32_t first, uint32_t count, int not_by)
{
    struct queue *queue = shelves_of(&ledger->shelves, first);

    all_enter(ledger, first, count, SEGMENT_PENDING);
    queue_untie(queue, first, count);
    queue_again(queue, (struct returned){ .not_before = -INFINITY,
                                          .segment = first,
                                          .count = count,
                                          .heir = -1,
                                          .avoid = not_by });
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
        if (ledger->book.of[segment])
            return false;
    return true;
}

void ledger_return(struct ledger *ledger, uint32_t file)
{
    assert(ledger->withdrawn[file] && ledger_is_free(ledger, file));
    ledger->withdrawn[file] = 0;
    ledger->nwithdrawn--;
    ledger_restart(ledger, ledger->segments->first[file], 1, -1);
}
