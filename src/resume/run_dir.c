#include "resume/run_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/owner_file.h"

static const char run_prefix[] = "run-", mark[] = ".mpifetch-";

const char *run_dir_mark(const char *name)
{
    const char *last = NULL;

    for (const char *next = strstr(name, mark); next; next = strstr(next + 1, mark))
        last = next;
    return last;
}

static bool is_id(const char *text)
{
    return strlen(text) == RUN_DIR_ID && strspn(text, "0123456789abcdef") == RUN_DIR_ID;
}

/* As fs_private_dir makes them. */
static bool is_suffix(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    return strlen(text) == RUN_DIR_SUFFIX && strspn(text, letters) == RUN_DIR_SUFFIX;
}

bool run_dir_is_staging(const char *name, const char *prefix)
{
    const char *end = name + strlen(prefix);

    return text_starts(name, prefix) && (is_id(end) || is_suffix(end));
}

void run_dir_name(char name[RUN_DIR_NAME], const char *dir)
{
    snprintf(name, RUN_DIR_NAME, "%s%s", run_prefix, dir + strlen(dir) - RUN_DIR_SUFFIX);
}

bool run_dir_is_run(const char *name)
{
    return text_starts(name, run_prefix) && is_suffix(name + strlen(run_prefix));
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

/* Somebody's own directory of that name would hardly be empty and private. */
static bool is_begun(const struct fs_dir *dir)
{
    struct fs_info info;

    return fs_look(dir, ".", &info, NULL) == 0 && (info.mode & 0777) == 0700;
}

void run_dir_drop_empty(struct run_dir *found, const struct fs_dir *parent)
{
    if (!found->staging.path || !is_begun(&found->staging))
        return;
    if (found->run.path && is_begun(&found->run))
        owner_file_drop_begun(&found->run);
    if (found->run.path && is_begun(&found->run) &&
        fs_remove_empty(&found->run, ".", NULL) == 0)
        fs_dir_close(&found->run);
    if (!found->run.path)
        fs_remove_empty(parent, fs_dir_name(&found->staging), NULL);
}
