#include "resume/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/append.h"
#include "io/fs/fs.h"
#include "io/sha256.h"

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
    char name[FS_NAME];

    *out = NULL;
    if (!run->staging.path || run->mode == RUN_REHASH)
        return 0;
    fs_format(name, "journal/%d", run->ranks.rank);
    return append_open(out, &run->staging.dir, name, err);
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

/* By one rename for all of them: other ranks may be writing to theirs, or about
 * to create them. */
static void make_void(const struct run *run, const struct fs_dir *staging)
{
    struct err err = { 0 };

    /* Another rank may have been faster. */
    if (fs_rename(staging, "journal", staging, "void", FS_RENAME_ABSENT, NULL) < 0 &&
        fs_remove_tree(staging, "journal", &err) < 0 && fs_is_there(staging, "journal"))
        log_line(&run->ranks.log, LOG_WARN,
                 "%s: remove it by hand, else the next run may use data that is not on "
                 "the disk",
                 err.text);
}

void journal_doubt(const struct run *run, const struct err *err)
{
    struct fs_dir kept = { 0 };

    if (!err->unsure || !run->staging.path || run->mode == RUN_REHASH)
        return;
    make_void(run, &run->staging.dir);
    if (fs_dir_below(&kept, &run->staging.dir, "kept", NULL) == 0)
        make_void(run, &kept);
    fs_dir_close(&kept);
}

bool journal_is_void(const struct run *run)
{
    /* It may have been another node. */
    fs_refresh(&run->staging.dir, "void");
    return fs_is_there(&run->staging.dir, "void");
}

static int note_one(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    *(bool *)arg = true;
    return 0;
}

bool journal_is_there(const struct fs_dir *staging)
{
    bool is = false;

    return (fs_list(staging, "journal", note_one, &is, NULL) < 0 && errno != ENOENT) ||
           is;
}

struct reading {
    const struct fs_dir *staging;
    struct journal_entry *entry;
    size_t count, room;
    struct err err; /* of a journal that the disk did not give, or of memory */
};

/* Not the file is at fault then, so what it says must not be lost. */
static bool is_passing(int number)
{
    static const int numbers[] = { EIO, ESTALE, EMFILE, ENFILE, ENOMEM, ETIMEDOUT };

    for (size_t i = 0; i < countof(numbers); i++)
        if (numbers[i] == number)
            return true;
    return false;
}

static void add(struct reading *reading, const struct journal_entry *entry)
{
    if (reading->count == reading->room) {
        size_t room = reading->room + reading->room / 2 + 64;
        struct journal_entry *grown =
            realloc(reading->entry, room * sizeof(*reading->entry));

        if (!grown) {
            err_memory(&reading->err, "the journals");
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
    struct journal_entry entry;
    char *text = NULL, path[FS_NAME];
    struct err why = { 0 };
    size_t len = 0;

    (void)err;
    if (*name == '.') /* one that was removed while it was open */
        return 0;
    fs_format(path, "journal/%s", name);
    errno = 0;
    if (fs_read_regular(reading->staging, path, journal_most, &text, &len, &why) == 0)
        for (const char *at = text; at < text + len && reading->err.code == ERR_NONE;)
            if (journal_line_parse(&at, text + len, &entry))
                add(reading, &entry);
    if (why.code != ERR_NONE && is_passing(errno))
        err_copy(&reading->err, &why);
    free(text);
    return 0;
}

int journal_read(const struct fs_dir *staging, struct journal_entry **entries,
                 size_t *count, struct err *err)
{
    struct reading reading = {
        .staging = staging, .entry = *entries, .count = *count, .room = *count
    };
    struct err why = { 0 };

    if (fs_list(staging, "journal", read_one, &reading, &why) < 0 && is_passing(errno))
        err_copy(&reading.err, &why);
    *entries = reading.entry;
    *count = reading.count;
    return reading.err.code != ERR_NONE ? err_copy(err, &reading.err) : 0;
}

static const char whole[] = "kept"; /* the others are named after ranks */

static int remove_other(void *arg, const char *name, struct err *err)
{
    const struct fs_dir *staging = arg;
    char path[FS_NAME];

    (void)err;
    if (strcmp(name, whole) != 0)
        fs_remove_tree(staging, fs_format(path, "journal/%s", name), NULL);
    return 0;
}

/* The old ones go once the new one is there: what is told twice does no harm. */
int journal_replace(const struct fs_dir *staging, const struct journal_entry *entries,
                    size_t count, struct err *err)
{
    static const char made[] = "journal-made";
    char line[JOURNAL_LINE], path[FS_NAME];
    struct strbuf text = { 0 };
    int rc = -1;

    fs_format(path, "journal/%s", whole);
    for (size_t i = 0; i < count; i++)
        strbuf_add(&text, line, journal_line(line, &entries[i]));
    if (text.failed)
        err_memory(err, "a journal");
    else if (fs_mkdir(staging, "journal", 0700, err) == 0 &&
             fs_write_all(staging, made, text.data, text.len, true, false, err) == 0 &&
             fs_rename(staging, made, staging, path, FS_RENAME_REPLACE, err) == 0)
        rc = fs_list(staging, "journal", remove_other, (void *)(uintptr_t)staging, err);
    strbuf_release(&text);
    return rc;
}
