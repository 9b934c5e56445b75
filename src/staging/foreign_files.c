#include "staging/foreign_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "staging/local_metadata.h"

bool foreign_files_is_record(const struct manifest *manifest, const char *path)
{
    size_t len = manifest->inside ? strlen(manifest->inside) : 0;

    return len > 0 && text_starts(path, manifest->inside) && path[len] == '/' &&
           (strcmp(path + len + 1, MANIFEST_NAME) == 0 ||
            strcmp(path + len + 1, MANIFEST_SUMS) == 0);
}

bool foreign_files_is_one(const struct manifest *manifest, const char *path)
{
    return !foreign_files_is_record(manifest, path) &&
           !(manifest->hub && local_metadata_is_one(path)) &&
           !manifest_find(manifest, path);
}

struct look {
    const struct run *run;
    const struct manifest *manifest;
};

static int refuse_foreign(void *arg, const char *path, const struct fs_info *info,
                          struct err *err)
{
    const struct look *look = arg;

    (void)info;
    if (!foreign_files_is_one(look->manifest, path))
        return 0;
    return err_set(err, ERR_DEST,
                   "updating '%s' would delete '%s', which mpifetch did not create: move "
                   "it, or use --force",
                   look->run->opt.dest, path);
}

int foreign_files_refuse(const struct run *run, const struct manifest *manifest,
                         const char *tree, struct err *err)
{
    struct look look = { run, manifest };
    int rc;

    if (!manifest->file || run->opt.force)
        return 0;
    rc = fs_walk(NULL, tree, refuse_foreign, &look, err);
    if (rc < 0 && err->code == ERR_SOURCE)
        err->code = ERR_DEST;
    return rc;
}

struct search {
    const struct manifest *manifest;
    char *first;
};

static int stop_at_foreign(void *arg, const char *path, const struct fs_info *info,
                           struct err *err)
{
    struct search *search = arg;

    (void)info;
    if (!foreign_files_is_one(search->manifest, path))
        return 0;
    search->first = strdup(path);
    return err_memory(err, "a path");
}

bool foreign_files_are_in(const struct record_tree *tree, char **first)
{
    struct manifest manifest = { 0 };
    struct search search = { .manifest = &manifest };
    struct fs_info info;
    bool are;

    *first = NULL;
    if (fs_look(tree->dir, tree->name, &info, NULL) == 0 && info.kind != FS_DIRECTORY)
        return false;
    /* Without a manifest every file is foreign. */
    record_load(&manifest, tree, NULL, NULL);
    are = fs_walk(tree->dir, tree->name, stop_at_foreign, &search, NULL) < 0;
    *first = search.first;
    manifest_release(&manifest);
    return are;
}
