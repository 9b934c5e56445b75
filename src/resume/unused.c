#include "resume/unused.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "resume/journal.h"
#include "resume/owner_watch.h"
#include "resume/run_dir.h"

enum { REF = 4096 }; /* bytes, most */

static const char ref_name[] = "ref";

/* To be freed; NULL: for none, or it cannot be read. */
static char *ref_of(const struct fs_dir *staging)
{
    char *text = NULL;
    size_t len;

    fs_read_regular(staging, ref_name, REF, &text, &len, NULL);
    return text;
}

int unused_note_ref(const struct run *run, struct err *err)
{
    const char *ref = plan_text(&run->plan, run->plan.ref);

    return fs_write_all(&run->staging.dir, ref_name, ref, strlen(ref), true, false, err);
}

void unused_mix_refs(const struct fs_dir *into, const struct fs_dir *from)
{
    char *one = ref_of(into), *other = ref_of(from);

    if (one && (!other || strcmp(one, other) != 0))
        fs_unlink(into, ref_name, NULL);
    free(one);
    free(other);
}

static bool is_superseded(const struct run *run, const struct fs_dir *kept)
{
    char *ref = ref_of(kept);
    bool is = ref && strcmp(ref, plan_text(&run->plan, run->plan.ref)) == 0;

    free(ref);
    return is;
}

/* Returns how many are not about files of the plan; these come first then. */
static size_t drop_planned(const struct run *run, struct journal_entry *entries,
                           size_t count)
{
    size_t stay = 0;

    journal_sort(entries, count);
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        const struct journal_entry *of;
        uint64_t key;
        size_t n = journal_key(run, i, &key) ? journal_of(entries, count, key, &of) : 0;

        for (size_t k = 0; k < n; k++)
            entries[of - entries + (ptrdiff_t)k].len = 0;
    }
    for (size_t i = 0; i < count; i++)
        if (entries[i].len > 0)
            entries[stay++] = entries[i];
    return stay;
}

/* As a run's, under a name that any run of the same destination looks at. */
static int move_out(const struct run *run, const struct fs_dir *kept, struct err *err)
{
    const struct fs_dir *parent = &run->staging.parent;
    const char *home = fs_dir_name(&run->staging.home), *mark = run_dir_mark(home);
    char prefix[FS_NAME], name[RUN_DIR_NAME];
    struct fs_dir own = { 0 };
    struct strbuf made = { 0 };
    int rc;

    fs_format(prefix, "%.*s.mpifetch-", (int)(mark ? mark - home : 0), home);
    rc = fs_private_dir(parent, ".", prefix, &made, err);
    if (rc == 0)
        rc = fs_dir_open(&own, parent, made.data, err);
    if (rc == 0) {
        run_dir_name(name, made.data);
        rc = fs_rename(kept, ".", &own, name, FS_RENAME_ABSENT, err);
    }
    if (rc == 0)
        log_line(&run->ranks.log, LOG_INFO,
                 "'%s/%s' keeps what an earlier run had fetched of other content",
                 own.path, name);
    else if (made.data)
        fs_remove_empty(parent, made.data, NULL);
    fs_dir_close(&own);
    strbuf_release(&made);
    return rc;
}

void unused_leave(struct run *run)
{
    struct journal_entry *entries = NULL;
    struct fs_dir kept = { 0 };
    size_t count = 0;

    if (fs_dir_below(&kept, &run->staging.dir, "kept", NULL) == 0 &&
        owner_watch_is_gone(&kept) && !is_superseded(run, &kept) &&
        journal_read(&kept, &entries, &count, NULL) == 0) {
        count = drop_planned(run, entries, count);
        if (count > 0 && journal_replace(&kept, entries, count, NULL) == 0)
            move_out(run, &kept, NULL);
    }
    free(entries);
    fs_dir_close(&kept);
}
