/* base/err.h -- what went wrong, in words.
 *
 * Life cycle   a zeroed struct is "no error". err_set records the first cause, each room
 *              on the way up adds where with err_wrap, main prints it once.
 * Collective   no. Ranks agree on one error through ranks/agree.h. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/* The values are the exit codes of the program and of mpifetch_get. */
enum err_code {
    ERR_NONE = 0,
    ERR_DEFECT = 1,     /* no other class; out of memory too */
    ERR_USAGE = 2,      /* the request makes no sense */
    ERR_SOURCE = 3,     /* the source refused, or is not what it said it was */
    ERR_DIGEST = 4,     /* digests do not match, after a fresh fetch */
    ERR_DEST = 5,       /* destination or scratch refused: space, quota, permission */
    ERR_NETWORK = 6,    /* the network failed beyond all retries */
    ERR_INTERRUPTED = 7 /* a signal or a time limit */
};

struct err {
    enum err_code code;
    int rank; /* who saw it first; meaningful once ranks have agreed */
    bool
        unsure; /* a sync or a close failed, here or after what the text tells: what reads
                 * back may never have reached the disk. Ranks do not tell each other */
    char text[480];
};

#if defined(__GNUC__)
#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ERR_PRINTF(f, a)
#endif

/* Record a failure, unless one is recorded already: the first cause is the one worth
 * reading. A text that does not fit loses its middle, for "...". errno is left as it was.
 * A NULL err is allowed. Returns -1, so that a failing line is "return err_set(...)". */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Put where it happened in front of what happened, as "where: what". Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Make *err the same failure as from, whatever it was before. Returns -1. */
int err_copy(struct err *err, const struct err *from);

/* The one sentence for malloc. Returns -1. */
int err_memory(struct err *err, const char *what);

void err_clear(struct err *err);

#endif
