/* core/sched/sched.h -- which rank fetches which segment, and when.
 *
 * Life cycle   sched_create; sched_credit when a rank can take more; sched_next until it
 *              returns false, carrying out each action; sched_done, sched_failed,
 *              sched_cancelled, sched_progress as ranks report; sched_finished;
 *              sched_destroy.
 * Time         an argument: seconds from any origin, never going back.
 * Cost         a grant takes amortised constant time, whatever the number of ranks and
 *              segments. Choosing a duplicate does not: that happens late in a run, and
 *              rarely.
 * Invariant    each segment is pending, leased or stored, and the counts add up.
 *
 * The order. Large segments first, in the order of each file, several files side by side
 * (so that hash chains run in parallel, each in order); files of one small segment last,
 * in batches, since the smallest units make the shortest tail. A rank gets the neighbour
 * of the segment it got last, if that is near the head of the queue.
 *
 * Copies. A lease is the assignment of one segment to one rank. Late in the run (nothing
 * is pending, a rank has credit), and for a lease without progress for `stall` seconds:
 *  - a lease that its rank has not started is taken back: SCHED_TAKE_BACK; once the rank
 *    answers (sched_cancelled) the segment is pending again;
 *  - otherwise another rank fetches it too: SCHED_DUPLICATE, at most one per segment. A
 *    file with PLAN_COUNTED is not copied because it is late, only if it has stalled.
 * Two ranks never write to the same file range: a duplicate lands in the rank's private
 * space. If the first rank finishes first, the duplicate is told SCHED_CANCEL, and the
 * verdict on it is SCHED_LATE, whatever it answers. If the duplicate lands first
 * (SCHED_WAIT), the first rank is told SCHED_CANCEL; only when it has answered that it
 * stopped (sched_cancelled, or sched_failed) the duplicate's rank is told SCHED_ADOPT:
 * move it to its final path and report done again, and that is SCHED_STORED. If the first
 * rank answers done after all, that counts, and the duplicate is told SCHED_CANCEL.
 *
 * The last word. A rank ends each segment it was granted with exactly one of done, failed
 * and cancelled; a SCHED_CANCEL (or SCHED_TAKE_BACK) that arrives after that is not
 * answered. A duplicate that is done has not ended: its rank keeps the copy, whatever the
 * verdict, until it is told SCHED_ADOPT (and ends with done or failed) or SCHED_CANCEL
 * (and ends with cancelled). A segment is not granted again to a rank whose last word on
 * it is outstanding. */
#ifndef CORE_SCHED_SCHED_H
#define CORE_SCHED_SCHED_H

#include "core/plan/segment.h"
#include "core/sched/sched_action.h"

struct sched_policy {
    double stall;         /* seconds without progress before a lease may be copied */
    bool no_copies;       /* leases are taken back, but never copied */
    uint64_t small;       /* a file of one segment of at most so many bytes is small */
    uint64_t batch_bytes; /* most bytes of small files in one grant */
};

struct sched;

int sched_create(struct sched **out, const struct segments *segments, int nranks,
                 const struct sched_policy *policy, struct err *err);
void sched_destroy(struct sched *sched);

/* The rank can take so many units more; a unit is a large segment, a batch or a
 * duplicate. */
void sched_credit(struct sched *sched, int rank, uint32_t units);

/* Grant the rank nothing more until it is unmuted: its credit waits. What it holds it
 * keeps. */
void sched_mute(struct sched *sched, int rank, bool mute);

/* false: nothing to do for the moment; ask again each turn, as time alone may bring
 * something. */
bool sched_next(struct sched *sched, double now, struct sched_action *action);

enum sched_verdict sched_done(struct sched *sched, int rank, uint32_t segment,
                              double now);

/* Back to pending (unless another copy lives), not before that time, and for another rank
 * if one has credit. */
void sched_failed(struct sched *sched, int rank, uint32_t segment, double not_before);

/* The rank has dropped it and will write no more of it. */
void sched_cancelled(struct sched *sched, int rank, uint32_t segment);

/* The rank has fetched so many bytes of it; 0 at the start of the transfer. */
void sched_progress(struct sched *sched, int rank, uint32_t segment, uint64_t bytes,
                    double now);

/* The rank is busy with it although no bytes arrive: it waits for its disk, or for a rate
 * limit. */
void sched_alive(struct sched *sched, int rank, uint32_t segment, double now);

/* Whether the segment is stored, or of a file that is withdrawn and was not being fetched:
 * what a rank still does with it is late. */
bool sched_has(const struct sched *sched, uint32_t segment);

/* Whether no other rank has the segment or fetches it, so that after a failure of this
 * one it must be fetched again. */
bool sched_alone(const struct sched *sched, int rank, uint32_t segment);

/* The segment is stored already (unchanged files, a former run). Nothing happens
 * if it is leased. */
void sched_have(struct sched *sched, uint32_t segment);

/* A stored segment must be fetched again, if possible by another rank than `not_by` (or
 * -1). Nothing happens if it is not stored. */
void sched_restart(struct sched *sched, uint32_t segment, int not_by);

/* A file turns out to come in one piece only. Nothing more of it is granted after
 * sched_withdraw; as soon as sched_is_free, since every lease of it has ended, the owner
 * of the segments makes the first one all of the file (PLAN_WHOLE) and calls sched_return,
 * after which it is granted. Until then the run is not finished. */
void sched_withdraw(struct sched *sched, uint32_t file);
bool sched_is_free(const struct sched *sched, uint32_t file);
void sched_return(struct sched *sched, uint32_t file);

/* Nothing is granted before that time, and no lease counts as stalled before it. */
void sched_hold(struct sched *sched, double until);

bool sched_finished(const struct sched *sched); /* all stored */
uint32_t sched_pending(const struct sched *sched);
uint32_t sched_leased(const struct sched *sched);
uint32_t sched_stored(const struct sched *sched);
/* Leases and duplicates that the rank holds. */
uint32_t sched_held(const struct sched *sched, int rank);

#endif
