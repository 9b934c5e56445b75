/* fetch/landing.h -- the disk's share of a task, on pool threads: read a local source,
 * hash a file that came as one piece, move it to its place. */
#ifndef FETCH_LANDING_H
#define FETCH_LANDING_H

#include "io/pool.h"
#include "ranks/run.h"

/* Whether the source of a file is a file system, so that settle_fetch reads it. */
bool settle_is_local(const struct run *run, uint32_t file);

/* job->owner is a struct task. Read its segment from a file:// source into its home
 * (small files: into memory); unless it is a duplicate go on with settle_run. ERR_SOURCE
 * if the source is not what it was when listed. */
int settle_fetch(struct job *job);

/* Instead of a fetch where nothing is fetched: the digest of a file of one segment where
 * it lies. Longer ones are hashed by the relay. */
int settle_rehash(struct job *job);

/* Instead of a fetch where a former run left the segment: check it, and bring it to its
 * place if it lies elsewhere. ERR_SOURCE if it must be fetched after all. */
int settle_held(struct job *job);

/* Home to place; hash the file if the segment is all of it; then its mtime and the Hub
 * library's metadata, after which nobody writes to it any more. */
int settle_run(struct job *job);

#endif
