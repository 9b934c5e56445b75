/* What a former run left, read as a journal and as a list of processes. What is taken for
 * an entry lies within what a file may be and comes back as it was written; nobody counts
 * as gone unless the list is whole. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/state/journal_line.h"
#include "core/state/owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_journal(const char *text, size_t len)
{
    struct journal_entry entry, back;
    char line[JOURNAL_LINE];

    for (const char *at = text; at < text + len;) {
        const char *before = at, *again = line;
        bool good = journal_line_parse(&at, text + len, &entry);

        require(at > before && at <= text + len);
        if (!good)
            continue;
        require(entry.len > 0 && entry.offset <= UINT64_MAX - entry.len);
        require(journal_line_parse(&again, line + journal_line(line, &entry), &back));
        require(memcmp(&entry, &back, sizeof(entry)) == 0);
    }
}

static bool nobody_lives(void *arg, uint64_t pid, uint64_t start)
{
    (void)arg;
    (void)pid;
    (void)start;
    return false;
}

static void read_owner(const char *text)
{
    const struct owner_view view = { .here = { .host = "h", .boot = "b", .space = "s" },
                                     .job = { "c", 1, 1 },
                                     .lives = nobody_lives };
    char host[OWNER_WORD];

    owner_host(text, host);
    require(memchr(host, 0, sizeof(host)) != NULL);
    if (owner_is_gone(text, &view) || owner_is_whole(text))
        require(text_starts(text, "mpifetch owner 1\n") && text_ends(text, "end\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    read_journal(text, size);
    read_owner(text);
    free(text);
    return 0;
}
