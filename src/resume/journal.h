/* resume/journal.h -- each rank's own list of what lies in the staged tree, in
 * staging/journal/<rank>. Written by pool threads as segments land; read by the next run
 * (resume/resume.h). */
#ifndef RESUME_JOURNAL_H
#define RESUME_JOURNAL_H

#include "core/state/journal_line.h"
#include "ranks/run.h"

struct append;

/* The number that stands for a file of the plan in journals; false: none may. */
bool journal_key(const struct run *run, size_t file, uint64_t *key);

/* NULL in *out where the run stages nothing. */
int journal_open(struct append **out, const struct run *run, struct err *err);

/* The bytes of a segment are in their place and were closed without an error. A note that
 * cannot be made is none: it only costs a later run. */
void journal_note(struct append *journal, const struct run *run, uint32_t segment,
                  uint64_t sum);

/* Where err is unsure, all journals of the run and of what it took over stop counting, on
 * whichever rank: the next run fetches into files of its own. Any thread. */
void journal_doubt(const struct run *run, const struct err *err);

/* Whether that has happened. */
bool journal_is_void(const struct run *run);

/* Whether any rank has noted anything. */
bool journal_is_there(const char *staging);

/* All entries of all journals in a staging, appended to *entries, which is grown.
 * Journals that cannot be read and lines that are none are left out. ERR_DEFECT: out of
 * memory. */
int journal_read(const char *staging, struct journal_entry **entries, size_t *count,
                 struct err *err);

/* One journal with these entries in place of all that a staging had. */
int journal_replace(const char *staging, const struct journal_entry *entries,
                    size_t count, struct err *err);

#endif
