/* doctor/helper.h -- a process of our own that makes the calls which may hang.
 *
 * A call on the file system of a sick server can block in the kernel for ever, and no
 * signal ends it. So such calls are made by a child, which is killed when its time is up,
 * and abandoned if even that does not end it.
 *
 * The child is this program again (/proc/self/exe with the word HELPER_WORD), started by
 * posix_spawn: a fork of a process that runs MPI would share registered memory and run
 * the handlers that MPI libraries leave for it. It has none of our descriptors but its
 * end of a socket, and a process group of its own: launchers wait for whoever holds the
 * pipes of a rank, and their signals must not end the child before it has cleaned up. It
 * ends by itself when that socket closes, so none outlives its rank.
 *
 * Ownership    helper_end frees. Errors       -1 and *err, ERR_DEFECT. */
#ifndef DOCTOR_HELPER_H
#define DOCTOR_HELPER_H

#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"

#define HELPER_WORD "internal-helper"

struct helper;

int helper_start(struct helper **out, struct err *err);

/* One order at a time: bytes that acts_serve understands. */
int helper_ask(struct helper *helper, const void *order, size_t len, struct err *err);

/* 1: its answer, appended to bytes; 0: not yet; -1: the child is gone. */
int helper_hear(struct helper *helper, struct strbuf *bytes, struct err *err);

/* The child ends, is killed, or is left behind: after half a second at most. Takes NULL.
 */
void helper_end(struct helper *helper);

/* The same without waiting for it to end by itself. */
void helper_kill(struct helper *helper);

#endif
