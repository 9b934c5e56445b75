/* core/sched/relay.h -- one SHA-256 over a file whose segments are on many ranks.
 *
 * SHA-256 (FIPS 180-4) is sequential, but its state after whole 64-byte blocks is 40
 * bytes. The rank with segment k continues from the state that the rank with segment k-1
 * ended with, so no data is moved for hashing. Only files of several segments are
 * relayed: a file of one segment is hashed by the rank that fetched it.
 *
 * Life cycle   relay_create; relay_stored as segments land; relay_next until false, and
 *              send what it returns; relay_advance with the answer; relay_destroy.
 * Invariant    at most one job per file is outstanding. A job that was outstanding when
 *              its file was restarted or skipped stays so until it is answered; otherwise
 *              its answer would be taken for the answer to the next job. */
#ifndef CORE_SCHED_RELAY_H
#define CORE_SCHED_RELAY_H

#include "core/plan/segment.h"

struct relay_job {
    uint32_t segment; /* first of the run */
    uint32_t count;   /* neighbours that lie on the same rank */
    int rank;
    struct midstate from;
};

enum relay_state { RELAY_MORE, RELAY_DONE };

struct relay;

int relay_create(struct relay **out, const struct segments *segments, struct err *err);
void relay_destroy(struct relay *relay);

/* The segment is stored by that rank. A later call replaces an earlier one. */
void relay_stored(struct relay *relay, uint32_t segment, int rank);

/* most: the longest run, in segments: one chain must not occupy a rank for long. */
bool relay_next(struct relay *relay, uint32_t most, struct relay_job *job);

/* The run of segments that relay_next returned for this first segment is hashed.
 * RELAY_DONE after the last segment of the file: the digest came with the answer, and
 * `after` may be NULL. */
enum relay_state relay_advance(struct relay *relay, uint32_t segment,
                               const struct midstate *after);

/* Forget all of a file: its segments will be fetched and stored again. The answer to a
 * job that is outstanding then is ignored by relay_advance (RELAY_MORE). */
void relay_restart(struct relay *relay, uint32_t file);

/* The bytes of that segment come anew. true: others were hashed in their place, so all of the
 * file is forgotten as by relay_restart, and hashed from its start. */
bool relay_redo(struct relay *relay, uint32_t segment);

/* The rank that has a segment that is not hashed yet; -1: none, or it is hashed. */
int relay_owner(const struct relay *relay, uint32_t segment);

/* Nobody has that segment, and it is to be hashed. */
bool relay_lacks(const struct relay *relay, uint32_t segment);

/* Its rank does not have it any more, and may just be hashing something else. */
void relay_lose(struct relay *relay, uint32_t segment);

/* The rank has nothing any more, and answers nothing. */
void relay_drop(struct relay *relay, int rank);

/* The segments of a file are already verified and need no hashing. */
void relay_skip(struct relay *relay, uint32_t file);

/* A rank still hashes for that file. */
bool relay_is_busy(const struct relay *relay, uint32_t file);

bool relay_finished(const struct relay *relay); /* no file waits for a hash */

#endif
