/* fetch/small.h -- files that fit in memory, whole, as they come to their final paths:
 * written from there, or found where a former run left them. What several of them have in
 * common is in one struct: the directories that they lie in, and their lines in the
 * journal, which are written at once.
 *
 * Life cycle   zeroed but for world; small_land or small_recheck for each; small_end, after
 *              which the journal knows of those that succeeded.
 * Threads      all calls on one thread of the pool. */
#ifndef FETCH_SMALL_H
#define FETCH_SMALL_H

#include "fetch/task.h"
#include "io/fs/fs.h"

struct small {
    const struct task_world *world;
    struct fs_parents parents;
    struct fs_info made; /* the directory of this run; FS_MISSING: not looked at yet */
    struct strbuf notes;
};

/* Hash the body, and write it to its final path. */
int small_land(struct small *small, struct task *task, struct err *err);

/* Read and check what a former run left, and bring it to the final path: by a rename if
 * that file may become this run's own, else what was read is written. ERR_SOURCE: it must
 * be fetched after all. */
int small_recheck(struct small *small, struct task *task, struct err *err);

void small_end(struct small *small);

#endif
