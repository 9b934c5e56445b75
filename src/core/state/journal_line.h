/* core/state/journal_line.h -- what a rank notes of each segment that lies in staging: enough
 * for a later run to find it again and to see that it is still what it was.
 *
 *     KEY OFFSET LENGTH SUM [MORE]\n     KEY and SUM: 16 hex digits; the others decimal
 *
 * KEY stands for the file: its path, size, digest and validator, so that an entry of
 * another version of the source leads nowhere. SUM is the checksum of the bytes. A line
 * that is torn or has a flipped bit says of some bytes that they have a checksum which
 * they have not; so lines need no checksum of their own. MORE is in lines of runs that were
 * folded into one (resume/kept.h). */
#ifndef CORE_STATE_JOURNAL_LINE_H
#define CORE_STATE_JOURNAL_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/plan/plan.h"
#include "core/plan/segment.h"

struct journal_entry {
    uint64_t key;
    uint64_t offset, len; /* bytes of the file */
    uint64_t sum;
    uint32_t more; /* 0: the file lies in tree; N: in more/N */
};

enum { JOURNAL_LINE = 88 }; /* bytes, the longest line and a NUL */

/* Returns the length. */
size_t journal_line(char line[JOURNAL_LINE], const struct journal_entry *entry);

/* The line at *at, before end; *at moves behind it, good or not. false: it is none. */
bool journal_line_parse(const char **at, const char *end, struct journal_entry *entry);

/* The text of which KEY is the checksum. blobs: files lie under their entity tags. false:
 * nothing tells two versions of this file apart, so no entry may be made of it. */
bool journal_subject(const struct plan *plan, size_t file, bool blobs,
                     struct strbuf *text);

/* By key, then offset, then more: the order of the two below. */
void journal_sort(struct journal_entry *entries, size_t count);

/* The entries of a file; returns how many. */
size_t journal_of(const struct journal_entry *entries, size_t count, uint64_t key,
                  const struct journal_entry **first);

/* The entry of exactly these bytes, or NULL. Of several the one with the lowest more. */
const struct journal_entry *journal_find(const struct journal_entry *first, size_t count,
                                         struct range range);

#endif
