#include "core/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/plan/path_rules.h"

enum { TEXTS = 5 }; /* of one entry */

/* The NUL at offset 0 is the "" of all empty texts. */
static void begin_text(struct strbuf *text)
{
    if (text->len == 0)
        strbuf_add(text, "", 1);
}

/* Copy into the arena. Needs a check of text.failed and of the limit afterwards. */
static uint32_t intern(struct plan *plan, const char *text)
{
    size_t at;

    begin_text(&plan->text);
    if (!text || *text == '\0')
        return 0;
    at = plan->text.len;
    strbuf_add(&plan->text, text, strlen(text) + 1);
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

int plan_add(struct plan *plan, const struct plan_entry *entry, struct err *err)
{
    const char *const texts[TEXTS] = { entry->path, entry->key, entry->etag, entry->oid,
                                       entry->xet };
    uint32_t at[TEXTS];
    struct plan_file *file;

    if (make_room(plan, err) < 0)
        return -1;
    for (size_t i = 0; i < TEXTS; i++) {
        size_t same = 0;

        while (same < i &&
               !(texts[same] && texts[i] && strcmp(texts[same], texts[i]) == 0))
            same++;
        at[i] = same < i ? at[same] : intern(plan, texts[i]);
    }
    if (check_text(plan, err) < 0)
        return -1;
    file = &plan->files[plan->nfiles++];
    memset(file, 0, sizeof(*file)); /* padding too: the bytes of a plan are sent */
    file->path = at[0];
    file->key = at[1];
    file->etag = at[2];
    file->oid = at[3];
    file->xet = at[4];
    file->flags = entry->flags;
    file->size = entry->size;
    file->want = entry->want;
    return 0;
}

int plan_set(struct plan *plan, uint32_t *field, const char *text, struct err *err)
{
    uint32_t at = intern(plan, text);

    if (check_text(plan, err) < 0)
        return -1;
    *field = at;
    return 0;
}

static int by_path(const void *a, const void *b, void *arg)
{
    const struct plan_file *left = a, *right = b;
    const char *text = arg;

    return strcmp(text + left->path, text + right->path);
}

/* Return unused memory. A failure to shrink is not an error. */
static void trim(struct plan *plan)
{
    void *files =
        plan->nfiles ? realloc(plan->files, plan->nfiles * sizeof(*plan->files)) : NULL;
    char *text = realloc(plan->text.data, plan->text.len + 1);

    if (files) {
        plan->files = files;
        plan->room = plan->nfiles;
    }
    if (text) {
        plan->text.data = text;
        plan->text.cap = plan->text.len + 1;
    }
}

/* If neither a digest nor a validator can tell two versions apart, the bytes must come
 * from one reply. */
static void keep_whole(struct plan *plan)
{
    for (size_t i = 0; i < plan->nfiles; i++)
        if (plan->files[i].want.kind == DIGEST_NONE &&
            !*plan_text(plan, plan->files[i].etag))
            plan->files[i].flags |= PLAN_WHOLE;
}

int plan_seal(struct plan *plan, struct err *err)
{
    begin_text(&plan->text);
    if (check_text(plan, err) < 0)
        return -1;
    if (plan->nfiles > 0)
        qsort_r(plan->files, plan->nfiles, sizeof(*plan->files), by_path,
                plan->text.data);
    trim(plan);
    keep_whole(plan);
    return plan_check(plan, ERR_SOURCE, err);
}

/* Paths of which each is a prefix of the next and of the current one. In byte order all
 * paths that begin with "a" follow "a" without a gap, even if "a-b" sorts between "a" and
 * "a/c". Lengths grow, so there are no more than a path has bytes. */
struct nest {
    size_t len[4096];
    const char *path[4096];
    size_t depth;
};

/* The file that this path would have as a parent, or NULL; the path is then inside. */
static const char *nest_enter(struct nest *nest, const char *path)
{
    while (nest->depth > 0 &&
           strncmp(path, nest->path[nest->depth - 1], nest->len[nest->depth - 1]) != 0)
        nest->depth--;
    if (nest->depth > 0) {
        char next = path[nest->len[nest->depth - 1]];

        if (next == '/' || next == '\0')
            return nest->path[nest->depth - 1];
    }
    nest->path[nest->depth] = path;
    nest->len[nest->depth] = strlen(path);
    nest->depth++;
    return NULL;
}

static int refuse_path(struct err *err, enum err_code code, const char *path,
                       const char *reason)
{
    /* a path may be thousands of bytes long: leave room for the reason */
    return err_set(err, code, "path '%.200s%s': %s", path,
                   strlen(path) > 200 ? "..." : "", reason);
}

static const char *reserved(const struct plan *plan, const char *path)
{
    if (plan->bare)
        return NULL;
    return path_rules_reserved(path, *plan_text(plan, plan->repo) != '\0');
}

static int check_file(struct plan *plan, size_t i, struct nest *nest, enum err_code code,
                      struct err *err)
{
    const uint64_t most = (uint64_t)1 << 63;
    const char *path = plan_path(plan, i), *before, *reason = path_rules_fault(path);

    if (!reason)
        reason = reserved(plan, path);
    if (reason)
        return refuse_path(err, code, path, reason);
    before = nest_enter(nest, path);
    if (before && strcmp(before, path) == 0)
        return refuse_path(err, code, path, "two files have the same path");
    if (before)
        return refuse_path(err, code, before, "it is both a file and a directory");
    if (i > 0 && strcmp(plan_path(plan, i - 1), path) > 0)
        return refuse_path(err, code, path, "out of order");
    if (plan->files[i].size > most - plan->nbytes)
        return refuse_path(err, code, path, "sizes add up to more than 2^63 bytes");
    plan->nbytes += plan->files[i].size;
    return 0;
}

int plan_check(struct plan *plan, enum err_code code, struct err *err)
{
    struct nest *nest = calloc(1, sizeof(*nest));
    int rc = 0;

    if (!nest)
        return err_memory(err, "plan");
    plan->nbytes = 0;
    for (size_t i = 0; rc == 0 && i < plan->nfiles; i++)
        rc = check_file(plan, i, nest, code, err);
    free(nest);
    return rc;
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

static int by_folded_path(const void *a, const void *b, void *arg)
{
    const struct plan *plan = arg;

    return plan_path_compare(plan_path(plan, *(const size_t *)a),
                             plan_path(plan, *(const size_t *)b));
}

bool plan_twins(const struct plan *plan, size_t *one, size_t *other)
{
    size_t *order = malloc((plan->nfiles + 1) * sizeof(*order));
    bool found = false;

    for (size_t i = 0; order && i < plan->nfiles; i++)
        order[i] = i;
    if (order && plan->nfiles > 1)
        qsort_r(order, plan->nfiles, sizeof(*order), by_folded_path,
                (void *)(uintptr_t)plan);
    for (size_t i = 1; order && !found && i < plan->nfiles; i++) {
        *one = order[i - 1];
        *other = order[i];
        found = plan_path_compare(plan_path(plan, *one), plan_path(plan, *other)) == 0;
    }
    free(order);
    return found;
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
