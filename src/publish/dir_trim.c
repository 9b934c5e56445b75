#include "publish/dir_trim.h"

#include <string.h>

#include "io/fs/fs.h"
#include "ranks/background.h"
#include "ranks/wants.h"
#include "staging/local_metadata.h"

enum { TRIM_POLL = 1000 }; /* files between two checks for signals */

/* Those above that name, from the lowest on, until one has something else. */
static void remove_parents(const struct run *run, char name[FS_NAME])
{
    char *slash;

    while ((slash = strrchr(name, '/'))) {
        *slash = '\0';
        if (fs_remove_empty(&run->staging.tree, name, NULL) < 0)
            return;
    }
}

/* The same of its metadata: not where files remain whose metadata is yet to come. */
static void remove_metadata_parents(const struct run *run, uint32_t file)
{
    const struct fs_dir *tree = &run->staging.tree;
    char path[FS_NAME], name[FS_NAME], *slash;

    fs_format(path, "%s", plan_path(&run->plan, file));
    local_metadata_name(run, file, name);
    while ((slash = strrchr(path, '/'))) {
        *slash = '\0';
        *strrchr(name, '/') = '\0';
        if (fs_is_there(tree, path) || fs_remove_empty(tree, name, NULL) < 0)
            return;
    }
}

static bool same_parent(const char *a, const char *b)
{
    const char *slash = strrchr(a, '/'), *other = strrchr(b, '/');

    return slash && other && slash - a == other - b &&
           strncmp(a, b, (size_t)(slash - a)) == 0;
}

/* After the last one of them, as files are sorted; or in vain before that. */
static void close_parents(const struct run *run, uint32_t file)
{
    char name[FS_NAME];

    if (file + 1 < run->plan.nfiles &&
        same_parent(plan_path(&run->plan, file), plan_path(&run->plan, file + 1)))
        return;
    fs_format(name, "%s", plan_path(&run->plan, file));
    remove_parents(run, name);
    if (local_metadata_wanted(run))
        remove_metadata_parents(run, file);
}

int dir_trim(struct run *run, struct existing_file *existing, struct err *err)
{
    for (uint32_t i = 0; i < run->plan.nfiles; i++) {
        if (wants_file(run, i))
            continue;
        if (i % TRIM_POLL == 0 && background_poll(&run->ranks, err) < 0)
            return -1;
        if (fs_unlink(&run->staging.tree, plan_path(&run->plan, i), err) < 0)
            return -1;
        existing[i].there = false;
        close_parents(run, i);
    }
    return 0;
}
