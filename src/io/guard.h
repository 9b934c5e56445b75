/* io/guard.h -- the end of a process that one call keeps for ever: a thread of its own
 * sees that the main thread does not come round any more, says so and leaves by _exit.
 *
 * For a program: without guard_start nothing here ends anything, and a library may call
 * the rest.
 *
 * Life cycle   guard_start; guard_watch, as often as what is watched changes; guard_turn
 *              in every turn of every loop of the main thread; guard_settle once it is
 *              certain that the run succeeds. It ends with the process.
 * Time         is counted in wake-ups of that thread (core/state/stall.h).
 * Files        are left alone by that thread, since one that hangs may be the reason. It
 *              writes to the standard streams, where they take it.
 * Limits       a thread that sleeps in the kernel and cannot be interrupted keeps the
 *              process, whoever ends it. */
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

/* The main thread has come round. Cheap. The looks for messages (ranks/liveness.h) say it
 * for all loops that have one. */
void guard_turn(void);

/* From here on it leaves with 0. text: what stdout is still to get, without the end of
 * the line, or NULL. From any thread. */
void guard_settle(const char *text);

/* The caller writes that line itself: call it just before. Does not return where it is
 * written already. */
void guard_settle_line(void);

#endif
