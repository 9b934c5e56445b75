/* resume/journal.h -- each rank's list of the segments in the staged tree, in
 * staging/journal/<rank>. Pool threads write it as segments land; the next run reads it
 * (resume/resume.h). */
#ifndef RESUME_JOURNAL_H
#define RESUME_JOURNAL_H

#include "core/state/journal_line.h"
#include "ranks/run.h"

struct append;

/* The key of a file of the plan in journals; false: it gets no entries. */
bool journal_key(const struct run *run, size_t file, uint64_t *key);

/* *out is NULL if the run stages nothing. */
int journal_open(struct append **out, const struct run *run, struct err *err);

/* The bytes of a segment are at their final path and the file was closed without an
 * error. If the line cannot be written, a later run fetches the segment again. */
void journal_note(struct append *journal, const struct run *run, uint32_t segment,
                  uint64_t sum);

/* If err is unsure, invalidate all journals of the run and of what it took over, whatever
 * rank wrote them: the next run fetches into files of its own. Any thread. */
void journal_doubt(const struct run *run, const struct err *err);

/* Whether that has happened. */
bool journal_is_void(const struct run *run);

/* Whether any rank has recorded a segment, or that cannot be found out. */
bool journal_is_there(const struct fs_dir *staging);

/* All entries of all journals in a staging, appended to *entries, which is grown.
 * Journals that are no files and invalid lines are skipped. -1 if the disk does not give a
 * journal: what it says may be needed. */
int journal_read(const struct fs_dir *staging, struct journal_entry **entries,
                 size_t *count, struct err *err);

/* Replace all journals of a staging by one with these entries. */
int journal_replace(const struct fs_dir *staging, const struct journal_entry *entries,
                    size_t count, struct err *err);

#endif
