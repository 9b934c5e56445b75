/* io/heartbeat.h -- a number in a file that grows as long as this process lives: the sign of
 * life between jobs that share nothing but a file system.
 *
 * A thread of its own, since the main thread may be in one long call of a slow disk. A
 * process that is stopped beats no more. */
#ifndef IO_HEARTBEAT_H
#define IO_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct heartbeat;

/* Make the file, which must not exist, and write to it every other second. */
int heartbeat_start(struct heartbeat **out, const char *path, struct err *err);

/* The file has another name. Between the rename and this call beats may be missed, which
 * is not loss. */
int heartbeat_move(struct heartbeat *beat, const char *path, struct err *err);

/* The file was not there any more when it was to be written: somebody has taken it away.
 * From any thread; NULL has lost nothing. */
bool heartbeat_lost(const struct heartbeat *beat);

/* This process is about to end: none of its numbers grows any more. From any thread, and
 * at once, while a write that has begun may yet end. */
void heartbeat_hush(void);

/* The number in a file; false: it is not there, or holds none. */
bool heartbeat_read(const char *path, uint64_t *number);

/* The file stays. Takes NULL. */
void heartbeat_stop(struct heartbeat *beat);

#endif
