#include "resume/journal.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/state/journal_scan.h"
#include "io/append.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/process.h"
#include "io/sha256.h"

static const size_t journal_most = (size_t)1
                                   << 30; /* bytes of one that is worth reading */

bool journal_key(const struct run *run, size_t file, uint64_t *key)
{
    struct strbuf subject = { 0 };
    bool good = journal_subject(&run->plan, file, run->layout == RUN_BLOBS, &subject) &&
                !subject.failed;

    if (good)
        *key = checksum_bytes(subject.data, subject.len);
    strbuf_release(&subject);
    return good;
}

/* Whose memory holds what is not on the disk yet: ranks in containers share it. */
static uint64_t node_here(void)
{
    struct owner_process here;

    process_here(&here);
    return strcmp(here.boot, "-") == 0 ? JOURNAL_ANY_NODE
                                       : checksum_bytes(here.boot, strlen(here.boot));
}

struct journal {
    struct append *lines;
    unsigned syncs;
    atomic_bool noted; /* without a note there is no journal */
};

int journal_open(struct journal **out, const struct run *run, struct err *err)
{
    char name[FS_NAME], first[JOURNAL_LINE];
    struct journal *journal;

    *out = NULL;
    if (!run->staging.path || run->mode == RUN_REHASH)
        return 0;
    journal = calloc(1, sizeof(*journal));
    if (!journal)
        return err_memory(err, "a journal");
    fs_format(name, "journal/%d", run->ranks.rank);
    journal_node_line(first, node_here());
    if (append_open(&journal->lines, &run->staging.dir, name, first, err) < 0) {
        free(journal);
        return -1;
    }
    *out = journal;
    return 0;
}

void journal_close(struct journal *journal)
{
    if (journal)
        append_close(journal->lines);
    free(journal);
}

void journal_collect(struct strbuf *lines, const struct run *run, uint32_t first,
                     uint32_t count, uint64_t sum)
{
    struct range range = segments_range(&run->segments, first, count);
    struct journal_entry entry = { .offset = range.begin,
                                   .len = range.end - range.begin,
                                   .sum = sum };
    char line[JOURNAL_LINE];

    if (journal_key(run, run->segments.file[first], &entry.key))
        strbuf_add(lines, line, journal_line(line, &entry));
}

void journal_put(struct journal *journal, struct strbuf *lines)
{
    if (journal && !lines->failed && lines->len > 0) {
        append_line(journal->lines, lines->data, lines->len, NULL);
        atomic_store(&journal->noted, true);
    }
    strbuf_clear(lines);
}

void journal_note(struct journal *journal, const struct run *run, uint32_t first,
                  uint32_t count, uint64_t sum)
{
    struct strbuf lines = { 0 };

    journal_collect(&lines, run, first, count, sum);
    journal_put(journal, &lines);
    strbuf_release(&lines);
}

void journal_sync(struct journal *journal)
{
    char line[JOURNAL_LINE];

    if (journal && atomic_load(&journal->noted))
        append_line(journal->lines, line, journal_sync_line(line, ++journal->syncs),
                    NULL);
}

/* Of the clock that err->unsure is of. */
static uint64_t nanoseconds(double seconds)
{
    return (uint64_t)(seconds * 1e9);
}

void journal_done(struct journal *journal)
{
    char line[JOURNAL_LINE];

    if (journal && journal->syncs > 0)
        append_line(journal->lines, line,
                    journal_done_line(line, journal->syncs, nanoseconds(clock_now())),
                    NULL);
}

static const char failed[] = "failed";

/* Where no name can be made there may be one to change: then nothing counts. By one rename
 * for all of them: other ranks may be writing to theirs, or about to create them. */
static void make_void(const struct run *run, const struct fs_dir *staging)
{
    struct err err = { 0 };

    /* Another rank may have been faster. */
    if (fs_rename(staging, "journal", staging, failed, FS_RENAME_ABSENT, NULL) < 0 &&
        fs_remove_tree(staging, "journal", &err) < 0 && fs_is_there(staging, "journal"))
        log_line(&run->ranks.log, LOG_WARN,
                 "%s: remove it by hand, else the next run may use data that is not on "
                 "the disk",
                 err.text);
}

static void note_failure(const struct run *run, const struct fs_dir *staging,
                         const struct journal_failure *failure)
{
    char name[FS_NAME], last[JOURNAL_LINE];

    journal_failure_name(last, failure);
    fs_format(name, "%s/%s", failed, last);
    if (fs_mkdir(staging, failed, 0700, NULL) < 0 ||
        fs_write_all(staging, name, "", 0, true, false, NULL) < 0)
        make_void(run, staging);
}

void journal_doubt(const struct run *run, const struct err *err)
{
    const struct journal_failure failure = { node_here(), nanoseconds(err->unsure) };
    struct fs_dir kept = { 0 };

    if (err->unsure == 0 || !run->staging.path || run->mode == RUN_REHASH)
        return;
    note_failure(run, &run->staging.dir, &failure);
    if (fs_dir_below(&kept, &run->staging.dir, "kept", NULL) == 0 &&
        fs_is_there(&kept, "."))
        note_failure(run, &kept, &failure);
    fs_dir_close(&kept);
}

bool journal_is_doubted(const struct fs_dir *staging)
{
    /* It may have been another node. */
    fs_refresh(staging, failed);
    return fs_is_there(staging, failed);
}

static int note_one(void *arg, const char *name, struct err *err)
{
    (void)err;
    if (*name != '.')
        *(bool *)arg = true;
    return 0;
}

bool journal_is_there(const struct fs_dir *staging)
{
    struct journal_entry *entry = NULL;
    size_t count = 0;
    bool is = false;
    int rc;

    if (!journal_is_doubted(staging))
        return (fs_list(staging, "journal", note_one, &is, NULL) < 0 &&
                errno != ENOENT) ||
               is;
    rc = journal_read(staging, &entry, &count, NULL);
    free(entry);
    return rc < 0 || count > 0;
}

struct reading {
    const struct fs_dir *staging;
    struct journal_failures failures;
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

static int add_entry(void *arg, const struct journal_entry *entry)
{
    struct reading *reading = arg;

    if (reading->count == reading->room) {
        size_t room = reading->room + reading->room / 2 + 64;
        struct journal_entry *grown =
            realloc(reading->entry, room * sizeof(*reading->entry));

        if (!grown)
            return err_memory(&reading->err, "the journals");
        reading->entry = grown;
        reading->room = room;
    }
    reading->entry[reading->count++] = *entry;
    return 0;
}

static int add_failure(void *arg, const char *name, struct err *err)
{
    struct journal_failures *failures = arg;
    struct journal_failure failure, *grown;

    if (!journal_failure_parse(name, &failure))
        return 0;
    grown = realloc(failures->item, (failures->count + 1) * sizeof(*grown));
    if (!grown)
        return err_memory(err, "the failures of earlier runs");
    failures->item = grown;
    failures->item[failures->count++] = failure;
    return 0;
}

static int read_one(void *arg, const char *name, struct err *err)
{
    struct reading *reading = arg;
    char *text = NULL, path[FS_NAME];
    struct err why = { 0 };
    size_t len = 0;

    (void)err;
    if (*name == '.') /* one that was removed while it was open */
        return 0;
    fs_format(path, "journal/%s", name);
    errno = 0;
    if (fs_read_regular(reading->staging, path, journal_most, &text, &len, &why) == 0)
        journal_scan(text, len, &reading->failures, add_entry, reading);
    if (why.code != ERR_NONE && is_passing(errno))
        err_copy(&reading->err, &why);
    free(text);
    return 0;
}

/* Without the failures nothing in the journals can be believed. */
static int read_all(struct reading *reading, struct err *err)
{
    if (fs_list(reading->staging, failed, add_failure, &reading->failures, err) < 0) {
        if (errno != ENOENT)
            return -1;
        err_clear(err);
    }
    return fs_list(reading->staging, "journal", read_one, reading, err);
}

int journal_read(const struct fs_dir *staging, struct journal_entry **entries,
                 size_t *count, struct err *err)
{
    struct reading reading = {
        .staging = staging, .entry = *entries, .count = *count, .room = *count
    };
    struct err why = { 0 };

    if (read_all(&reading, &why) < 0 && is_passing(errno))
        err_copy(&reading.err, &why);
    free(reading.failures.item);
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
    if (strcmp(name, whole) != 0 && !fs_is_hidden(name))
        fs_remove_tree(staging, fs_format(path, "journal/%s", name), NULL);
    return 0;
}

static int forget_failure(void *arg, const char *name, struct err *err)
{
    const struct fs_dir *staging = arg;
    char path[FS_NAME];

    (void)err;
    if (!fs_is_hidden(name))
        fs_remove_tree(staging, fs_format(path, "%s/%s", failed, name), NULL);
    return 0;
}

/* The old ones go once the new one is there: what is told twice does no harm. Then there
 * is nothing that the failures of before concern: entries of others are not to suffer. */
int journal_replace(const struct fs_dir *staging, const struct journal_entry *entries,
                    size_t count, struct err *err)
{
    static const char made[] = "journal-made";
    char line[JOURNAL_LINE], path[FS_NAME];
    struct strbuf text = { 0 };
    int rc = -1;

    fs_format(path, "journal/%s", whole);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || entries[i].node != entries[i - 1].node)
            strbuf_add(&text, line, journal_node_line(line, entries[i].node));
        strbuf_add(&text, line, journal_line(line, &entries[i]));
    }
    if (text.failed)
        err_memory(err, "a journal");
    else if (fs_mkdir(staging, "journal", 0700, err) == 0 &&
             fs_write_all(staging, made, text.data, text.len, true, false, err) == 0 &&
             fs_rename(staging, made, staging, path, FS_RENAME_REPLACE, err) == 0)
        rc = fs_list(staging, "journal", remove_other, (void *)(uintptr_t)staging, err);
    if (rc == 0)
        fs_list(staging, failed, forget_failure, (void *)(uintptr_t)staging, NULL);
    strbuf_release(&text);
    return rc;
}
