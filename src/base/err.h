/* base/err.h -- an error: a class, and one sentence for the user.
 *
 * Life cycle   a zeroed struct is "no error". err_set records the cause; callers add with
 *              err_wrap where it happened; main prints it once.
 * Collective   no. Ranks agree on one error through ranks/agree.h. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/* The values are the exit codes of the program and of mpifetch_get. */
enum err_code {
    ERR_NONE = 0,
    ERR_DEFECT = 1,     /* no other class; out of memory too */
    ERR_USAGE = 2,      /* options or arguments that cannot be used */
    ERR_SOURCE = 3,     /* the source refused, or sent something else than announced */
    ERR_DIGEST = 4,     /* digests do not match, after a fresh fetch */
    ERR_DEST = 5,       /* destination or scratch refused: space, quota, permission */
    ERR_NETWORK = 6,    /* the network failed beyond all retries */
    ERR_INTERRUPTED = 7 /* a signal or a time limit */
};

/* What the code says not, where it is known for sure: a program may act on it. The values are
 * those of enum mpifetch_reason. */
enum err_reason {
    REASON_NONE,
    REASON_REPOSITORY_NOT_FOUND,
    REASON_REVISION_NOT_FOUND,
    REASON_ENTRY_NOT_FOUND,
    REASON_GATED,
    REASON_DISABLED,
    REASON_BAD_TOKEN,
    REASON_UNAUTHORIZED,
    REASON_FORBIDDEN,
    REASON_TOO_MANY_REQUESTS,
    REASON_OFFLINE,
    REASON_UNREACHABLE,
    REASON_DISK_FULL,
    REASON_QUOTA,
    REASON_PERMISSION,
    REASON_NOT_OURS,
    REASON_MEMORY,
    REASON_RANK_LOST,
    REASON_COUNT
};

struct err {
    enum err_code code;
    enum err_reason reason;
    int rank; /* that saw it first; meaningful once ranks have agreed */
    /* Not 0: a sync or a close failed, before or after what the text says, so data that
     * reads back well may never have reached the disk. The clock as that call began. Not
     * sent to other ranks. */
    double unsure;
    char text[480];
};

#if defined(__GNUC__)
#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ERR_PRINTF(f, a)
#endif

/* Record a failure, unless one is recorded already: the first cause counts. The middle of
 * a text that does not fit is replaced by "...". errno is preserved. err may be NULL.
 * Returns -1, so that a failing line is "return err_set(...)". */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* The same, with its reason. */
int err_set_why(struct err *err, enum err_code code, enum err_reason reason,
                const char *fmt, ...) ERR_PRINTF(4, 5);

/* The reason that an errno of a file stands for, or REASON_NONE. */
enum err_reason err_reason_of(int number);

/* "disk-full"; "none". */
const char *err_reason_name(enum err_reason reason);

/* Put where it happened in front of what happened, as "where: what". Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Make *err equal to from, whatever it was before. Returns -1. */
int err_copy(struct err *err, const struct err *from);

/* The error for a failed allocation. Returns -1. */
int err_memory(struct err *err, const char *what);

void err_clear(struct err *err);

#endif
