#include "core/state/journal_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { HEX = 16, MORE_MOST = 1 << 20 };

static void put_hex(char out[HEX + 1], uint64_t value)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    text_hex(out, bytes, sizeof(bytes));
}

size_t journal_line(char line[JOURNAL_LINE], const struct journal_entry *entry)
{
    char key[HEX + 1], sum[HEX + 1], more[HEX] = "";

    put_hex(key, entry->key);
    put_hex(sum, entry->sum);
    if (entry->more > 0)
        snprintf(more, sizeof(more), " %" PRIu32, entry->more);
    return (size_t)snprintf(line, JOURNAL_LINE, "%s %" PRIu64 " %" PRIu64 " %s%s\n", key,
                            entry->offset, entry->len, sum, more);
}

static bool take_blank(const char **at)
{
    if (**at != ' ')
        return false;
    ++*at;
    return true;
}

static bool take_more(const char **at, uint32_t *more)
{
    uint64_t value = 0;

    if (**at == '\0')
        return true;
    if (!take_blank(at) || !text_take_u64(at, &value) || value == 0 || value > MORE_MOST)
        return false;
    *more = (uint32_t)value;
    return true;
}

bool journal_line_parse(const char **at, const char *end, struct journal_entry *entry)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    char line[JOURNAL_LINE] = { 0 };
    size_t len = (size_t)((stop ? stop : end) - *at);
    const char *p = line;

    if (stop && len < sizeof(line))
        memcpy(line, *at, len);
    *at = stop ? stop + 1 : end;
    *entry = (struct journal_entry){ 0 };
    /* Zeroes follow the line, so no field is read beyond it. */
    return stop && len > (size_t)2 * HEX && len < sizeof(line) &&
           text_take_hex(&p, &entry->key) && take_blank(&p) &&
           text_take_u64(&p, &entry->offset) && take_blank(&p) &&
           text_take_u64(&p, &entry->len) && take_blank(&p) && p + HEX <= line + len &&
           text_take_hex(&p, &entry->sum) && take_more(&p, &entry->more) &&
           p == line + len && entry->offset + entry->len > entry->offset;
}

bool journal_subject(const struct plan *plan, size_t file, bool by_etag,
                     struct strbuf *text)
{
    const struct plan_file *f = &plan->files[file];
    const char *etag = plan_text(plan, f->etag);
    char hex[2 * sizeof(f->want.bytes) + 1];

    if (f->want.kind == DIGEST_NONE && !*etag)
        return false;
    text_hex(hex, f->want.bytes, digest_length(&f->want));
    strbuf_addf(text, "%s\n%" PRIu64 " %d %s\n", by_etag ? etag : plan_path(plan, file),
                f->size, (int)f->want.kind, hex);
    /* A validator identifies a version at one URL only. */
    if (f->want.kind == DIGEST_NONE) {
        strbuf_addf(text, "%s\n", etag);
        plan_place(plan, file, text);
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct journal_entry *left = a, *right = b;

    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return left->more < right->more ? -1 : left->more > right->more;
}

void journal_sort(struct journal_entry *entries, size_t count)
{
    if (count > 0)
        qsort(entries, count, sizeof(*entries), compare);
}

size_t journal_of(const struct journal_entry *entries, size_t count, uint64_t key,
                  const struct journal_entry **first)
{
    size_t low = 0, high = count, end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (entries[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < count && entries[end].key == key; end++)
        ;
    *first = count > 0 ? entries + low : NULL;
    return end - low;
}

size_t journal_from(const struct journal_entry *first, size_t count, uint64_t offset)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (first[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct journal_entry *journal_find(const struct journal_entry *first, size_t count,
                                         struct range range)
{
    for (size_t i = journal_from(first, count, range.begin);
         i < count && first[i].offset == range.begin; i++)
        if (first[i].len == range.end - range.begin)
            return &first[i];
    return NULL;
}

bool journal_covers(const struct journal_entry *first, size_t count, uint64_t size)
{
    uint64_t end = 0;

    for (size_t i = 0; i < count && first[i].offset <= end; i++)
        if (first[i].more == 0 && first[i].offset + first[i].len > end)
            end = first[i].offset + first[i].len;
    return end >= size;
}
