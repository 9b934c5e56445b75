/* io/guard.h -- ends the process if its main thread hangs in one call for ever. A
 * thread of its own sees that the main thread makes no more turns, reports it and
 * leaves by _exit.
 *
 * Only for a program: without guard_start nothing here ends anything, so a library may
 * call the other functions.
 *
 * Life cycle   guard_start; guard_watch whenever what is watched changes; guard_turn in
 *              every turn of every loop of the main thread; guard_settle once it is
 *              certain that the run succeeds. It ends with the process.
 * Time         is counted in wake-ups of that thread (core/state/stall.h).
 * Files        are not touched by that thread, since a hanging file system may be
 *              the cause. It writes to the standard streams if they accept it
 *              without blocking.
 * Limits       a thread in uninterruptible sleep in the kernel keeps the process alive,
 *              whoever ends it. */
#ifndef IO_GUARD_H
#define IO_GUARD_H

#include "base/err.h"

int guard_start(struct err *err);

struct guard_watch {
    double seconds;     /* without a turn; 0: for ever */
    int code;           /* to leave with */
    const char *what;   /* the sentence; NULL: say nothing */
    const char *advice; /* its end, unless the outcome is certain; may be NULL */
};

/* From here on. The texts are copied. */
void guard_watch(const struct guard_watch *watch);

/* The main thread has made a turn. Cheap. Receiving messages (ranks/mail.h) includes it,
 * for all loops that do so. */
void guard_turn(void);

/* From now on the process ends with exit code 0. text: the line that stdout still has to
 * get, without its line end, or NULL. From any thread. */
void guard_settle(const char *text);

/* The caller is about to write that line itself. Does not return if it was
 * written already. */
void guard_settle_line(void);

#endif
