#include "resume/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/append.h"
#include "io/fs/fs.h"
#include "io/sha256.h"
#include "resume/claim.h"

static const size_t journal_most = (size_t)1
                                   << 30; /* bytes of one that is worth reading */

bool journal_key(const struct run *run, size_t file, uint64_t *key)
{
    struct strbuf subject = { 0 };
    struct checksum *sum = checksum_create();
    bool good = sum &&
                journal_subject(&run->plan, file, run->layout == RUN_BLOBS, &subject) &&
                !subject.failed;

    if (good) {
        checksum_feed(sum, subject.data, subject.len);
        *key = checksum_value(sum);
    }
    checksum_destroy(sum);
    strbuf_release(&subject);
    return good;
}

int journal_open(struct append **out, const struct run *run, struct err *err)
{
    struct strbuf path = { 0 };
    int rc;

    *out = NULL;
    if (!run->staging.path || run->mode == RUN_REHASH)
        return 0;
    strbuf_addf(&path, "%s/journal/%d", run->staging.path, run->ranks.rank);
    rc = path.failed ? err_memory(err, "a path") : append_open(out, path.data, err);
    strbuf_release(&path);
    return rc;
}

void journal_note(struct append *journal, const struct run *run, uint32_t segment,
                  uint64_t sum)
{
    struct range range = segment_range(&run->segments, segment);
    struct journal_entry entry = { .offset = range.begin,
                                   .len = range.end - range.begin,
                                   .sum = sum };
    char line[JOURNAL_LINE];

    if (journal && journal_key(run, run->segments.file[segment], &entry.key))
        append_line(journal, line, journal_line(line, &entry), NULL);
}

/* By a rename of all at once: other ranks may be writing to theirs, or be about to make
 * them. */
static void make_void(const struct run *run, const char *staging)
{
    char *from = fs_join(staging, "journal"), *to = fs_join(staging, "void");
    struct err err = { 0 };
    struct fs_info info;

    /* Another rank may have been faster. */
    if (from && to && fs_rename(from, to, FS_RENAME_ABSENT, NULL) < 0 &&
        fs_remove_tree(from, &err) < 0 && fs_look(from, &info, NULL) == 0 &&
        info.kind != FS_MISSING)
        log_line(&run->ranks.log, LOG_WARN,
                 "%s: remove it by hand, else the next run may use data that is not on "
                 "the disk",
                 err.text);
    free(from);
    free(to);
}

void journal_doubt(const struct run *run, const struct err *err)
{
    char *kept;

    if (!err->unsure || !run->staging.path || run->mode == RUN_REHASH)
        return;
    make_void(run, run->staging.path);
    kept = fs_join(run->staging.path, "kept");
    if (kept)
        make_void(run, kept);
    free(kept);
}

bool journal_is_void(const struct run *run)
{
    char *path = fs_join(run->staging.path, "void");

    /* It may have been another node. */
    if (path)
        fs_refresh(path);
    free(path);
    return fs_is_there(run->staging.path, "void");
}

static int note_one(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    *(bool *)arg = true;
    return 0;
}

bool journal_is_there(const char *staging)
{
    char *dir = fs_join(staging, "journal");
    bool is = false;

    if (dir)
        fs_list(dir, note_one, &is, NULL);
    free(dir);
    return is;
}

struct reading {
    const char *dir;
    struct journal_entry *entry;
    size_t count, room;
    bool failed;
};

static void add(struct reading *reading, const struct journal_entry *entry)
{
    if (reading->count == reading->room) {
        size_t room = reading->room + reading->room / 2 + 64;
        struct journal_entry *grown =
            realloc(reading->entry, room * sizeof(*reading->entry));

        if (!grown) {
            reading->failed = true;
            return;
        }
        reading->entry = grown;
        reading->room = room;
    }
    reading->entry[reading->count++] = *entry;
}

static int read_one(void *arg, const char *name, struct err *err)
{
    struct reading *reading = arg;
    struct strbuf path = { 0 };
    struct journal_entry entry;
    char *text = NULL;
    size_t len = 0;

    (void)err;
    if (*name == '.') /* one that was removed while it was open */
        return 0;
    strbuf_addf(&path, "%s/%s", reading->dir, name);
    if (!path.failed && fs_read_regular(path.data, journal_most, &text, &len, NULL) == 0)
        for (const char *at = text; at < text + len && !reading->failed;)
            if (journal_line_parse(&at, text + len, &entry))
                add(reading, &entry);
    free(text);
    strbuf_release(&path);
    return 0;
}

int journal_read(const char *staging, struct journal_entry **entries, size_t *count,
                 struct err *err)
{
    struct strbuf dir = { 0 };
    struct reading reading = { .entry = *entries, .count = *count, .room = *count };

    strbuf_addf(&dir, "%s/journal", staging);
    reading.dir = dir.data;
    if (!dir.failed)
        fs_list(dir.data, read_one, &reading, NULL);
    *entries = reading.entry;
    *count = reading.count;
    if (reading.failed || dir.failed)
        err_memory(err, "the journals");
    strbuf_release(&dir);
    return reading.failed ? -1 : 0;
}

static const char whole[] = "kept"; /* the others are named after ranks */

static int remove_other(void *arg, const char *name, struct err *err)
{
    char *path = strcmp(name, whole) == 0 ? NULL : fs_join(arg, name);

    (void)err;
    if (path)
        fs_remove_tree(path, NULL);
    free(path);
    return 0;
}

/* The old ones go once the new one is there: what is told twice does no harm. */
int journal_replace(const char *staging, const struct journal_entry *entries,
                    size_t count, struct err *err)
{
    char *dir = fs_join(staging, "journal"), *made = fs_join(staging, "journal-made");
    char *path = dir ? fs_join(dir, whole) : NULL, line[JOURNAL_LINE];
    struct strbuf text = { 0 };
    int rc = -1;

    for (size_t i = 0; i < count; i++)
        strbuf_add(&text, line, journal_line(line, &entries[i]));
    if (!path || !made || text.failed)
        err_memory(err, "a journal");
    else if (fs_mkdir(dir, 0700, err) == 0 &&
             fs_write_all(made, text.data, text.len, true, false, err) == 0 &&
             fs_rename(made, path, FS_RENAME_REPLACE, err) == 0)
        rc = fs_list(dir, remove_other, dir, err);
    free(dir);
    free(made);
    free(path);
    strbuf_release(&text);
    return rc;
}
