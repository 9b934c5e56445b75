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

char *run_dir_find(const char *dir, bool *readable)
{
    char *name = NULL, *path = NULL;
    struct fs_info info;

    /* Somebody else's may say what it likes about who lives. */
    *readable = fs_look(dir, &info, NULL) == 0 &&
                (info.kind == FS_MISSING ||
                 (info.kind == FS_DIRECTORY && fs_is_mine(&info) &&
                  (fs_list(dir, first_run, &name, NULL) == 0 || errno == ENOENT)));
    if (name)
        path = fs_join(dir, name);
    free(name);
    return path;
}
