#include "core/sched/sched.h"

#include <math.h>
#include <stdlib.h>

#include "core/sched/late.h"
#include "core/sched/ledger.h"
#include "core/sched/outlook.h"

/* Seconds between two searches of all leases for late ones: a search must cost little
 * compared with the rest, and most of them find nothing. */
static const double look_least = 0.02, look_most = 0.25;

struct sched {
    struct ledger ledger;
    bool no_cuts;
    double stall, hold;
    double looked, look_gap;
};

int sched_create(struct sched **out, const struct segments *segments, int nranks,
                 const struct sched_policy *policy, struct err *err)
{
    const struct queue_policy queue = { .segments = segments,
                                        .nranks = nranks,
                                        .slots = policy->slots,
                                        .small = policy->small,
                                        .batch_bytes = policy->batch_bytes };
    struct sched *sched = malloc(sizeof(*sched));

    *out = NULL;
    if (!sched)
        return err_memory(err, "scheduler");
    *sched = (struct sched){ .no_cuts = policy->no_cuts,
                             .stall = policy->no_cuts ? INFINITY : policy->stall,
                             .hold = -INFINITY,
                             .looked = -INFINITY,
                             .look_gap = look_least };
    if (ledger_init(&sched->ledger, &queue, policy->groups, err) < 0) {
        free(sched);
        return -1;
    }
    sched->ledger.limited = policy->limited;
    *out = sched;
    return 0;
}

void sched_destroy(struct sched *sched)
{
    if (!sched)
        return;
    ledger_release(&sched->ledger);
    free(sched);
}

static void tick(struct sched *sched, double now)
{
    sched->ledger.now = fmax(sched->ledger.now, now);
}

void sched_credit(struct sched *sched, int rank, uint32_t units)
{
    ledger_credit(&sched->ledger, rank, units);
}

void sched_slots(struct sched *sched, uint32_t slots)
{
    shelves_slots(&sched->ledger.shelves, slots);
}

void sched_mute(struct sched *sched, int rank, bool mute)
{
    ledger_mute(&sched->ledger, rank, mute);
}

static void help(struct ledger *ledger, const struct late_choice *choice)
{
    if (ledger->book.lease[choice->lease].state == LEASE_QUEUED)
        ledger_take_back(ledger, choice->lease);
    else
        ledger_cut(ledger, choice->lease, choice->keep);
}

static bool help_stalled(struct sched *sched)
{
    struct late_choice choice;

    if (!late_stalled(&sched->ledger, sched->stall, sched->hold, &choice))
        return false;
    help(&sched->ledger, &choice);
    return true;
}

static bool help_late(struct sched *sched)
{
    struct ledger *ledger = &sched->ledger;
    struct late_choice choice[LATE_MOST];
    uint32_t n = 0;

    if (ledger->in[SEGMENT_LEASED] == 0 || ledger->credit.nranks < 2)
        return false;
    if (sched->looked + sched->look_gap <= ledger->now) {
        n = late_choose(ledger, !sched->no_cuts, sched->hold, choice);
        sched->look_gap = n > 0 ? look_least : fmin(2 * sched->look_gap, look_most);
        sched->looked = ledger->now;
    }
    for (uint32_t i = 0; i < n; i++) {
        lease_bequeath(&ledger->book, choice[i].lease, choice[i].rank);
        help(ledger, &choice[i]);
    }
    return n > 0;
}

bool sched_next(struct sched *sched, double now, struct sched_action *action)
{
    struct ledger *ledger = &sched->ledger;

    tick(sched, now);
    if (ledger_send(ledger, action))
        return true;
    if (ledger->credit.waiting == 0 || ledger->now < sched->hold)
        return false;
    if (help_stalled(sched))
        return ledger_send(ledger, action);
    if (ledger_grant(ledger, action))
        return true;
    return help_late(sched) && ledger_send(ledger, action);
}

void sched_leave(struct sched *sched, int rank)
{
    const struct holder *holder = &sched->ledger.book.holder[rank];

    sched_mute(sched, rank, true);
    while (holder->first)
        ledger_fall(&sched->ledger, holder->first, -INFINITY);
}

/* 0 if the rank holds no lease of the segment. */
static uint32_t lease_of(const struct sched *sched, int rank, uint32_t segment)
{
    return lease_find(&sched->ledger.book, segment, rank);
}

bool sched_done(struct sched *sched, int rank, uint32_t segment, uint32_t count,
                double now)
{
    uint32_t lease = lease_of(sched, rank, segment);

    tick(sched, now);
    if (!lease)
        return false;
    sched->look_gap = look_least;
    ledger_done(&sched->ledger, lease, count);
    return true;
}

void sched_failed(struct sched *sched, int rank, uint32_t segment, double not_before)
{
    uint32_t lease = lease_of(sched, rank, segment);

    if (lease)
        ledger_fall(&sched->ledger, lease, not_before);
}

void sched_lost(struct sched *sched, int rank, uint32_t segment)
{
    uint32_t number = lease_of(sched, rank, segment);
    const struct lease *lease = &sched->ledger.book.lease[number];

    if (!number)
        return;
    queue_untie(shelves_of(&sched->ledger.shelves, lease->segment), lease->segment,
                lease->count);
    ledger_fall(&sched->ledger, number, -INFINITY);
}

void sched_cancelled(struct sched *sched, int rank, uint32_t segment)
{
    sched_failed(sched, rank, segment, -INFINITY);
}

void sched_shortened(struct sched *sched, int rank, uint32_t segment, uint32_t count,
                     double now)
{
    uint32_t lease = lease_of(sched, rank, segment);

    tick(sched, now);
    if (lease)
        ledger_shortened(&sched->ledger, lease, count);
}

void sched_progress(struct sched *sched, int rank, uint32_t segment, uint64_t bytes,
                    double now)
{
    uint32_t number = lease_of(sched, rank, segment);
    const struct lease *lease = &sched->ledger.book.lease[number];

    tick(sched, now);
    if (!number)
        return;
    lease_progress(&sched->ledger.book, number, bytes, sched->ledger.now);
    if (bytes >= segments_bytes(sched->ledger.segments, segment, lease->count))
        lease_alive(&sched->ledger.book, number, sched->ledger.now);
}

void sched_received(struct sched *sched, int rank, uint64_t received, double now)
{
    tick(sched, now);
    lease_received(&sched->ledger.book, rank, received, sched->ledger.now);
}

void sched_alive(struct sched *sched, int rank, uint32_t segment, double now)
{
    uint32_t lease = lease_of(sched, rank, segment);

    tick(sched, now);
    if (lease)
        lease_alive(&sched->ledger.book, lease, sched->ledger.now);
}

void sched_tie(struct sched *sched, uint32_t first, uint32_t count)
{
    queue_tie(shelves_of(&sched->ledger.shelves, first), first, count);
}

void sched_have(struct sched *sched, uint32_t segment)
{
    ledger_have(&sched->ledger, segment);
}

void sched_restart(struct sched *sched, uint32_t first, uint32_t count, int not_by)
{
    ledger_restart(&sched->ledger, first, count, not_by);
}

void sched_withdraw(struct sched *sched, uint32_t file)
{
    ledger_withdraw(&sched->ledger, file);
}

bool sched_is_withdrawn(const struct sched *sched, uint32_t file)
{
    return sched->ledger.withdrawn[file] != 0;
}

bool sched_is_free(const struct sched *sched, uint32_t file)
{
    return ledger_is_free(&sched->ledger, file);
}

void sched_return(struct sched *sched, uint32_t file)
{
    ledger_return(&sched->ledger, file);
}

void sched_hold(struct sched *sched, double until)
{
    sched->hold = fmax(sched->hold, until);
}

bool sched_finished(const struct sched *sched)
{
    return sched->ledger.nwithdrawn == 0 &&
           sched_stored(sched) == sched->ledger.segments->count;
}

uint32_t sched_pending(const struct sched *sched)
{
    return sched->ledger.in[SEGMENT_PENDING];
}

uint32_t sched_leased(const struct sched *sched)
{
    return sched->ledger.in[SEGMENT_LEASED];
}

uint32_t sched_stored(const struct sched *sched)
{
    return sched->ledger.in[SEGMENT_STORED];
}

uint32_t sched_held(const struct sched *sched, int rank)
{
    return lease_held(&sched->ledger.book, rank);
}

uint64_t sched_pending_bytes(const struct sched *sched)
{
    return sched->ledger.pending;
}

struct sched_load sched_load(const struct sched *sched, int rank)
{
    const struct lease_book *book = &sched->ledger.book;
    struct sched_load load = { .speed = outlook_speed(&sched->ledger, rank) };

    for (uint32_t i = book->holder[rank].first; i; i = book->lease[i].mine_behind) {
        const struct lease *lease = &book->lease[i];
        uint64_t bytes =
            segments_bytes(sched->ledger.segments, lease->segment, lease->count);

        load.leased += bytes;
        load.left += lease->bytes < bytes ? bytes - lease->bytes : 0;
    }
    return load;
}
