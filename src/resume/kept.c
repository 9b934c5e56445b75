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

enum { POLL = 1000 }; /* files between two looks for signals */

/* Files and lines of from go into into. */
struct fold {
    struct run *run;
    const char *into, *from;
    struct kept_more more; /* of into, before */
    uint32_t number;       /* the more for what does not go into tree */
    bool mixes;            /* both are certainly gone */
    uint64_t moved;        /* files */
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

int kept_list_more(const char *kept, struct kept_more *more, struct err *err)
{
    char *path = fs_join(kept, "more");
    int rc = path ? 0 : err_memory(err, "a path");

    *more = (struct kept_more){ 0 };
    if (rc == 0 && fs_is_there(kept, "more"))
        rc = fs_list(path, add_number, more, err);
    if (more->count > 0)
        qsort(more->number, more->count, sizeof(*more->number), largest_first);
    free(path);
    return rc;
}

/* Part by part: should the staging have been taken away, it must not come back. */
static int make_parents(const char *top, const char *name, struct err *err)
{
    struct strbuf path = { 0 };
    int rc = 0;

    for (const char *slash = strchr(name, '/'); rc == 0 && slash;
         slash = strchr(slash + 1, '/')) {
        strbuf_clear(&path);
        strbuf_addf(&path, "%s/%.*s", top, (int)(slash - name), name);
        rc = path.failed ? err_memory(err, "a path") : fs_mkdir(path.data, 0777, err);
    }
    strbuf_release(&path);
    return rc;
}

/* from/name becomes into/to, with its parents, unless that was done before. 1: one of
 * that name is there. */
static int put(const struct fold *fold, const char *name, const char *to, struct err *err)
{
    char *here = fs_join(fold->from, name), *there = fs_join(fold->into, to);
    int rc = -1;

    if (!here || !there)
        err_memory(err, "a path");
    else if (fs_rename(here, there, FS_RENAME_ABSENT, NULL) == 0 ||
             !fs_is_there(fold->from, name))
        rc = 0;
    else if (make_parents(fold->into, to, err) == 0) {
        rc = fs_rename(here, there, FS_RENAME_ABSENT, err);
        if (rc < 0 && (errno == EEXIST || errno == ENOTEMPTY)) {
            err_clear(err);
            rc = 1;
        }
    }
    free(here);
    free(there);
    return rc;
}

static bool is_in_more(const struct fold *fold, const char *path)
{
    struct strbuf name = { 0 };
    bool is = false;

    for (size_t i = 0; i < fold->more.count && !is; i++) {
        strbuf_clear(&name);
        strbuf_addf(&name, "more/%u/%s", (unsigned)fold->more.number[i], path);
        is = name.failed || fs_is_there(fold->into, name.data);
    }
    strbuf_release(&name);
    return is;
}

static int put_file(void *arg, const char *path, const struct fs_info *info,
                    struct err *err)
{
    struct fold *fold = arg;
    struct strbuf name = { 0 }, other = { 0 };
    int rc = 1;

    if (info->kind != FS_FILE)
        return 0;
    if (fold->moved % POLL == 0 && background_poll(&fold->run->ranks, err) < 0)
        return -1;
    strbuf_addf(&name, "tree/%s", path);
    strbuf_addf(&other, "more/%u/%s", (unsigned)fold->number, path);
    if (name.failed || other.failed)
        rc = err_memory(err, "a path");
    else if (fold->mixes && !is_in_more(fold, path))
        rc = put(fold, name.data, name.data, err);
    if (rc == 1)
        rc = put(fold, name.data, other.data, err);
    fold->moved += rc == 0;
    strbuf_release(&name);
    strbuf_release(&other);
    return rc < 0 ? -1 : 0;
}

/* Again while there is something: some file systems lose their place in a directory that
 * shrinks while it is read. */
static int put_tree(struct fold *fold, struct err *err)
{
    struct strbuf to = { 0 };
    char *tree = fs_join(fold->from, "tree");
    int rc = 1;

    strbuf_addf(&to, "more/%u", (unsigned)fold->number);
    if (!tree || to.failed)
        rc = err_memory(err, "a path");
    else if (!fold->mixes && fs_is_there(fold->from, "tree"))
        rc = put(fold, "tree", to.data, err);
    while (rc == 1 && fs_is_there(fold->from, "tree")) {
        uint64_t before = fold->moved;

        if (fs_walk(tree, put_file, fold, err) < 0)
            rc = -1;
        else if (fold->moved == before)
            rc = 0;
    }
    free(tree);
    strbuf_release(&to);
    return rc < 0 ? -1 : 0;
}

static int put_more(const struct fold *fold, struct err *err)
{
    struct kept_more more;
    int rc = kept_list_more(fold->from, &more, err);

    for (size_t i = 0; i < more.count && rc == 0; i++) {
        struct strbuf name = { 0 }, to = { 0 };

        strbuf_addf(&name, "more/%u", (unsigned)more.number[i]);
        strbuf_addf(&to, "more/%u", (unsigned)(fold->number + more.number[i]));
        if (name.failed || to.failed || put(fold, name.data, to.data, err) < 0)
            rc = err_memory(err, "a path"); /* where nothing else was the reason */
        strbuf_release(&name);
        strbuf_release(&to);
    }
    free(more.number);
    return rc;
}

/* The next number that no line has. Files of this fold may be there under it already, of
 * an attempt that was killed: as long as no line tells of them, it is the same again. */
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

/* Leave out of entries what old tells already; returns how many stay, 0: all is known.
 * The last more must have a line, for next_number. */
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

/* Lines go last: until they are there, a fold that was killed begins anew. */
static int put_entries(const struct fold *fold, struct journal_entry **old, size_t count,
                       const struct journal_entry *entries, size_t more, struct err *err)
{
    struct journal_entry *all = realloc(*old, (count + more) * sizeof(*all));
    struct strbuf name = { 0 };
    bool apart;

    if (!all)
        return err_memory(err, "the journals");
    *old = all;
    strbuf_addf(&name, "more/%u", (unsigned)fold->number);
    apart = name.failed || fs_is_there(fold->into, name.data);
    strbuf_release(&name);
    for (size_t i = 0; i < more; i++) {
        all[count + i] = entries[i];
        if (apart || entries[i].more > 0)
            all[count + i].more += fold->number;
    }
    return journal_replace(fold->into, all, count + more, err);
}

/* Of what is left of it nothing is needed, so no signal ends that. */
static void discard(struct run *run, const char *left)
{
    const struct leftovers_removal removal = { run, run->opt.dest, true };

    leftovers_remove(&removal, left);
}

static int fold_into(struct run *run, const char *into, const char *from, struct err *err)
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
    fold.mixes = owner_watch_is_gone(into) && owner_watch_is_gone(from);
    if (more == 0 || (put_tree(&fold, err) == 0 && put_more(&fold, err) == 0 &&
                      put_entries(&fold, &old, count, entries, more, err) == 0))
        rc = 0;
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
    const char *holder;
};

static int absorb_one(void *arg, const char *name, struct err *err);

/* What a dead run had taken over becomes part of what it left itself. */
static int absorb_inner(struct run *run, const char *left, struct err *err)
{
    struct search search = { run, left };
    char *kept = fs_join(left, "kept");
    int rc = kept ? fs_list(left, absorb_one, &search, err) : err_memory(err, "a path");

    if (rc == 0 && fs_is_there(left, "kept"))
        rc = fold_into(run, left, kept, err);
    free(kept);
    return rc;
}

/* left, a run-XXXXXX in holder, becomes part of holder/kept. What DEST was before the
 * visible step of that run stays where it is. */
static int absorb(struct run *run, const char *holder, const char *left, struct err *err)
{
    char *kept;
    int rc;

    if (!leftovers_reclaim(run->opt.dest, left))
        return 0;
    rc = absorb_inner(run, left, err);
    if (rc < 0)
        return -1;
    if (!journal_is_there(left)) {
        discard(run, left);
        return 0;
    }
    kept = fs_join(holder, "kept");
    if (!kept)
        return err_memory(err, "a path");
    if (fs_is_there(holder, "kept"))
        rc = fold_into(run, kept, left, err);
    else
        rc = fs_rename(left, kept, FS_RENAME_ABSENT, err);
    free(kept);
    return rc;
}

static int absorb_one(void *arg, const char *name, struct err *err)
{
    const struct search *search = arg;
    char *left;
    int rc;

    if (!run_dir_is_run(name))
        return 0;
    left = fs_join(search->holder, name);
    rc =
        left ? absorb(search->run, search->holder, left, err) : err_memory(err, "a path");
    free(left);
    return rc;
}

int kept_take(struct run *run, const char *other, bool gone, struct err *err)
{
    char *to = fs_join(run->staging.path, strrchr(other, '/') + 1);
    char *released = to ? fs_join(to, "released") : NULL;
    int rc = -1;

    if (!released) {
        err_memory(err, "a path");
    } else if (fs_rename(other, to, FS_RENAME_ABSENT, err) < 0) {
        if (errno == ENOENT) {
            err_clear(err);
            rc = 1;
        }
    } else {
        log_line(&run->ranks.log, LOG_INFO,
                 "reusing the data that an earlier run left in '%s'", other);
        rc = gone ? fs_write_all(released, "", 0, true, false, err) : 0;
        if (rc == 0)
            rc = absorb(run, run->staging.path, to, err);
    }
    free(to);
    free(released);
    return rc;
}

static int note_taken(void *arg, const char *name, struct err *err)
{
    (void)err;
    if (run_dir_is_run(name) || strcmp(name, "kept") == 0)
        *(bool *)arg = true;
    return 0;
}

bool kept_is_there(const struct run *run)
{
    bool is = false;

    fs_list(run->staging.path, note_taken, &is, NULL);
    return is;
}
