#include "resume/resume.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "ranks/wants.h"
#include "resume/journal.h"
#include "resume/kept.h"
#include "resume/owner_watch.h"
#include "staging/existing.h"
#include "staging/staging.h"

static const uint32_t NOWHERE = UINT32_MAX;

/* The entries of a file. */
struct part {
    size_t first, count;
};

struct resume {
    struct run *run;
    struct journal_entry *entry; /* sorted */
    struct part *of_file;
    uint32_t *where; /* of each entry: enum staging_where, or NOWHERE */
    bool *moves;     /* of each entry: whoever checks it moves the file */
    size_t count;
    struct kept_more more;
    struct fs_info made; /* the directory of this run */
    bool gone;           /* nobody writes into kept/tree any more */
    bool doubted;  /* a sync of it failed: what it lacks must not be written into it */
    uint64_t unit; /* of which all entries begin on a multiple; 0: any */
    bool parts;    /* some are of a part of a file that may be one segment */
    size_t
        *of; /* of each segment: the number of the entry that begins there from 1, or 0 */
};

/* NULL: there are none. */
static struct journal_entry *entries_of(const struct resume *resume, size_t file,
                                        size_t *count)
{
    const struct part *part = &resume->of_file[file];

    *count = part->count;
    return part->count > 0 ? resume->entry + part->first : NULL;
}

static int find_entries(struct resume *resume, struct err *err)
{
    const struct run *run = resume->run;

    resume->of_file = calloc(run->plan.nfiles + 1, sizeof(*resume->of_file));
    if (!resume->of_file)
        return err_memory(err, "the data of earlier runs");
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        struct part *part = &resume->of_file[i];
        const struct journal_entry *found = NULL;
        uint64_t key;

        if (journal_key(run, i, &key))
            part->count = journal_of(resume->entry, resume->count, key, &found);
        part->first = part->count > 0 ? (size_t)(found - resume->entry) : 0;
    }
    return 0;
}

/* Whether the file of kept/tree may become this run's own. */
static bool may_move(const struct resume *resume, const struct journal_entry *entry,
                     size_t count, uint32_t file)
{
    return resume->gone &&
           (!resume->doubted ||
            journal_covers(entry, count, resume->run->plan.files[file].size));
}

/* The lowest bit that any of them has. */
static void measure(struct resume *resume)
{
    const struct plan *plan = &resume->run->plan;
    uint64_t bits = 0;

    for (size_t i = 0; i < plan->nfiles; i++) {
        size_t count;
        struct journal_entry *entry = entries_of(resume, i, &count);

        for (size_t k = 0; entry && k < count; k++) {
            uint64_t end = entry[k].offset + entry[k].len;

            bits |= entry[k].offset | (end < plan->files[i].size ? end : 0);
            resume->parts |= entry[k].len < plan->files[i].size &&
                             plan->files[i].size <= SEGMENT_WHOLE;
        }
    }
    resume->unit = bits & -bits;
}

static int look_at_kept(struct resume *resume, const struct fs_dir *kept, struct err *err)
{
    resume->gone = owner_watch_is_gone(kept);
    resume->doubted = journal_is_doubted(kept);
    if (journal_read(kept, &resume->entry, &resume->count, err) < 0 ||
        kept_list_more(kept, &resume->more, err) < 0)
        return -1;
    resume->where = calloc(resume->count + 1, sizeof(*resume->where));
    resume->moves = calloc(resume->count + 1, sizeof(*resume->moves));
    return resume->where && resume->moves ? 0
                                          : err_memory(err, "the data of earlier runs");
}

int resume_read(struct resume **out, struct run *run, struct err *err)
{
    struct resume *resume = calloc(1, sizeof(*resume));
    struct fs_dir kept = { 0 };
    int rc;

    *out = NULL;
    if (!resume)
        return err_memory(err, "the data of earlier runs");
    resume->run = run;
    rc = fs_look(&run->staging.dir, ".", &resume->made, err);
    if (rc == 0)
        rc = fs_dir_below(&kept, &run->staging.dir, "kept", err);
    if (rc == 0 && fs_is_there(&kept, "."))
        rc = look_at_kept(resume, &kept, err);
    if (rc == 0 && resume->count > 0) {
        journal_sort(resume->entry, resume->count);
        rc = find_entries(resume, err);
    }
    if (rc == 0 && resume->count > 0) {
        measure(resume);
        *out = resume;
        resume = NULL;
    }
    fs_dir_close(&kept);
    resume_release(resume);
    return rc;
}

void resume_fit(const struct resume *resume, uint64_t *size, uint64_t *least)
{
    if (!resume)
        return;
    while (resume->unit > 0 && *size > resume->unit && *size > SEGMENT_ALIGN)
        *size /= 2;
    if (resume->parts)
        *least = *size;
}

/* A segment that was verified again may be recorded twice. */
static uint64_t bytes_moved(const struct resume *resume, uint32_t file)
{
    uint64_t bytes = 0;
    size_t count;
    const struct journal_entry *entry = entries_of(resume, file, &count);

    if (!entry || !may_move(resume, entry, count, file))
        return 0;
    for (size_t k = 0; k < count; k++)
        if (entry[k].more == 0 && (k == 0 || entry[k].offset != entry[k - 1].offset))
            bytes += entry[k].len;
    return bytes;
}

uint64_t resume_missing(const struct resume *resume, const struct existing_file *existing,
                        uint64_t bytes)
{
    uint64_t there = 0;

    for (size_t i = 0; resume && i < resume->run->plan.nfiles; i++)
        if (!existing[i].there && wants_file(resume->run, i))
            there += bytes_moved(resume, (uint32_t)i);
    return bytes > there ? bytes - there : 0;
}

/* Whether the file is where a former run left it, as it should be. */
static bool has_file(const struct resume *resume, uint32_t where, uint32_t file,
                     struct fs_info *info)
{
    const struct run *run = resume->run;
    char name[FS_NAME];

    staging_kept_name(run, where, file, name);
    return fs_look(&run->staging.dir, name, info, NULL) == 0 && info->kind == FS_FILE &&
           info->size == run->plan.files[file].size;
}

/* Where the file of a line with that number is; in_tree: if it is in no more/<n>. */
static uint32_t locate(const struct resume *resume, uint32_t more, uint32_t file,
                       uint32_t in_tree)
{
    struct fs_info info;

    for (size_t i = 0; i < resume->more.count && more > 0; i++) {
        uint32_t where = STAGING_KEPT + resume->more.number[i];

        if (resume->more.number[i] <= more && has_file(resume, where, file, &info))
            return where;
    }
    return in_tree;
}

/* Only where nobody else can have it open for writing, or sees it under another name. The
 * target is in this run's own fresh tree. Where the file of kept/tree is then. */
static uint32_t move(const struct resume *resume, uint32_t file, bool may)
{
    const struct run *run = resume->run;
    char from[FS_NAME];
    struct fs_info info;

    if (!has_file(resume, STAGING_KEPT, file, &info))
        return NOWHERE;
    staging_kept_name(run, STAGING_KEPT, file, from);
    return may && info.links == 1 && fs_is_mine(&info, &resume->made) &&
                   fs_rename(&run->staging.dir, from, &run->staging.tree,
                             staging_name(run, file), FS_RENAME_REPLACE, NULL) == 0
               ? STAGING_TREE
               : STAGING_KEPT;
}

/* A small file with one line is opened by the rank that checks it anyway, which then finds
 * out whether it is there at all. */
static bool is_left_to_ranks(const struct resume *resume, uint32_t file,
                             const struct journal_entry *entry, size_t count)
{
    return segments_small(&resume->run->segments, file) && count == 1 && entry->more == 0;
}

bool resume_touches(const struct resume *resume, uint32_t file)
{
    size_t count = 0;
    const struct journal_entry *entry = resume ? entries_of(resume, file, &count) : NULL;

    return entry && !is_left_to_ranks(resume, file, entry, count);
}

bool resume_place(struct resume *resume, uint32_t file)
{
    size_t count = 0, first;
    struct journal_entry *entry = resume ? entries_of(resume, file, &count) : NULL;
    uint32_t in_tree, *where;

    if (!entry)
        return false;
    first = (size_t)(entry - resume->entry);
    where = resume->where + first;
    if (is_left_to_ranks(resume, file, entry, count)) {
        *where = STAGING_KEPT;
        resume->moves[first] = may_move(resume, entry, count, file);
        return false;
    }
    in_tree = move(resume, file, may_move(resume, entry, count, file));
    for (size_t i = 0; i < count; i++) {
        where[i] = i > 0 && entry[i].more == entry[i - 1].more
                       ? where[i - 1]
                       : locate(resume, entry[i].more, file, in_tree);
        if (where[i] == NOWHERE)
            entry[i].len = 0; /* matches no segment */
    }
    return in_tree == STAGING_TREE;
}

/* How many segments from the first on are the bytes of an entry that begins with it; 0:
 * they end elsewhere. */
static uint32_t match(const struct segments *segments, uint32_t first, uint32_t end,
                      const struct journal_entry *entry)
{
    uint64_t to = entry->offset + entry->len;
    uint64_t count = (entry->len + segments->size - 1) / segments->size;

    if (segments_of(segments, segments->file[first]) == 1)
        count = 1;
    return entry->len > 0 && count <= end - first &&
                   segment_range(segments, first + (uint32_t)count - 1).end == to
               ? (uint32_t)count
               : 0;
}

/* Of all that begin with a segment the longest. Returns how many it has, at least 1. */
static uint32_t settle_one(struct resume *resume, uint32_t segment, uint32_t end,
                           const struct journal_entry *entry, size_t count)
{
    const struct segments *segments = &resume->run->segments;
    uint64_t begin = segment_range(segments, segment).begin;
    uint32_t most = 0;

    for (size_t k = journal_from(entry, count, begin);
         k < count && entry[k].offset == begin; k++) {
        uint32_t has = match(segments, segment, end, &entry[k]);

        if (has > most) {
            resume->of[segment] = (size_t)(entry + k - resume->entry) + 1;
            most = has;
        }
    }
    return most > 0 ? most : 1;
}

int resume_settle(struct resume *resume, struct err *err)
{
    const struct segments *segments;

    if (!resume)
        return 0;
    segments = &resume->run->segments;
    resume->of = calloc(segments->count + (size_t)1, sizeof(*resume->of));
    if (!resume->of)
        return err_memory(err, "the data of earlier runs");
    for (uint32_t f = 0; f < resume->run->plan.nfiles; f++) {
        uint32_t end = segments->first[f] + segments_of(segments, f);
        size_t count;
        struct journal_entry *entry = entries_of(resume, f, &count);

        for (uint32_t s = segments->first[f]; entry && s < end;)
            s += settle_one(resume, s, end, entry, count);
    }
    return 0;
}

bool resume_held(const struct resume *resume, uint32_t segment, struct msg_item *item)
{
    const struct segments *segments;
    uint32_t end;
    size_t i;

    if (!resume || resume->of[segment] == 0)
        return false;
    segments = &resume->run->segments;
    end = segments->first[segments->file[segment] + 1];
    i = resume->of[segment] - 1;
    item->segments = match(segments, segment, end, &resume->entry[i]);
    item->flags |= MSG_ITEM_HELD | (resume->moves[i] ? MSG_ITEM_MOVES : 0u);
    item->where = resume->where[i];
    item->checksum = resume->entry[i].sum;
    return true;
}

void resume_forget(struct resume *resume, uint32_t segment)
{
    if (resume && resume->of)
        resume->of[segment] = 0;
}

void resume_release(struct resume *resume)
{
    if (!resume)
        return;
    free(resume->entry);
    free(resume->of_file);
    free(resume->where);
    free(resume->moves);
    free(resume->more.number);
    free(resume->of);
    free(resume);
}
