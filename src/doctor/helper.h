/* doctor/helper.h -- a child process that makes calls which may hang in the kernel, where
 * no signal ends them: then the child is left behind, and its rank goes on.
 *
 * The child is this program, started anew with HELPER_WORD as its only argument
 * (doctor/commands.h). It inherits nothing but its end of a socket, and has a process
 * group of its own: launchers wait for whoever holds the pipes of a rank, and their
 * signals must not end the child before it has cleaned up. It ends by itself when that
 * socket closes, so none outlives its rank.
 *
 * Ownership    helper_end frees.
 * Errors       -1 and *err, ERR_DEFECT. */
#ifndef DOCTOR_HELPER_H
#define DOCTOR_HELPER_H

#include "base/err.h"
#include "doctor/commands.h"

#define HELPER_WORD "internal-helper"

struct helper;

int helper_start(struct helper **out, struct err *err);

/* One order at a time. */
int helper_ask(struct helper *helper, const struct order *order, struct err *err);

/* 1: its answer; 0: none within so many seconds; -1: the child is gone. */
int helper_hear(struct helper *helper, double seconds, struct answer *answer);

/* The child ends, is killed, or is left behind: after half a second at most. Takes NULL.
 */
void helper_end(struct helper *helper);

/* The same without waiting for it to end by itself. */
void helper_kill(struct helper *helper);

#endif
