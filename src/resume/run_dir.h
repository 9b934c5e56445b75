/* resume/run_dir.h -- the names of the directories that a run builds in (resume/claim.h):
 * a staging, PREFIX and the digits of a content or a suffix, and in it the run-XXXXXX of
 * the one that has it. */
#ifndef RESUME_RUN_DIR_H
#define RESUME_RUN_DIR_H

#include <stdbool.h>

#include "io/fs/fs_dir.h"

enum {
    RUN_DIR_ID = 16,    /* digits of a content's name */
    RUN_DIR_SUFFIX = 6, /* what mkdtemp makes */
    RUN_DIR_NAME = 16   /* bytes of run-XXXXXX and more */
};

/* Where the last ".mpifetch-" in a name begins, or NULL. */
const char *run_dir_mark(const char *name);

/* The name of a staging: PREFIX and an id or a suffix. */
bool run_dir_is_staging(const char *name, const char *prefix);

/* The name of the run that fs_private_dir made dir for. */
void run_dir_name(char name[RUN_DIR_NAME], const char *dir);

/* Whether name is that of a run. */
bool run_dir_is_run(const char *name);

/* A staging and the run-XXXXXX in it, by its name there. */
struct run_dir {
    struct fs_dir staging, run; /* run is not open where there is none */
};

/* *readable is false where it is another user's, or may not be looked into; true where it
 * is missing. */
void run_dir_find(struct run_dir *found, const struct fs_dir *parent, const char *name,
                  bool *readable);

/* Remove what a run left that was killed as it began or as it ended: both may be empty
 * directories, or hold the beginning of an owner file. Then run is closed. */
void run_dir_drop_empty(struct run_dir *found, const struct fs_dir *parent);
void run_dir_close(struct run_dir *found);

#endif
