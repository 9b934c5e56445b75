/* publish/target.h -- where a run publishes: a directory, or the cache of the Hub's
 * library. Which of the two is asked nowhere else: each is a table of functions.
 *
 * Life cycle   target_look; target_claim and target_build unless all is there;
 *              target_commit, then target_clean once all nodes have looked;
 *              target_release, which takes a zeroed struct as well. All on rank 0 but
 *              target_peek. */
#ifndef PUBLISH_TARGET_H
#define PUBLISH_TARGET_H

#include "publish/cache.h"
#include "publish/dir.h"
#include "publish/visibility.h"

struct target_ops;

struct target {
    const struct target_ops *ops;
    struct run *run;
    struct existing *existing; /* in one of these */
    union {
        struct dir dir;     /* layout dir */
        struct cache cache; /* layout hf-cache */
    };
};

/* Find what is there, again if it was done before; *target is zeroed the first time.
 * run->published is set where there is a destination. whole: all that
 * the commit of a Hub repository holds, or NULL. Writes nothing. */
int target_look(struct target *target, struct run *run, const struct plan *whole,
                struct err *err);

/* Any rank, at any time: what readers of the destination get at this moment, as the marks
 * of publish/visibility.h have it. false: nothing. */
bool target_peek(const struct run *run, char found[65]);

/* Whether readers of the destination get file i already. */
bool target_shows(const struct target *target, size_t i);

/* The directory below which what is there lies. */
const char *target_root(const struct target *target);

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
