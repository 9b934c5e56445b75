/* doctor/verdict.h -- what a call that was tried came to, in one number and in words; and
 * what several tries to take the same lock say of the locks of a file system. Pure. */
#ifndef DOCTOR_VERDICT_H
#define DOCTOR_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

/* An outcome is 0, an errno, or one of these. */
enum {
    OUTCOME_SILENT = -1, /* it did not end in time: the call hangs in the kernel */
    OUTCOME_WRONG = -2,  /* the call says that it was done, and it was not */
    OUTCOME_LOST = -3,   /* the process that should have tried is gone */
    OUTCOME_NONE = -4,   /* nobody tried */
    /* less an errno: what the call needs could not be made, so nothing is known */
    OUTCOME_UNPREPARED = -1000
};

/* The outcome where preparing the call came to reason, an errno. */
int verdict_unprepared(int reason);

/* It was tried, and cannot be done here, or is not done. Of a file system without room
 * nothing is known. */
bool verdict_refuses(int outcome);

/* No bytes, no inodes, or no quota was left, for the call or for its preparation. */
bool verdict_is_full(int outcome);

/* "ENOSYS: Function not implemented"; for the numbers above a few words. Returns out. */
const char *verdict_reason(char *out, size_t size, int outcome);

/* What has become of one lock. near is another process on the holder's node, far the
 * worst of one process on each other node. */
struct lock_outcomes {
    int hold, near, far;
};

enum lock_verdict {
    LOCK_UNTESTED,
    LOCK_EVERYWHERE, /* excludes, also between nodes */
    LOCK_ONE_NODE,   /* excludes on the node; there was no other node to try from */
    LOCK_NODE_ONLY,  /* excludes on a node, and not between nodes */
    LOCK_NOBODY,     /* everybody gets it */
    LOCK_UNEVEN,     /* some got or were denied it, others cannot lock at all */
    LOCK_REFUSED,    /* no lock for anybody */
    LOCK_SILENT,     /* a call hangs */
    LOCK_VERDICTS
};

enum lock_verdict verdict_lock(const struct lock_outcomes *outcomes);

/* The worse of two answers for lock_outcomes.far: whoever got a held lock counts most,
 * then who hung, then who was refused. */
int verdict_worse(int a, int b);

const char *verdict_lock_word(enum lock_verdict verdict);  /* for programs */
const char *verdict_lock_words(enum lock_verdict verdict); /* for people */

/* Of a few processes that all created the same file with O_EXCL, rounds times: 0 if each
 * round had one winner, OUTCOME_WRONG if one had more, else OUTCOME_NONE: where nobody
 * could create the file there was no race. */
int verdict_race(const unsigned *winners, unsigned rounds);

#endif
