/* core/state/journal_line.h -- what a rank records of the segments that it has put into
 * staging, a line for what came together: enough for a later run to find them and to
 * verify that they are unchanged.
 *
 *     KEY OFFSET LENGTH SUM [MORE]\n     KEY and SUM: 16 hex digits; the others decimal
 *
 * KEY is a checksum over the file's path, size, digest and validator, so an entry made
 * for another version of the source matches nothing. SUM is the checksum of the bytes.
 * Lines need no checksum of their own: a torn line or a flipped bit gives bytes a
 * checksum that they do not have, and they are fetched again. MORE is in lines of
 * runs that were merged into one (resume/kept.h). */
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
    uint64_t
        node; /* where it was noted; not in the line, see core/state/journal_scan.h */
};

enum { JOURNAL_LINE = 88 }; /* bytes, the longest line and a NUL */

/* Returns the length. */
size_t journal_line(char line[JOURNAL_LINE], const struct journal_entry *entry);

/* Parse the line at *at, before end; *at moves behind it in any case. false: it is not
 * a valid line. */
bool journal_line_parse(const char **at, const char *end, struct journal_entry *entry);

/* The text of which KEY is the checksum. by_etag: files are named by their entity tags.
 * false: two versions of this file could not be told apart, so it gets no entries. */
bool journal_subject(const struct plan *plan, size_t file, bool by_etag,
                     struct strbuf *text);

/* By key, then offset, then more: the order of those below. */
void journal_sort(struct journal_entry *entries, size_t count);

/* The entries of a file; returns how many. */
size_t journal_of(const struct journal_entry *entries, size_t count, uint64_t key,
                  const struct journal_entry **first);

/* The number of the first entry of a file that begins at that offset or later. */
size_t journal_from(const struct journal_entry *first, size_t count, uint64_t offset);

/* The entry of exactly these bytes, or NULL. Of several the one with the lowest more. */
const struct journal_entry *journal_find(const struct journal_entry *first, size_t count,
                                         struct range range);

/* Whether the entries of tree among those of a file cover all its bytes. */
bool journal_covers(const struct journal_entry *first, size_t count, uint64_t size);

#endif
