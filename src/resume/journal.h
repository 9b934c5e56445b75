/* resume/journal.h -- each rank's list of the segments in the staged tree, in
 * staging/journal/<rank>. Pool threads write it as segments land and as the disk is known
 * to have them; the next run reads it (resume/resume.h). What it says counts until a sync
 * or a close fails (core/state/journal_scan.h), which staging/failed tells by the names in
 * it.
 *
 * Life cycle   journal_open; journal_note as segments land; journal_sync, then
 *              journal_done, around each sync of all that was noted before; journal_close,
 *              which takes NULL. All of them take a journal that is NULL. */
#ifndef RESUME_JOURNAL_H
#define RESUME_JOURNAL_H

#include "core/state/journal_line.h"
#include "ranks/run.h"

struct journal;

/* The key of a file of the plan in journals; false: it gets no entries. */
bool journal_key(const struct run *run, size_t file, uint64_t *key);

/* *out is NULL if the run stages nothing. */
int journal_open(struct journal **out, const struct run *run, struct err *err);
void journal_close(struct journal *journal);

/* So many neighbours are at their final path and the file was closed without an error; sum
 * is of all of them. If the line cannot be written, a later run fetches them again. */
void journal_note(struct journal *journal, const struct run *run, uint32_t first,
                  uint32_t count, uint64_t sum);

/* The same of several grants: collect a line for each, and write them at once, which
 * empties lines. */
void journal_collect(struct strbuf *lines, const struct run *run, uint32_t first,
                     uint32_t count, uint64_t sum);
void journal_put(struct journal *journal, struct strbuf *lines);

/* A sync of all that was noted so far begins; it has ended well. */
void journal_sync(struct journal *journal);
void journal_done(struct journal *journal);

/* If err is unsure, what was noted on this node since the last sync does not count any
 * more, whatever rank of it did, in this run and in those that it took over: the next run
 * fetches it into files of its own. Any thread. */
void journal_doubt(const struct run *run, const struct err *err);

/* Whether that has happened: a file of which not all counts must be left alone. */
bool journal_is_doubted(const struct fs_dir *staging);

/* Whether any rank has recorded a segment that counts, or that cannot be found out. */
bool journal_is_there(const struct fs_dir *staging);

/* All entries that count of all journals in a staging, appended to *entries, which is
 * grown. Journals that are no files and invalid lines are skipped. -1 if the disk does not
 * give a journal: what it says may be needed. */
int journal_read(const struct fs_dir *staging, struct journal_entry **entries,
                 size_t *count, struct err *err);

/* Replace all journals of a staging by one with these entries. */
int journal_replace(const struct fs_dir *staging, const struct journal_entry *entries,
                    size_t count, struct err *err);

#endif
