#include "resume/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"

static const char run_prefix[] = "run-";

bool run_dir_is_staging(const char *name, const char *prefix)
{
    size_t len;

    if (!text_starts(name, prefix))
        return false;
    len = strlen(name + strlen(prefix));
    return (len == RUN_DIR_ID || len == RUN_DIR_SUFFIX) &&
           !strchr(name + strlen(prefix), '.');
}

void run_dir_name(char name[RUN_DIR_NAME], const char *dir)
{
    snprintf(name, RUN_DIR_NAME, "%s%s", run_prefix, dir + strlen(dir) - RUN_DIR_SUFFIX);
}

bool run_dir_is_run(const char *name)
{
    return text_starts(name, run_prefix);
}

static int first_run(void *arg, const char *name, struct err *err)
{
    char **found = arg;

    (void)err;
    if (*found || !run_dir_is_run(name))
        return 0;
    *found = strdup(name);
    return 0;
}

void run_dir_find(struct run_dir *found, const struct fs_dir *parent, const char *name,
                  bool *readable)
{
    char *run = NULL;

    *found = (struct run_dir){ 0 };
    if (fs_dir_open(&found->staging, parent, name, NULL) < 0) {
        *readable = errno == ENOENT;
        return;
    }
    /* Somebody else's may say what it likes about who lives. */
    *readable =
        fs_dir_is_mine(&found->staging, parent) &&
        (fs_list(&found->staging, ".", first_run, &run, NULL) == 0 || errno == ENOENT);
    if (run)
        fs_dir_below(&found->run, &found->staging, run, NULL);
    free(run);
}

void run_dir_close(struct run_dir *found)
{
    fs_dir_close(&found->staging);
    fs_dir_close(&found->run);
}
