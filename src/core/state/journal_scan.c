#include "core/state/journal_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char node_word[] = "node ", sync_word[] = "sync ", done_word[] = "done ";

size_t journal_node_line(char line[JOURNAL_LINE], uint64_t node)
{
    return (size_t)snprintf(line, JOURNAL_LINE, "%s%016" PRIx64 "\n", node_word, node);
}

size_t journal_sync_line(char line[JOURNAL_LINE], unsigned number)
{
    return (size_t)snprintf(line, JOURNAL_LINE, "%s%u\n", sync_word, number);
}

size_t journal_done_line(char line[JOURNAL_LINE], unsigned number, uint64_t time)
{
    return (size_t)snprintf(line, JOURNAL_LINE, "%s%u %" PRIu64 "\n", done_word, number,
                            time);
}

size_t journal_failure_name(char name[JOURNAL_LINE],
                            const struct journal_failure *failure)
{
    return (size_t)snprintf(name, JOURNAL_LINE, "%016" PRIx64 "-%" PRIu64, failure->node,
                            failure->time);
}

bool journal_failure_parse(const char *name, struct journal_failure *failure)
{
    return text_take_hex(&name, &failure->node) && *name++ == '-' &&
           text_take_u64(&name, &failure->time) && *name == '\0';
}

/* A line that is no note. */
struct mark {
    char kind; /* its first letter; NUL: none of these */
    uint64_t value, time;
};

/* The line at *at, which moves behind it. A torn one is none. */
static struct mark next_mark(const char **at, const char *end)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    size_t len = (size_t)((stop ? stop : end) - *at);
    char line[JOURNAL_LINE] = { 0 };
    struct mark mark = { 0 };
    const char *p = line + sizeof(node_word) - 1;
    bool good = false;

    if (stop && len < sizeof(line))
        memcpy(line, *at, len);
    *at = stop ? stop + 1 : end;
    if (text_starts(line, node_word))
        good = text_take_hex(&p, &mark.value);
    else if (text_starts(line, sync_word))
        good = text_take_u64(&p, &mark.value);
    else if (text_starts(line, done_word))
        good = text_take_u64(&p, &mark.value) && *p++ == ' ' &&
               text_take_u64(&p, &mark.time);
    mark.kind = good && *p == '\0' ? line[0] : '\0';
    return mark;
}

/* When the first failure began that concerns a node; UINT64_MAX: there is none. Where the
 * node is not known, clocks cannot be compared. */
static uint64_t first_failure(const struct journal_failures *failures, uint64_t node)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < failures->count && node != JOURNAL_ON_DISK; i++) {
        const struct journal_failure *failure = &failures->item[i];

        if (failure->node == JOURNAL_ANY_NODE || node == JOURNAL_ANY_NODE)
            return 0;
        if (failure->node == node && failure->time < first)
            first = failure->time;
    }
    return first;
}

/* Notes of one node. */
struct part {
    const char *begin, *end;
    uint64_t node, failed; /* when */
};

/* Up to where it is on the disk. A sync that was done after a failure had begun may not
 * have been told of it. */
static const char *on_disk(const struct part *part)
{
    const char *at = part->begin, *sync = at, *found = at;
    uint64_t number = 0;

    while (at < part->end) {
        const char *line = at;
        struct mark mark = next_mark(&at, part->end);

        if (mark.kind == 's') {
            sync = line;
            number = mark.value;
        } else if (mark.kind == 'd' && mark.value == number && mark.time < part->failed) {
            found = sync;
        }
    }
    return found;
}

static int scan_part(const struct part *part,
                     int (*take)(void *arg, const struct journal_entry *entry), void *arg)
{
    const char *at = part->begin, *safe = on_disk(part);

    while (at < part->end) {
        bool is_safe = at < safe;
        struct journal_entry entry;

        if (!journal_line_parse(&at, part->end, &entry) ||
            (!is_safe && part->failed != UINT64_MAX))
            continue;
        entry.node = is_safe ? JOURNAL_ON_DISK : part->node;
        if (take(arg, &entry) < 0)
            return -1;
    }
    return 0;
}

int journal_scan(const char *text, size_t len, const struct journal_failures *failures,
                 int (*take)(void *arg, const struct journal_entry *entry), void *arg)
{
    const char *at = text, *end = text + len;
    struct part part = { .begin = text, .node = JOURNAL_ANY_NODE };

    while (at < end) {
        const char *line = at;
        struct mark mark = next_mark(&at, end);

        if (mark.kind != 'n' && at < end)
            continue;
        part.end = mark.kind == 'n' ? line : end;
        part.failed = first_failure(failures, part.node);
        if (scan_part(&part, take, arg) < 0)
            return -1;
        part.begin = at;
        part.node = mark.value;
    }
    return 0;
}
