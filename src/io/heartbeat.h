/* io/heartbeat.h -- a number in a file that grows as long as this process lives: the sign
 * of life between jobs that share nothing but a file system.
 *
 * It has a thread of its own, since the main thread may be in a long call on a slow disk.
 * A stopped process (SIGSTOP, frozen) does not write. */
#ifndef IO_HEARTBEAT_H
#define IO_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "io/fs/fs_dir.h"

struct heartbeat;

/* Make "beat" in dir, where it must not exist, and write to it every other second. */
int heartbeat_start(struct heartbeat **out, const struct fs_dir *dir, struct err *err);

/* The directory was renamed. Beats missed between the rename and this call do not
 * count as loss. */
int heartbeat_move(struct heartbeat *beat, const struct fs_dir *dir, struct err *err);

/* The file was missing when it was to be written, or the path of dir led elsewhere: another run has taken over the staging.
 * From any thread; false for NULL. */
bool heartbeat_lost(const struct heartbeat *beat);

/* This process is about to end: stop all its heartbeats. From any thread, without
 * waiting; a write that has begun may still finish. */
void heartbeat_hush(void);

/* The number in the file in dir; false: it is not there, or holds none. */
bool heartbeat_read(const struct fs_dir *dir, uint64_t *number);

/* The file stays. Takes NULL. */
void heartbeat_stop(struct heartbeat *beat);

#endif
