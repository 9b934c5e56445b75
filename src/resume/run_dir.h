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

/* The name of a staging: PREFIX and 6 or 16 characters. */
bool run_dir_is_staging(const char *name, const char *prefix);

/* The name of the run that fs_private_dir made dir for. */
void run_dir_name(char name[RUN_DIR_NAME], const char *dir);

/* Whether name is that of a run. */
bool run_dir_is_run(const char *name);

/* A staging and the run-XXXXXX in it, by its name there. */
struct run_dir {
    struct fs_dir staging, run; /* run is not open: there is none */
};

/* *readable is false where it is another user's, or may not be looked into; true where it
 * is missing. */
void run_dir_find(struct run_dir *found, const struct fs_dir *parent, const char *name,
                  bool *readable);
void run_dir_close(struct run_dir *found);

#endif
