/* io/guard.h -- ends the process if its main thread hangs in one call for ever. A
 * thread of its own sees that the main thread makes no more turns, reports it and
 * leaves by _exit.
 *
 * Only for a program: without guard_start nothing here ends anything, so a library may
 * call the other functions.
 *
 * Life cycle   guard_start; guard_watch whenever what is watched changes; guard_turn in
 *              every turn of every loop of the main thread; guard_settle or guard_fail
 *              once the outcome is certain, and guard_reopen if another follows; guard_tell and guard_told around what
 *              the main thread then prints. It ends with the process.
 * Time         is counted in wake-ups of that thread (core/state/stall.h).
 * Files        are not touched by that thread, since a hanging file system may be
 *              the cause. A standard stream may lead there: each is written to by one
 *              more thread, and passed over if that does not finish soon.
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

/* From now on the process ends with that exit code, and no advice is given. text: the
 * sentence that stderr still has to get, or NULL. */
void guard_fail(int outcome, const char *text);

/* Another outcome follows, as at the start. A failure so far counts to the end, and what the
 * streams still have to get stays, as far as there is room for more. */
void guard_reopen(void);

/* The caller is about to write that line or sentence itself: until guard_told the line
 * counts as one that cannot be written. Does not return if it was written already. */
void guard_tell(void);
void guard_told(void);

#endif
