/* io/beat.h -- a number in a file that grows as long as this process lives: the sign of
 * life between jobs that share nothing but a file system.
 *
 * A thread of its own, since the main thread may be in one long call of a slow disk. A
 * process that is stopped beats no more. */
#ifndef IO_BEAT_H
#define IO_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct beat;

/* Make the file, which must not exist, and write to it every other second. */
int beat_start(struct beat **out, const char *path, struct err *err);

/* The file has another name. Between the rename and this call beats may be missed, which
 * is not loss. */
int beat_move(struct beat *beat, const char *path, struct err *err);

/* The file was not there any more when it was to be written: somebody has taken it away.
 * From any thread; NULL has lost nothing. */
bool beat_lost(const struct beat *beat);

/* This process is about to end: none of its numbers grows any more. From any thread, and
 * at once, while a write that has begun may yet end. */
void beat_hush(void);

/* The number in a file; false: it is not there, or holds none. */
bool beat_read(const char *path, uint64_t *number);

/* The file stays. Takes NULL. */
void beat_stop(struct beat *beat);

#endif
