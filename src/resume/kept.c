#include "resume/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "resume/journal.h"
#include "resume/leftovers.h"
#include "resume/owner_watch.h"
#include "resume/run_dir.h"
#include "resume/unused.h"

enum { POLL = 1000 }; /* files between two checks for signals */

/* Merges files and journal lines of `from` into `into`. */
struct fold {
    struct run *run;
    const struct fs_dir *into, *from;
    struct kept_more more; /* of into, before */
    uint32_t number;       /* the number in more for files that cannot be put into tree */
    bool mixes;            /* both are certainly gone, and no sync of from has failed */
    uint64_t moved;        /* names */
};

static int add_number(void *arg, const char *name, struct err *err)
{
    struct kept_more *more = arg;
    uint32_t *grown;
    uint64_t number;

    if (!text_take_u64(&name, &number) || *name || number > UINT32_MAX)
        return 0;
    grown = realloc(more->number, (more->count + 1) * sizeof(*grown));
    if (!grown)
        return err_memory(err, "what former runs left");
    more->number = grown;
    more->number[more->count++] = (uint32_t)number;
    return 0;
}

static int largest_first(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left > right ? -1 : left < right;
}

int kept_list_more(const struct fs_dir *kept, struct kept_more *more, struct err *err)
{
    int rc = 0;

    *more = (struct kept_more){ 0 };
    if (fs_is_there(kept, "more"))
        rc = fs_list(kept, "more", add_number, more, err);
    if (more->count > 0)
        qsort(more->number, more->count, sizeof(*more->number), largest_first);
    return rc;
}

/* Rename from/name to into/to, with its parents, unless that was done before. 1:
 * that name exists. */
static int put(struct fold *fold, const char *name, const char *to, struct err *err)
{
    char parents[FS_NAME], *slash;
    int rc = fs_rename(fold->from, name, fold->into, to, FS_RENAME_ABSENT, NULL);

    fold->moved += rc == 0;
    if (rc == 0 || fs_is_missing(fold->from, name))
        return 0;
    fs_format(parents, "%s", to);
    slash = strrchr(parents, '/');
    if (slash)
        *slash = '\0';
    if (slash && fs_mkdirs(fold->into, parents, err) < 0)
        return -1;
    rc = fs_rename(fold->from, name, fold->into, to, FS_RENAME_ABSENT, err);
    fold->moved += rc == 0;
    if (rc < 0 && (errno == EEXIST || errno == ENOTEMPTY)) {
        err_clear(err);
        rc = 1;
    }
    return rc;
}

static bool is_in_more(const struct fold *fold, const char *path)
{
    char name[FS_NAME];

    for (size_t i = 0; i < fold->more.count; i++)
        if (fs_is_there(fold->into, fs_format(name, "more/%u/%s",
                                              (unsigned)fold->more.number[i], path)))
            return true;
    return false;
}

static int put_file(void *arg, const char *path, const struct fs_info *info,
                    struct err *err)
{
    struct fold *fold = arg;
    char name[FS_NAME], other[FS_NAME];
    int rc = 1;

    const char *slash = strrchr(path, '/');

    if (info->kind != FS_FILE || fs_is_hidden(slash ? slash + 1 : path))
        return 0;
    if (fold->moved % POLL == 0 && background_poll(&fold->run->ranks, err) < 0)
        return -1;
    fs_format(name, "tree/%s", path);
    if (fold->mixes && !is_in_more(fold, path))
        rc = put(fold, name, name, err);
    if (rc == 1)
        rc = put(fold, name, fs_format(other, "more/%u/%s", (unsigned)fold->number, path),
                 err);
    return rc < 0 ? -1 : 0;
}

/* Repeat while anything is left: some file systems skip entries of a directory that
 * shrinks while it is read. */
static int put_tree(struct fold *fold, struct err *err)
{
    char to[FS_NAME];
    int rc = 1;

    fs_format(to, "more/%u", (unsigned)fold->number);
    if (!fold->mixes && fs_is_there(fold->from, "tree"))
        rc = put(fold, "tree", to, err);
    while (rc == 1 && fs_is_there(fold->from, "tree")) {
        uint64_t before = fold->moved;

        if (fs_walk(fold->from, "tree", put_file, fold, err) < 0)
            rc = -1;
        else if (fold->moved == before)
            rc = 0;
    }
    return rc < 0 ? -1 : 0;
}

static int put_more(struct fold *fold, struct err *err)
{
    char name[FS_NAME], to[FS_NAME];
    struct kept_more more;
    int rc = kept_list_more(fold->from, &more, err);

    for (size_t i = 0; i < more.count && rc == 0; i++) {
        fs_format(name, "more/%u", (unsigned)more.number[i]);
        fs_format(to, "more/%u", (unsigned)(fold->number + more.number[i]));
        if (put(fold, name, to, err) < 0)
            rc = -1;
    }
    free(more.number);
    return rc;
}

/* The next number that no line has. It may already have files, from an attempt of this
 * merge that was killed: as long as no line mentions them, they are the same files. */
static uint32_t next_number(const struct kept_more *more,
                            const struct journal_entry *entries, size_t count)
{
    for (size_t i = 0; i < more->count; i++)
        for (size_t k = 0; k < count; k++)
            if (entries[k].more == more->number[i])
                return more->number[i] + 1;
    return 1;
}

static bool is_known(const struct journal_entry *entry, const struct journal_entry *old,
                     size_t count)
{
    const struct journal_entry *of;
    struct range range = { entry->offset, entry->offset + entry->len };
    size_t n = journal_of(old, count, entry->key, &of);

    return n > 0 && journal_find(of, n, range);
}

/* Remove from entries what old has already; returns how many remain, 0: none. The last
 * more must have a line, for next_number. */
static size_t drop_known(struct journal_entry *entries, size_t count,
                         const struct journal_entry *old, size_t old_count)
{
    size_t stay = 0, known = 0;
    uint32_t last = 1;

    for (size_t i = 0; i < count; i++)
        last = entries[i].more > last ? entries[i].more : last;
    for (size_t i = 0; i < count; i++) {
        bool is = is_known(&entries[i], old, old_count);

        known += is;
        if (!is || entries[i].more == last)
            entries[stay++] = entries[i];
    }
    return known < count ? stay : 0;
}

/* Lines are written last: until then, a killed merge starts again. */
static int put_entries(const struct fold *fold, struct journal_entry **old, size_t count,
                       const struct journal_entry *entries, size_t more, struct err *err)
{
    struct journal_entry *all = realloc(*old, (count + more) * sizeof(*all));
    char name[FS_NAME];
    bool apart;

    if (!all)
        return err_memory(err, "the journals");
    *old = all;
    apart = fs_is_there(fold->into, fs_format(name, "more/%u", (unsigned)fold->number));
    for (size_t i = 0; i < more; i++) {
        all[count + i] = entries[i];
        if (apart || entries[i].more > 0)
            all[count + i].more += fold->number;
    }
    return journal_replace(fold->into, all, count + more, err);
}

/* Nothing of the rest is needed. What a signal leaves of it has no journal any more. */
static void discard(struct run *run, const struct fs_dir *left)
{
    const struct leftovers_removal removal = { run, &run->staging.parent, run->opt.dest,
                                               false };

    leftovers_remove(&removal, left, NULL);
}

static int fold_into(struct run *run, const struct fs_dir *into,
                     const struct fs_dir *from, struct err *err)
{
    struct fold fold = { .run = run, .into = into, .from = from };
    struct journal_entry *old = NULL, *entries = NULL;
    size_t count = 0, more = 0;
    int rc = -1;

    if (journal_read(into, &old, &count, err) < 0 ||
        journal_read(from, &entries, &more, err) < 0 ||
        kept_list_more(into, &fold.more, err) < 0)
        goto out;
    journal_sort(old, count);
    journal_sort(entries, more);
    more = drop_known(entries, more, old, count);
    fold.number = next_number(&fold.more, old, count);
    fold.mixes = owner_watch_is_gone(into) && owner_watch_is_gone(from) &&
                 !journal_is_doubted(from);
    if (more == 0 || (put_tree(&fold, err) == 0 && put_more(&fold, err) == 0 &&
                      put_entries(&fold, &old, count, entries, more, err) == 0))
        rc = 0;
    if (rc == 0 && more > 0)
        unused_mix_refs(into, from);
    if (rc == 0)
        discard(run, from);
out:
    free(old);
    free(entries);
    free(fold.more.number);
    return rc;
}

struct search {
    struct run *run;
    const struct fs_dir *holder;
};

static int absorb_one(void *arg, const char *name, struct err *err);

/* What a dead run had taken over is merged into its own leftovers. */
static int absorb_inner(struct run *run, const struct fs_dir *left, struct err *err)
{
    struct search search = { run, left };
    struct fs_dir kept = { 0 };
    int rc = fs_list(left, ".", absorb_one, &search, err);

    if (rc == 0 && fs_is_there(left, "kept"))
        rc = fs_dir_below(&kept, left, "kept", err) < 0
                 ? -1
                 : fold_into(run, left, &kept, err);
    fs_dir_close(&kept);
    return rc;
}

/* What cannot be removed would lie one deeper with each run. */
static void lift(const struct run *run, const struct fs_dir *holder,
                 const struct fs_dir *left)
{
    if (holder != &run->staging.dir)
        fs_rename(left, ".", &run->staging.dir, fs_dir_name(left), FS_RENAME_ABSENT,
                  NULL);
}

/* Merge left, a run-XXXXXX in holder, into holder/kept. If the visible step of that run
 * was taken, the previous DEST in it is not touched. */
static int absorb(struct run *run, const struct fs_dir *holder, const struct fs_dir *left,
                  struct err *err)
{
    struct fs_dir kept = { 0 };
    int rc;

    if (!leftovers_reclaim(&run->staging.parent, run->opt.dest, left)) {
        lift(run, holder, left);
        return 0;
    }
    rc = absorb_inner(run, left, err);
    if (rc < 0)
        return -1;
    if (!journal_is_there(left)) {
        discard(run, left);
        lift(run, holder, left);
        return 0;
    }
    if (!fs_is_there(holder, "kept"))
        return fs_rename(left, ".", holder, "kept", FS_RENAME_ABSENT, err);
    rc = fs_dir_below(&kept, holder, "kept", err) < 0 ? -1
                                                      : fold_into(run, &kept, left, err);
    fs_dir_close(&kept);
    return rc;
}

static int absorb_one(void *arg, const char *name, struct err *err)
{
    const struct search *search = arg;
    struct fs_dir left = { 0 };
    int rc;

    if (!run_dir_is_run(name))
        return 0;
    rc = fs_dir_below(&left, search->holder, name, err) < 0
             ? -1
             : absorb(search->run, search->holder, &left, err);
    fs_dir_close(&left);
    return rc;
}

int kept_take(struct run *run, const struct fs_dir *other, bool gone, struct err *err)
{
    const struct fs_dir *dir = &run->staging.dir;
    const char *name = fs_dir_name(other);
    struct fs_dir taken = { 0 };
    int rc = -1;

    if (fs_rename(other, ".", dir, name, FS_RENAME_ABSENT, err) < 0) {
        if (errno != ENOENT)
            return -1;
        err_clear(err);
        return 1;
    }
    log_line(&run->ranks.log, LOG_INFO,
             "reusing the data that an earlier run left in '%s'", other->path);
    if (fs_dir_below(&taken, dir, name, err) == 0 &&
        (!gone || fs_write_all(&taken, "released", "", 0, true, false, err) == 0))
        rc = absorb(run, dir, &taken, err);
    fs_dir_close(&taken);
    return rc;
}

struct taken {
    const struct fs_dir *staging;
    bool is;
};

static int note_taken(void *arg, const char *name, struct err *err)
{
    struct taken *taken = arg;
    struct fs_dir kept = { 0 };

    if (run_dir_is_run(name))
        taken->is = true;
    if (strcmp(name, "kept") == 0)
        taken->is |=
            fs_dir_below(&kept, taken->staging, name, err) < 0 || journal_is_there(&kept);
    fs_dir_close(&kept);
    return 0;
}

bool kept_is_there(const struct run *run)
{
    struct taken taken = { &run->staging.dir, false };

    return fs_list(&run->staging.dir, ".", note_taken, &taken, NULL) < 0 || taken.is;
}
