/* ranks/fan.h -- the same work for each of many things, by a few threads of this rank.
 *
 * Collective   no. On the main thread, or in the background (ranks/background.h): a signal,
 *              or a failure elsewhere, ends it early. */
#ifndef RANKS_FAN_H
#define RANKS_FAN_H

#include <stddef.h>

#include "base/err.h"
#include "io/pool.h"

struct ranks;

/* Calls work for 0 to count-1, in about that order, on several threads. Long work checks
 * pool_stopping. -1 with the error of one that has failed, and then not all were called. */
int fan_out(struct ranks *ranks, size_t count,
            int (*work)(void *arg, size_t i, const struct pool *pool, struct err *err),
            void *arg, struct err *err);

#endif
