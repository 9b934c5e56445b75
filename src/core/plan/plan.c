#include "core/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { TEXTS = 5 }; /* of one entry */

/* The NUL at offset 0 is the "" of all empty texts. */
static void begin_text(struct strbuf *text)
{
    if (text->len == 0)
        strbuf_add(text, "", 1);
}

/* Copy into the arena. Needs a check of text.failed and of the limit afterwards. */
static uint32_t intern(struct plan *plan, const char *text, size_t len)
{
    size_t at;

    begin_text(&plan->text);
    if (len == 0)
        return 0;
    at = plan->text.len;
    strbuf_add(&plan->text, text, len + 1);
    return (uint32_t)at;
}

/* After intern. Every offset is below the length, so a length that fits will do. */
static int check_text(const struct plan *plan, struct err *err)
{
    if (plan->text.failed)
        return err_memory(err, "plan");
    if (plan->text.len > UINT32_MAX)
        return err_set(err, ERR_SOURCE, "plan: more than 4 GiB of paths and keys");
    return 0;
}

static int make_room(struct plan *plan, struct err *err)
{
    size_t room = plan->room + plan->room / 2 + 16;
    struct plan_file *files;

    if (plan->nfiles < plan->room)
        return 0;
    /* file numbers are 32 bits, and one must be left over for counts */
    if (plan->nfiles >= UINT32_MAX - 1)
        return err_set(err, ERR_SOURCE, "plan: more than 4294967294 files");
    files = realloc(plan->files, room * sizeof(*files));
    if (!files)
        return err_memory(err, "plan");
    plan->files = files;
    plan->room = room;
    return 0;
}

/* Where a text of an entry lies: at the end of one before it, or in a place of its own. */
static uint32_t place_text(struct plan *plan, const char *const *texts, const size_t *len,
                           const uint32_t *at, size_t i)
{
    for (size_t k = 0; k < i && len[i] > 0; k++)
        if (len[k] >= len[i] && memcmp(texts[k] + len[k] - len[i], texts[i], len[i]) == 0)
            return at[k] + (uint32_t)(len[k] - len[i]);
    return intern(plan, texts[i], len[i]);
}

/* Copy the texts of an entry; needs check_text afterwards. */
static void place_texts(struct plan *plan, const struct plan_entry *entry,
                        struct plan_file *file)
{
    /* a key often ends in the path */
    const char *const texts[TEXTS] = { entry->key, entry->path, entry->etag, entry->oid,
                                       entry->xet };
    size_t len[TEXTS];
    uint32_t at[TEXTS];

    for (size_t i = 0; i < TEXTS; i++) {
        len[i] = texts[i] ? strlen(texts[i]) : 0;
        at[i] = place_text(plan, texts, len, at, i);
    }
    file->key = at[0];
    file->path = at[1];
    file->etag = at[2];
    file->oid = at[3];
    file->xet = at[4];
}

int plan_add(struct plan *plan, const struct plan_entry *entry, struct err *err)
{
    struct plan_file *file;

    if (make_room(plan, err) < 0)
        return -1;
    file = &plan->files[plan->nfiles];
    *file = (struct plan_file){ .flags = entry->flags,
                                .size = entry->size,
                                .want = entry->want };
    place_texts(plan, entry, file);
    if (check_text(plan, err) < 0)
        return -1;
    plan->nfiles++;
    return 0;
}

int plan_set(struct plan *plan, uint32_t *field, const char *text, struct err *err)
{
    uint32_t at = intern(plan, text, text ? strlen(text) : 0);

    if (check_text(plan, err) < 0)
        return -1;
    *field = at;
    return 0;
}

int plan_gather(struct plan *plan, struct err *err)
{
    uint32_t *const own[] = { &plan->source, &plan->revision, &plan->ref,
                              &plan->base,   &plan->query,    &plan->repo };
    const struct strbuf old = plan->text;

    plan->text = (struct strbuf){ 0 };
    strbuf_reserve(&plan->text, old.len);
    for (size_t i = 0; i < countof(own); i++)
        *own[i] = intern(plan, old.data + *own[i], strlen(old.data + *own[i]));
    for (size_t i = 0; i < plan->nfiles; i++) {
        struct plan_file *file = &plan->files[i];
        const struct plan_entry entry = { .path = old.data + file->path,
                                          .key = old.data + file->key,
                                          .etag = old.data + file->etag,
                                          .oid = old.data + file->oid,
                                          .xet = old.data + file->xet };

        place_texts(plan, &entry, file);
    }
    free(old.data);
    return check_text(plan, err);
}

const char *plan_text(const struct plan *plan, uint32_t offset)
{
    return plan->text.data ? plan->text.data + offset : "";
}

const char *plan_path(const struct plan *plan, size_t file)
{
    return plan_text(plan, plan->files[file].path);
}

bool plan_find(const struct plan *plan, const char *path, size_t *file)
{
    for (size_t low = 0, high = plan->nfiles; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, plan_path(plan, middle));

        if (order == 0) {
            if (file)
                *file = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* A scheme (RFC 3986 3.1) and "://" behind it. */
static bool is_url(const char *key)
{
    const char *end = strstr(key, "://");

    return end && end > key &&
           strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                       "0123456789+.-") == (size_t)(end - key);
}

void plan_place(const struct plan *plan, size_t file, struct strbuf *url)
{
    const char *key = plan_text(plan, plan->files[file].key);

    if (!is_url(key))
        strbuf_adds(url, plan_text(plan, plan->base));
    strbuf_adds(url, key);
}

void plan_url(const struct plan *plan, size_t file, struct strbuf *url)
{
    plan_place(plan, file, url);
    if (plan->files[file].flags & PLAN_SIGNED)
        strbuf_adds(url, plan_text(plan, plan->query));
}

void plan_release(struct plan *plan)
{
    if (!plan)
        return;
    strbuf_release(&plan->text);
    free(plan->files);
    *plan = (struct plan){ 0 };
}
