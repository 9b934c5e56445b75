#include "resume/extras.h"

#include <stdio.h>
#include <string.h>

#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "staging/foreign_files.h"

struct search {
    const struct run *run;
    struct manifest manifest; /* of the tree */
    struct strbuf paths;      /* each with its NUL */
    unsigned long long count, moved;
};

static int note_extra(void *arg, const char *path, const struct fs_info *info,
                      struct err *err)
{
    struct search *search = arg;

    (void)info;
    if (!foreign_files_is_one(&search->manifest, path) ||
        !foreign_files_is_ignored(search->run, path))
        return 0;
    search->count++;
    strbuf_add(&search->paths, path, strlen(path) + 1);
    return search->paths.failed ? err_memory(err, "a list of files") : 0;
}

static int move_one(const struct rescue *rescue, const struct fs_dir *staging,
                    const char *tree, const char *kept, const char *path, struct err *err)
{
    char from[FS_NAME], to[FS_NAME], above[FS_NAME];

    fs_format(from, "%s/%s", tree, path);
    fs_format(to, "%s/%s", kept, path);
    fs_format(above, "%s", to);
    *strrchr(above, '/') = '\0';
    return fs_mkdirs(rescue->parent, above, err) < 0
               ? -1
               : fs_rename(staging, from, rescue->parent, to, FS_RENAME_ABSENT, err);
}

static void say_moved(const struct rescue *rescue, const struct search *search,
                      const char *kept)
{
    char of[32] = "";

    if (search->moved < search->count)
        snprintf(of, sizeof(of), " of %llu", search->count);
    log_line(&rescue->run->ranks.log, LOG_WARN,
             "%llu%s file%s that --ignore-extra names %s moved from '%s' to '%s/%s'",
             search->moved, of, search->count == 1 ? "" : "s",
             search->moved == 1 ? "was" : "were", rescue->dest, rescue->parent->path,
             kept);
}

static int move_all(const struct rescue *rescue, const struct fs_dir *staging,
                    const char *tree, struct search *search, struct err *err)
{
    struct strbuf kept = { 0 };
    char prefix[FS_NAME];
    int rc;

    fs_format(prefix, ".%s.kept-", layout_name(rescue->dest));
    rc = fs_private_dir(rescue->parent, ".", prefix, &kept, err);
    for (size_t at = 0; rc == 0 && at < search->paths.len;) {
        const char *path = search->paths.data + at;

        at += strlen(path) + 1;
        rc = move_one(rescue, staging, tree, kept.data, path, err);
        search->moved += rc == 0;
    }
    if (search->moved > 0)
        say_moved(rescue, search, kept.data);
    else if (kept.data)
        fs_remove_tree(rescue->parent, kept.data, NULL);
    strbuf_release(&kept);
    return rc;
}

bool extras_rescue(const struct rescue *rescue, const struct fs_dir *staging,
                   const char *tree)
{
    const struct record_tree published = { staging, tree, rescue->parent, rescue->dest };
    struct search search = { .run = rescue->run };
    struct fs_info info;
    struct err err = { 0 };
    int rc = 0;

    if (!rescue->run->opt.ignore_extra || fs_look(staging, tree, &info, NULL) < 0 ||
        info.kind != FS_DIRECTORY)
        return true;
    record_load(&search.manifest, &published, NULL, NULL);
    rc = fs_walk(staging, tree, note_extra, &search, &err);
    if (rc == 0 && search.count > 0)
        rc = move_all(rescue, staging, tree, &search, &err);
    if (rc < 0)
        log_line(&rescue->run->ranks.log, LOG_WARN,
                 "files that --ignore-extra names are still in '%s/%s': %s",
                 staging->path, tree, err.text);
    strbuf_release(&search.paths);
    manifest_release(&search.manifest);
    return rc == 0;
}
