/* publish/target.h -- where a run publishes: a directory, or the cache of the Hub's
 * library. Nothing else depends on which of the two it is: each is a table of functions.
 *
 * Life cycle   target_look; target_claim and target_build unless all files exist;
 *              target_commit, then target_clean once all nodes have looked;
 *              target_release, which takes a zeroed struct as well. All on rank 0
 *              except target_peek. */
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

/* Find which files exist; may be repeated. *target is zeroed the first time. Sets
 * run->published if there is a destination. whole: all files of the commit of a Hub
 * repository, or NULL. Writes nothing. */
int target_look(struct target *target, struct run *run, const struct plan *whole,
                struct err *err);

/* Any rank, at any time: what readers of the destination get at this moment, in the form
 * of struct visibility_mark. false: nothing. */
bool target_peek(const struct run *run, const struct visibility_mark *mark,
                 char found[65]);

/* Whether readers of the destination get file i already. */
bool target_shows(const struct target *target, size_t i);

/* The directory that contains the existing files. */
const char *target_root(const struct target *target);

/* Whether file i exists, so that it can be hashed. */
bool target_found(const struct target *target, size_t i);

/* Once files that are unsure (staging/existing.h) have been hashed: ERR_DEST if one that
 * mpifetch did not create is wrong. */
int target_settle(struct target *target, struct err *err);

/* With a claim: record what was found without a record. ERR_DEST if that is there no
 * more. */
int target_adopt(struct target *target, struct err *err);

/* Claim a staging for what is missing, and read what former runs left
 * (run->staging.resume): 0. 1: another run was staging the same, look again. */
int target_claim(struct target *target, struct err *err);

/* After target_claim: whether what was found before may have changed. */
bool target_is_old(const struct target *target);

/* The directory of its stagings, into parent; whether one is there, of whatever run, so that what
 * is missing may be in it. */
bool target_is_staged(const struct target *target, struct strbuf *parent);

/* If no file is missing: remove what runs that are certainly gone have left, but for what
 * can be resumed of other content. */
void target_sweep(struct target *target);

/* Existing files that are marked as wrong are to be fetched. */
int target_drop_wrong(struct target *target, struct err *err);

/* For a plan, after target_look: ERR_DEST if it is certain that nothing could be built for
 * want of room or of access. Makes nothing. */
int target_foresee(const struct target *target, struct err *err);

int target_build(struct target *target, struct err *err);
/* Before target_commit, which does it if nobody else has: what does not show yet. */
int target_complete(struct target *target, struct err *err);
int target_commit(struct target *target, struct visibility_mark *mark, struct err *err);
void target_clean(struct target *target);
void target_release(struct target *target);

#endif
