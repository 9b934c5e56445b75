/* core/sched/sched.h -- which rank fetches which segments, and when.
 *
 * Life cycle   sched_create; sched_credit when a rank can take more; sched_next until it
 *              returns false, carrying out each action; sched_done, sched_failed,
 *              sched_cancelled, sched_shortened, sched_progress as ranks report;
 *              sched_finished; sched_destroy.
 * Time         an argument: seconds from any origin, never going back.
 * Cost         a grant takes amortised constant time, whatever the number of ranks and
 *              segments. Choosing what to cut does not: that happens late in a run, and
 *              rarely.
 * Invariant    each segment is pending, leased or stored, and the counts add up.
 *
 * The order. Large files first, several side by side (so that hash chains run in parallel,
 * each in order); files of one small segment last, in batches, since the smallest units
 * make the shortest tail. A rank gets the neighbours of what it got last, if they are near
 * the head of the queue; how many depends on what is left (core/sched/queue.h).
 *
 * Where files do not suit all ranks (core/sched/shelves.h), what is below is so among those
 * that a file suits.
 *
 * The end. A lease is the assignment of neighbouring segments to one rank. Late in the run
 * (nothing is pending, a rank has credit), and for a lease without progress for `stall`
 * seconds:
 *  - a lease that its rank has not begun is taken back: SCHED_TAKE_BACK. The rank drops it
 *    (sched_cancelled); or it has begun after all and goes on (sched_shortened, to all of
 *    it);
 *  - another one is cut: SCHED_CUT. The rank keeps the segments that it has, but at least
 *    so many as the action says, and gives up the others: sched_shortened if it goes on,
 *    sched_done of those that it keeps if it has them, sched_cancelled if it keeps none. A
 *    file with PLAN_COUNTED is not cut because it is late, only if it has stalled.
 * Under a limit of the rate a late lease loses nothing that has come: a rank that gets it instead
 * would bring it at the cost of the others, and how fast it is does not show.
 * What a rank has given up is pending again once it has said so, and no sooner: two ranks
 * never write to the same file range. A rank that never answers is a lost one.
 *
 * The last word. A rank ends each lease with exactly one of done, failed and cancelled; an
 * action about a lease that has ended is not answered. */
#ifndef CORE_SCHED_SCHED_H
#define CORE_SCHED_SCHED_H

#include "core/plan/segment.h"
#include "core/sched/sched_action.h"
#include "core/sched/shelves.h"

struct sched_policy {
    uint32_t slots;       /* transfers of all ranks at a time, to begin with */
    double stall;         /* seconds without progress before a lease is cut */
    bool no_cuts;         /* leases are taken back, but never cut */
    bool limited;         /* all ranks share a limit of the rate: see "The end" */
    uint64_t small;       /* a file of one segment of at most so many bytes is small */
    uint64_t batch_bytes; /* most bytes of small files in one grant */
    const struct shelf_groups *groups; /* which ranks a file suits; NULL: all */
};

struct sched;

int sched_create(struct sched **out, const struct segments *segments, int nranks,
                 const struct sched_policy *policy, struct err *err);
void sched_destroy(struct sched *sched);

/* The rank can take so many units more; a unit is a lease of a large file, or a batch. */
void sched_credit(struct sched *sched, int rank, uint32_t units);

/* So many transfers of all ranks at a time from here on: what is left is shared by them. */
void sched_slots(struct sched *sched, uint32_t slots);

/* Grant the rank nothing more until it is unmuted: its credit waits. What it holds it
 * keeps. */
void sched_mute(struct sched *sched, int rank, bool mute);

/* The rank takes no further part, and nobody else sees what it writes: what it holds is
 * pending again at once. It is muted, and what it says of its leases changes nothing. */
void sched_leave(struct sched *sched, int rank);

/* false: nothing to do for the moment; ask again each turn, as time alone may bring
 * something. */
bool sched_next(struct sched *sched, double now, struct sched_action *action);

/* Here and below: of the lease that begins with that segment. Nothing happens if the rank
 * has none.
 *
 * The first so many of its segments are at their final path; it gave up the others. false:
 * the rank had no such lease. */
bool sched_done(struct sched *sched, int rank, uint32_t segment, uint32_t count,
                double now);

/* Back to pending, not before that time, and for another rank if one has credit. */
void sched_failed(struct sched *sched, int rank, uint32_t segment, double not_before);

/* The same, at once, and no longer tied: what a former run had left is of no use. */
void sched_lost(struct sched *sched, int rank, uint32_t segment);

/* The rank has dropped it and will write no more of it. */
void sched_cancelled(struct sched *sched, int rank, uint32_t segment);

/* The rank goes on with the first so many of its segments, and will write no more of the
 * others. */
void sched_shortened(struct sched *sched, int rank, uint32_t segment, uint32_t count,
                     double now);

/* The rank has fetched so many bytes of it; 0 at the start of the transfer. Once that is
 * all it waits for its disk, and is busy. */
void sched_progress(struct sched *sched, int rank, uint32_t segment, uint64_t bytes,
                    double now);

/* The rank has received so many bytes since the run began. */
void sched_received(struct sched *sched, int rank, uint64_t received, double now);

/* The rank is busy with it although no bytes arrive: it waits for a rate limit. */
void sched_alive(struct sched *sched, int rank, uint32_t segment, double now);

/* These neighbours are pending, and are granted by themselves and as a whole. */
void sched_tie(struct sched *sched, uint32_t first, uint32_t count);

/* The segment is stored already (unchanged files, a former run). Nothing happens
 * if it is leased. */
void sched_have(struct sched *sched, uint32_t segment);

/* So many neighbours, which are all stored, must be fetched again, if possible by another
 * rank than `not_by` (or -1). */
void sched_restart(struct sched *sched, uint32_t first, uint32_t count, int not_by);

/* A file turns out to come in one piece only. Nothing more of it is granted after
 * sched_withdraw; as soon as sched_is_free, since every lease of it has ended, the owner
 * of the segments makes the first one all of the file (PLAN_WHOLE) and calls sched_return,
 * after which it is granted. Until then the run is not finished. */
void sched_withdraw(struct sched *sched, uint32_t file);
bool sched_is_withdrawn(const struct sched *sched, uint32_t file);
bool sched_is_free(const struct sched *sched, uint32_t file);
void sched_return(struct sched *sched, uint32_t file);

/* Nothing is granted before that time, and no lease counts as stalled before it. */
void sched_hold(struct sched *sched, double until);

bool sched_finished(const struct sched *sched); /* all stored */
uint32_t sched_pending(const struct sched *sched);
uint32_t sched_leased(const struct sched *sched);
uint32_t sched_stored(const struct sched *sched);
uint64_t sched_pending_bytes(const struct sched *sched);
/* Leases that the rank holds. */
uint32_t sched_held(const struct sched *sched, int rank);

/* What they are, and how fast it fetches. */
struct sched_load {
    uint64_t leased; /* bytes */
    uint64_t left;   /* of them: those that it has not fetched, as far as it has said */
    double speed;    /* bytes a second; 0: not known */
};
struct sched_load sched_load(const struct sched *sched, int rank);

#endif
