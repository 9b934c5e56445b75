#include "resume/leftovers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "resume/run_dir.h"
#include "resume/versions.h"
#include "staging/foreign_files.h"

enum { MARK = 128 }; /* bytes: the longest mark */

static const char forced[] = " force";

int leftovers_mark(const struct run *run, struct err *err)
{
    char *path = fs_join(run->staging.path, "commit");
    struct strbuf text = { 0 };
    int rc;

    strbuf_addf(&text, "%s%s", manifest_run(run), run->opt.force ? forced : "");
    rc = !path || text.failed
             ? err_memory(err, "a path")
             : fs_write_all(path, text.data, text.len, true, run->opt.sync, err);
    free(path);
    strbuf_release(&text);
    return rc;
}

/* The run that may have taken the step; false: none. */
static bool read_mark(const char *staging, char name[MARK], bool *force)
{
    char *path = fs_join(staging, "commit"), *text = NULL, *blank;
    size_t len = 0;
    bool there = fs_is_there(staging, "commit");

    /* One that cannot be read names no run, so that nothing counts as that run's own. */
    name[0] = '\0';
    *force = false;
    if (there && path && fs_read_regular(path, MARK - 1, &text, &len, NULL) == 0) {
        snprintf(name, MARK, "%s", text);
        blank = strchr(name, ' ');
        *force = blank && strcmp(blank, forced) == 0;
        if (blank)
            *blank = '\0';
    }
    free(path);
    free(text);
    return there;
}

/* Where the symlink in staging leads, to be freed; NULL: there is none, or somebody has
 * put something in the place of the versions. */
static char *version_of(const char *dest, const char *staging)
{
    struct strbuf target = { 0 }, path = { 0 };
    char *link = fs_join(staging, "link");

    if (link && fs_readlink(link, &target, NULL) == 0 && !target.failed &&
        layout_is_version(dest, target.data) && versions_check(dest, NULL) == 0) {
        layout_parent(dest, &path);
        strbuf_addf(&path, "/%s", target.data);
    }
    free(link);
    strbuf_release(&target);
    return path.len > 0 ? strbuf_steal(&path) : NULL;
}

/* If a run was killed when its tree lay among the versions but was not shown yet: back
 * into staging with it. */
static void put_back(const char *dest, const char *staging)
{
    char name[MARK], *tree = fs_join(staging, "tree"), *version = NULL;
    bool force;

    if (read_mark(staging, name, &force))
        version = version_of(dest, staging);
    if (tree && version && manifest_is_by(version, name))
        fs_rename(version, tree, FS_RENAME_ABSENT, NULL);
    free(tree);
    free(version);
}

bool leftovers_reclaim(const char *dest, const char *staging)
{
    char name[MARK], *tree, *mark;
    bool force, ours;

    put_back(dest, staging);
    if (!read_mark(staging, name, &force))
        return true;
    tree = fs_join(staging, "tree");
    mark = fs_join(staging, "commit");
    ours = tree && mark && manifest_is_by(tree, name) && fs_unlink(mark, NULL) == 0;
    free(tree);
    free(mark);
    return ours;
}

struct look {
    const struct manifest *record;
    char *first;
};

static int note_stranger(void *arg, const char *path, const struct fs_info *info,
                         struct err *err)
{
    struct look *look = arg;

    (void)info;
    if (!foreign_files_is_one(look->record, path))
        return 0;
    look->first = strdup(path);
    return err_memory(err, "a path");
}

/* Whether something keeps an old tree from being removed; then *first is a file of it, to
 * be freed, or NULL: not all of it can be read. */
static bool has_stranger(const char *tree, char **first)
{
    struct manifest record = { 0 };
    struct look look = { .record = &record };
    struct strbuf dir = { 0 };
    struct fs_info info;
    bool has = true;

    *first = NULL;
    if (fs_look(tree, &info, NULL) == 0 && info.kind != FS_DIRECTORY)
        return false;
    strbuf_addf(&dir, "%s/", tree);
    /* Without a record every file is one. */
    manifest_load(&record, tree, NULL);
    if (!dir.failed)
        has = fs_walk(dir.data, note_stranger, &look, NULL) < 0;
    *first = look.first;
    manifest_release(&record);
    strbuf_release(&dir);
    return has;
}

/* Out of the way of what is removed, under a name that nothing removes. */
static bool set_aside(const struct log *log, const char *dest, const char *tree,
                      const char *stranger)
{
    struct strbuf parent = { 0 }, prefix = { 0 }, kept = { 0 };
    struct err err = { 0 };
    bool done = false;

    layout_parent(dest, &parent);
    strbuf_addf(&prefix, ".%s.kept-", layout_name(dest));
    if (!parent.failed && !prefix.failed &&
        fs_private_dir(parent.data, prefix.data, &kept, &err) == 0) {
        strbuf_adds(&kept, "/tree");
        done = !kept.failed && fs_rename(tree, kept.data, FS_RENAME_ABSENT, &err) == 0;
    }
    if (stranger)
        log_line(log, LOG_WARN,
                 "the previous '%s' was kept at '%s' because it contains '%s', which "
                 "mpifetch did not create",
                 dest, done ? kept.data : tree, stranger);
    else
        log_line(log, LOG_WARN,
                 "the previous '%s' was kept at '%s' because not all of it can be read",
                 dest, done ? kept.data : tree);
    if (err.code != ERR_NONE)
        log_line(log, LOG_WARN, "%s", err.text);
    strbuf_release(&parent);
    strbuf_release(&prefix);
    strbuf_release(&kept);
    return done;
}

/* After a plain update the old tree is in tree; where DEST became a symlink, in link.
 * false: they are still there. */
static bool save_strangers(const struct log *log, const char *dest, const char *staging)
{
    static const char *const places[] = { "tree", "link" };
    char name[MARK];
    bool force, saved = true;

    if (!read_mark(staging, name, &force) || force)
        return true;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char *tree = fs_join(staging, places[i]), *stranger = NULL;

        if (!tree)
            saved = false;
        else if (!manifest_is_by(tree, name) && has_stranger(tree, &stranger))
            saved = set_aside(log, dest, tree, stranger) && saved;
        free(stranger);
        free(tree);
    }
    return saved;
}

/* Once these are gone, what is left is nothing that anybody would take for more. */
static void unmark(const char *staging)
{
    static const char *const names[] = { "journal", "commit" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = fs_join(staging, names[i]);

        if (path)
            fs_remove_tree(path, NULL);
        free(path);
    }
}

static bool goes_on(void *arg)
{
    const struct leftovers_removal *removal = arg;

    return removal->to_the_end || background_poll(&removal->run->ranks, NULL) == 0;
}

struct emptying {
    const struct leftovers_removal *removal;
    const char *staging;
    bool failed;
};

/* Who has it is removed last: whoever finds the rest meanwhile must see whether that run
 * lives or is gone. */
static int remove_named(void *arg, const char *name, struct err *err)
{
    struct emptying *emptying = arg;
    char *path;

    (void)err;
    if (strcmp(name, "owner") == 0 || strcmp(name, "released") == 0 ||
        strcmp(name, "beat") == 0)
        return 0;
    path = fs_join(emptying->staging, name);
    if (!path || fs_remove_tree_while(path, goes_on, (void *)(uintptr_t)emptying->removal,
                                      NULL) < 0)
        emptying->failed = true;
    free(path);
    return 0;
}

static int remove_all(const struct leftovers_removal *removal, const char *staging)
{
    struct emptying emptying = { removal, staging, false };
    char *beat;

    if (fs_list(staging, remove_named, &emptying, NULL) < 0 || emptying.failed)
        return -1;
    beat = fs_join(staging, "beat");
    /* What is left without an owner would count as nobody's. */
    if (beat)
        fs_unlink(beat, NULL);
    free(beat);
    return fs_remove_tree(staging, NULL);
}

/* What was taken over, or was just being. */
static int remove_inner(void *arg, const char *name, struct err *err)
{
    struct emptying *emptying = arg;
    char *inner;

    (void)err;
    if (!run_dir_is_run(name) && strcmp(name, "kept") != 0)
        return 0;
    inner = fs_join(emptying->staging, name);
    if (!inner || !leftovers_remove(emptying->removal, inner))
        emptying->failed = true;
    free(inner);
    return 0;
}

bool leftovers_remove(const struct leftovers_removal *removal, const char *staging)
{
    struct emptying inner = { removal, staging, false };

    if (fs_list(staging, remove_inner, &inner, NULL) < 0 && errno != ENOENT)
        return false;
    if (inner.failed)
        return false;
    put_back(removal->dest, staging);
    if (!save_strangers(&removal->run->ranks.log, removal->dest, staging))
        return false;
    unmark(staging);
    return remove_all(removal, staging) == 0;
}

struct search {
    const char *parent, *run;
    struct strbuf prefix;
    bool found;
};

static int look_for_run(void *arg, const char *name, struct err *err)
{
    struct search *search = arg;
    char *dir;

    (void)err;
    if (!run_dir_is_staging(name, search->prefix.data))
        return 0;
    dir = fs_join(search->parent, name);
    search->found |= !dir || fs_is_there(dir, search->run);
    free(dir);
    return 0;
}

bool leftovers_may_be_shown(const char *dest, const char *version)
{
    struct search search = { .found = false };
    struct strbuf parent = { 0 };
    char run[MANIFEST_RUN];

    if (!manifest_run_of(version, run))
        return false;
    layout_parent(dest, &parent);
    layout_staging_prefix(dest, &search.prefix);
    search.parent = parent.data;
    search.run = run;
    if (parent.failed || search.prefix.failed ||
        fs_list(parent.data, look_for_run, &search, NULL) < 0)
        search.found = true;
    strbuf_release(&parent);
    strbuf_release(&search.prefix);
    return search.found;
}
