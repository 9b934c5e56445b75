/* core/state/journal_scan.h -- which notes of a journal count once a sync or a close has
 * failed. Beside the notes (core/state/journal_line.h) a journal has these lines:
 *
 *     node NODE        16 hex digits: where the following is noted. 0: it is on the disk
 *     sync N           the disk is asked for all that is noted above
 *     done N TIME      it has it. TIME: nanoseconds, by the clock of the node
 *
 * Linux tells a failure once, to whoever asks first, and takes the lost pages for written
 * from then on. So after a failure on a node the notes made there count only if a sync
 * after them was done before the one that failed began. Other nodes have pages, and are
 * told of failures, of their own. */
#ifndef CORE_STATE_JOURNAL_SCAN_H
#define CORE_STATE_JOURNAL_SCAN_H

#include "core/state/journal_line.h"

#define JOURNAL_ON_DISK UINT64_C(0)
#define JOURNAL_ANY_NODE UINT64_MAX /* not known: any failure may concern it */

/* A sync or a close that failed, and when it began. */
struct journal_failure {
    uint64_t node, time;
};

/* Each returns the length, and fits into JOURNAL_LINE. */
size_t journal_node_line(char line[JOURNAL_LINE], uint64_t node);
size_t journal_sync_line(char line[JOURNAL_LINE], unsigned number);
size_t journal_done_line(char line[JOURNAL_LINE], unsigned number, uint64_t time);

/* A failure as the name of a file. false: it is not such a name. */
size_t journal_failure_name(char name[JOURNAL_LINE],
                            const struct journal_failure *failure);
bool journal_failure_parse(const char *name, struct journal_failure *failure);

struct journal_failures {
    struct journal_failure *item;
    size_t count;
};

/* Hand over each note that counts, with its node. Lines that are none are skipped. -1 as
 * soon as take returns that. */
int journal_scan(const char *text, size_t len, const struct journal_failures *failures,
                 int (*take)(void *arg, const struct journal_entry *entry), void *arg);

#endif
