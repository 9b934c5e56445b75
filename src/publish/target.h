/* publish/target.h -- where a run publishes: a directory, or the cache of the Hub's
 * library. What the phases before and after the fetch ask is answered here for either
 * layout.
 *
 * Life cycle   target_look; target_claim and target_build unless all is
 *              there; target_commit, then
 *              target_clean once all nodes have looked; target_release. All on rank 0. */
#ifndef PUBLISH_TARGET_H
#define PUBLISH_TARGET_H

#include "publish/cache.h"
#include "publish/dir.h"
#include "publish/visibility.h"

struct target {
    struct dir dir;     /* layout dir */
    struct cache cache; /* layout hf-cache, where run.opt.cache says so */
    struct existing *existing;
};

/* Find what is there, again if it was done before; *target is zeroed the first time.
 * run->published is set where there is a destination. whole: all that
 * the commit of a Hub repository holds, or NULL. Writes nothing. */
int target_look(struct target *target, struct run *run, const struct plan *whole,
                struct err *err);

/* Whether bytes of file i are there to be hashed. */
bool target_found(const struct target *target, size_t i);

/* Win a staging for what is missing, and read what former runs left (run->staging.resume): 0. 1:
 * another run had the same in hand, look again. */
int target_claim(struct target *target, struct err *err);

/* After target_claim: whether what was found before it may not hold any more. */
bool target_is_old(const struct target *target);

/* Where nothing is missing: remove what runs that are certainly gone have left. */
void target_sweep(struct target *target);

/* Files that are there and are marked as wrong are to be fetched. */
int target_drop_wrong(struct target *target, struct err *err);

int target_build(struct target *target, struct err *err);
int target_commit(struct target *target, struct visibility_mark *mark, struct err *err);
void target_clean(struct target *target);
void target_release(struct target *target);

#endif
