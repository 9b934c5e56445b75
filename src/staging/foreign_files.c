#include "staging/foreign_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/text.h"
#include "io/fs/fs.h"
#include "staging/existing.h"
#include "staging/local_metadata.h"

static bool is_in_place(const char *path, const char *place)
{
    size_t len = strlen(place);

    return text_starts(path, place) && path[len] == '/' &&
           (strcmp(path + len + 1, MANIFEST_NAME) == 0 ||
            strcmp(path + len + 1, MANIFEST_SUMS) == 0);
}

bool foreign_files_is_record(const struct manifest *manifest, const char *path)
{
    static const char *const places[] = { RECORD_HUB_NAME, RECORD_INSIDE_NAME };

    if (manifest->inside)
        return is_in_place(path, manifest->inside);
    for (size_t i = 0; !manifest->file && i < countof(places); i++)
        if (is_in_place(path, places[i]))
            return true;
    return false;
}

/* Made by whoever uses the tree, again and again. */
static bool is_by_product(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return text_starts(path, "__pycache__/") || strstr(path, "/__pycache__/") ||
           text_ends(name, ".pyc") || text_starts(name, ".nfs") ||
           text_starts(name, ".fuse_hidden");
}

bool foreign_files_is_one(const struct manifest *manifest, const char *path)
{
    return !is_by_product(path) && !foreign_files_is_record(manifest, path) &&
           !(manifest->hub && local_metadata_is_one(path)) &&
           !manifest_find(manifest, path);
}

bool foreign_files_is_kept(const struct manifest *manifest, const char *path,
                           const struct fs_info *info)
{
    return foreign_files_is_one(manifest, path) ||
           (manifest_find(manifest, path) && !manifest_owns(manifest, path, info));
}

bool foreign_files_is_ignored(const struct run *run, const char *path)
{
    const char *const *pattern = run->opt.ignore_extra;

    for (; pattern && *pattern; pattern++)
        if (glob_match(*pattern, path))
            return true;
    return false;
}

struct look {
    const struct foreign_files *files;
    unsigned long long count;
    char first[FS_NAME]; /* by its name: the order of a walk says nothing */
};

static bool is_planned(const struct foreign_files *files, const char *path)
{
    size_t i;

    return plan_find(&files->run->plan, path, &i) &&
           (!files->existing || files->existing->file[i].there);
}

static int count_foreign(void *arg, const char *path, const struct fs_info *info,
                         struct err *err)
{
    struct look *look = arg;
    const struct foreign_files *files = look->files;

    (void)err;
    if (!foreign_files_is_kept(files->manifest, path, info) || is_planned(files, path) ||
        foreign_files_is_ignored(files->run, path))
        return 0;
    if (look->count++ == 0 || strcmp(path, look->first) < 0)
        fs_format(look->first, "%s", path);
    return 0;
}

int foreign_files_refuse(const struct foreign_files *files, const char *tree,
                         struct err *err)
{
    struct look look = { .files = files };

    if (fs_walk(NULL, tree, count_foreign, &look, err) < 0) {
        if (err->code == ERR_SOURCE)
            err->code = ERR_DEST;
        return -1;
    }
    if (look.count == 0)
        return 0;
    if (look.count == 1)
        return err_set_why(
            err, ERR_DEST, REASON_NOT_OURS,
            "updating '%s' would delete '%s', which mpifetch did not create: "
            "move it, or use --ignore-extra or --force%s",
            files->run->opt.dest, look.first, files->doubt);
    return err_set_why(
        err, ERR_DEST, REASON_NOT_OURS,
        "updating '%s' would delete %llu files that mpifetch did not create, "
        "the first is '%s': move them, or use --ignore-extra or --force%s",
        files->run->opt.dest, look.count, look.first, files->doubt);
}

/* As it was when it was found. */
static bool is_found(const struct foreign_files *files, const char *path,
                     const struct fs_info *info)
{
    const struct plan *plan = &files->run->plan;
    size_t i;

    return plan_find(plan, path, &i) && files->existing->file[i].there &&
           info->kind == FS_FILE && info->size == plan->files[i].size &&
           info->mtime_ns == files->existing->file[i].mtime_ns;
}

static int stop_at_unknown(void *arg, const char *path, const struct fs_info *info,
                           struct err *err)
{
    const struct foreign_files *files = arg;

    return is_found(files, path, info) || !foreign_files_is_one(files->manifest, path) ||
                   foreign_files_is_ignored(files->run, path)
               ? 0
               : err_set(err, ERR_DEST, "'%s' is not known", path);
}

bool foreign_files_all_found(const struct foreign_files *files, const struct fs_dir *dir,
                             const char *tree)
{
    return fs_walk(dir, tree, stop_at_unknown, (void *)(uintptr_t)files, NULL) == 0;
}

struct search {
    const struct manifest *manifest;
    char *first;
};

static int stop_at_foreign(void *arg, const char *path, const struct fs_info *info,
                           struct err *err)
{
    struct search *search = arg;

    if (!foreign_files_is_kept(search->manifest, path, info))
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
