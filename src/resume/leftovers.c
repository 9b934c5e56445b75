#include "resume/leftovers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan/layout.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "resume/extras.h"
#include "resume/journal.h"
#include "resume/rescue.h"
#include "resume/run_dir.h"
#include "resume/versions.h"
#include "staging/manifest_write.h"
#include "staging/record.h"

enum { MARK = 128 };        /* bytes: the longest mark */
enum { PASSES = 1000 };     /* most, over a staging that is being emptied */
enum { HIDDEN_TRIES = 10 }; /* looks at what is open yet, ... */

static const double HIDDEN_PAUSE = 0.05; /* seconds, after each of them */

static const char mark[] = "commit", forced[] = " force";

int leftovers_mark(const struct run *run, bool force, struct err *err)
{
    char text[MARK];

    snprintf(text, sizeof(text), "%s%s", manifest_run(run), force ? forced : "");
    return fs_write_all(&run->staging.dir, mark, text, strlen(text), true, run->opt.sync,
                        err);
}

/* The run that may have taken the visible step; false: none. */
static bool read_mark(const struct fs_dir *staging, char name[MARK], bool *force)
{
    char *text = NULL, *blank;
    size_t len = 0;
    bool there = fs_is_there(staging, mark);

    /* An unreadable mark names no run, so that nothing counts as that run's own. */
    name[0] = '\0';
    *force = false;
    if (there && fs_read_regular(staging, mark, MARK - 1, &text, &len, NULL) == 0) {
        snprintf(name, MARK, "%s", text);
        blank = strchr(name, ' ');
        *force = blank && strcmp(blank, forced) == 0;
        if (blank)
            *blank = '\0';
    }
    free(text);
    return there;
}

/* If a run was killed when its tree was among the versions but not visible yet: move it
 * back into staging. Nothing is done if .NAME.versions has been replaced by something
 * else. */
static void put_back(const struct fs_dir *parent, const char *dest,
                     const struct fs_dir *staging)
{
    struct strbuf target = { 0 };
    struct fs_dir versions = { 0 };
    char name[MARK], *version;
    bool force;

    if (!read_mark(staging, name, &force) ||
        fs_readlink(staging, "link", &target, NULL) < 0 || target.failed ||
        !layout_is_version(dest, target.data))
        goto out;
    version = strrchr(target.data, '/') + 1;
    if (versions_open(&versions, parent, dest, false, NULL) == 0 &&
        record_is_by(&(struct record_tree){ &versions, version, parent, dest }, name))
        fs_rename(&versions, version, staging, "tree", FS_RENAME_ABSENT, NULL);
out:
    fs_dir_close(&versions);
    strbuf_release(&target);
}

static bool is_by(const struct fs_dir *staging, const char *tree,
                  const struct fs_dir *parent, const char *dest, const char *run)
{
    return record_is_by(&(struct record_tree){ staging, tree, parent, dest }, run);
}

bool leftovers_reclaim(const struct fs_dir *parent, const char *dest,
                       const struct fs_dir *staging)
{
    char name[MARK];
    bool force;

    put_back(parent, dest, staging);
    return !read_mark(staging, name, &force) ||
           (is_by(staging, "tree", parent, dest, name) &&
            fs_unlink(staging, mark, NULL) == 0);
}

/* After a plain update the old tree is in tree; if DEST became a symlink, in link; earlier
 * versions lie beside. false: they are still there. */
static bool save_foreign_files(const struct leftovers_removal *removal,
                               const struct fs_dir *staging)
{
    static const char *const places[] = { "tree", "link" };
    const struct rescue rescue = { removal->run, removal->parent, removal->dest };
    char name[MARK];
    bool force = false, marked = read_mark(staging, name, &force);
    bool saved = rescue_dest(&rescue, staging);

    saved = rescue_versions(&rescue, staging) && saved;
    for (size_t i = 0; marked && i < sizeof(places) / sizeof(places[0]); i++) {
        if (is_by(staging, places[i], removal->parent, removal->dest, name))
            continue;
        saved = extras_rescue(&rescue, staging, places[i]) &&
                (force || rescue_tree(&rescue, staging, places[i])) && saved;
    }
    return saved;
}

/* Without these files nothing else in it is taken for a usable staging. */
static void unmark(const struct fs_dir *staging)
{
    fs_remove_tree(staging, "journal", NULL);
    fs_remove_tree(staging, mark, NULL);
}

static bool goes_on(void *arg)
{
    const struct leftovers_removal *removal = arg;

    return removal->to_the_end || background_poll(&removal->run->ranks, NULL) == 0;
}

struct emptying {
    const struct leftovers_removal *removal;
    const struct fs_dir *staging;
    unsigned seen;    /* in one pass */
    struct err first; /* of what could not be removed */
};

static void note_failure(struct emptying *emptying, const struct err *err)
{
    if (emptying->first.code == ERR_NONE)
        emptying->first = *err;
}

static bool is_inner(const char *name)
{
    return run_dir_is_run(name) || strcmp(name, "kept") == 0;
}

/* The owner is removed last: until then other runs must see whether that run lives. What
 * is left of others has its own. */
static int remove_named(void *arg, const char *name, struct err *err)
{
    struct emptying *emptying = arg;
    struct err why = { 0 };

    (void)err;
    if (is_inner(name) || strcmp(name, "owner") == 0 || strcmp(name, "released") == 0 ||
        strcmp(name, "beat") == 0 || fs_is_hidden(name) ||
        fs_is_missing(emptying->staging, name))
        return 0;
    emptying->seen++;
    if (fs_remove_tree_while(emptying->staging, name, goes_on,
                             (void *)(uintptr_t)emptying->removal, &why) < 0)
        note_failure(emptying, &why);
    return 0;
}

static int remove_hidden(void *arg, const char *name, struct err *err)
{
    const struct emptying *emptying = arg;

    (void)err;
    if (fs_is_hidden(name))
        fs_remove_tree(emptying->staging, name, NULL);
    return 0;
}

static int note_hidden(void *arg, const char *name, struct err *err)
{
    struct emptying *emptying = arg;

    (void)err;
    emptying->seen += fs_is_hidden(name) && !fs_is_missing(emptying->staging, name);
    return 0;
}

/* Once, since what is open comes back under another name. A file that was just closed may
 * take a moment to go. */
static int remove_all_hidden(struct emptying *emptying, struct err *err)
{
    for (int tries = 0; tries < HIDDEN_TRIES; tries++) {
        emptying->seen = 0;
        if (fs_list(emptying->staging, ".", note_hidden, emptying, err) < 0)
            return -1;
        if (emptying->seen == 0)
            return 0;
        if (tries == 0)
            fs_list(emptying->staging, ".", remove_hidden, emptying, NULL);
        clock_sleep(HIDDEN_PAUSE);
    }
    return err_set(err, ERR_DEST, "a file in '%s' is open yet", emptying->staging->path);
}

/* A rest without an owner would be nobody's. */
static int remove_last(const struct fs_dir *staging, struct err *err)
{
    if (fs_unlink(staging, "beat", err) < 0 || fs_unlink(staging, "released", err) < 0 ||
        fs_unlink(staging, "owner", err) < 0)
        return -1;
    return fs_remove_empty(staging, ".", err);
}

/* What was taken over, or was just being. */
static int remove_inner(void *arg, const char *name, struct err *err)
{
    struct emptying *emptying = arg;
    struct fs_dir inner = { 0 };
    struct err why = { 0 };

    (void)err;
    if (!is_inner(name) || fs_is_missing(emptying->staging, name))
        return 0;
    emptying->seen++;
    if (fs_dir_below(&inner, emptying->staging, name, &why) < 0 ||
        leftovers_remove(emptying->removal, &inner, &why) < 0)
        note_failure(emptying, &why);
    fs_dir_close(&inner);
    return 0;
}

/* Again and again: some file systems skip entries of a directory that shrinks while it is
 * read. Others list what is gone already, for as long as their cache lasts: that counts as
 * nothing. */
static int remove_each(struct emptying *emptying,
                       int (*visit)(void *arg, const char *name, struct err *err),
                       struct err *err)
{
    const char *path = emptying->staging->path;

    for (int pass = 0; pass < PASSES; pass++) {
        if (pass > 0 && !goes_on((void *)(uintptr_t)emptying->removal))
            return err_set(err, ERR_INTERRUPTED, "interrupted while removing '%s'", path);
        emptying->seen = 0;
        if (fs_list(emptying->staging, ".", visit, emptying, err) < 0)
            return -1;
        if (emptying->seen == 0 || emptying->first.code != ERR_NONE)
            return 0;
    }
    return err_set(err, ERR_DEST, "'%s' still lists what was removed from it", path);
}

int leftovers_remove(const struct leftovers_removal *removal,
                     const struct fs_dir *staging, struct err *err)
{
    struct emptying all = { .removal = removal, .staging = staging };

    if (!fs_is_there(staging, "."))
        return 0;
    if (remove_each(&all, remove_inner, err) < 0)
        return -1;
    put_back(removal->parent, removal->dest, staging);
    if (!save_foreign_files(removal, staging))
        return err_set(err, ERR_DEST,
                       "a previous '%s' in it could not be moved to another place",
                       removal->dest);
    versions_free(staging);
    unmark(staging);
    if (remove_each(&all, remove_named, err) < 0)
        return -1;
    if (all.first.code != ERR_NONE)
        return err_copy(err, &all.first);
    return remove_all_hidden(&all, err) < 0 ? -1 : remove_last(staging, err);
}

static int note_inner(void *arg, const char *name, struct err *err)
{
    (void)err;
    *(bool *)arg |= is_inner(name);
    return 0;
}

bool leftovers_are_resumable(const struct fs_dir *parent, const char *dest,
                             const struct fs_dir *staging)
{
    char name[MARK];
    bool force, inner = false;
    struct fs_info link;

    /* The tree may be among the versions, from where the link brings it back. */
    if (read_mark(staging, name, &force))
        return is_by(staging, "tree", parent, dest, name) ||
               (fs_look(staging, "link", &link, NULL) == 0 && link.kind == FS_SYMLINK &&
                !fs_is_there(staging, "tree"));
    return journal_is_there(staging) ||
           fs_list(staging, ".", note_inner, &inner, NULL) < 0 || inner;
}

struct search {
    const struct fs_dir *parent;
    const char *run;
    char prefix[FS_NAME];
    bool found;
};

static int look_for_run(void *arg, const char *name, struct err *err)
{
    struct search *search = arg;
    char path[FS_NAME];

    (void)err;
    if (run_dir_is_staging(name, search->prefix))
        search->found |=
            fs_is_there(search->parent, fs_format(path, "%s/%s", name, search->run));
    return 0;
}

bool leftovers_has_run(const struct fs_dir *parent, const char *dest, const char *run)
{
    struct search search = { .parent = parent, .run = run };

    fs_format(search.prefix, ".%s.mpifetch-", layout_name(dest));
    return fs_list(parent, ".", look_for_run, &search, NULL) < 0 || search.found;
}

bool leftovers_may_be_shown(const struct fs_dir *parent, const char *dest,
                            const struct fs_dir *versions, const char *version)
{
    const struct record_tree tree = { versions, version, parent, dest };
    struct manifest head;
    bool may = record_load_head(&head, &tree, NULL, NULL) == 0 && *head.run &&
               leftovers_has_run(parent, dest, head.run);

    manifest_release(&head);
    return may;
}
