#include "source/hub_page.h"

#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "core/hub/hub_name.h"

enum { ENTRY_BYTES = 1 << 20 }; /* of one entry of a listing */

static json_t *load(const char *bytes, size_t len, struct err *err)
{
    json_error_t where;
    json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &where);
    size_t at = 0;

    if (root)
        return root;
    while (at < len && strchr(" \t\r\n", bytes[at]))
        at++;
    if (at < len && (bytes[at] == '{' || bytes[at] == '['))
        err_set(err, ERR_SOURCE, "the reply is invalid JSON at byte %d", where.position);
    else
        err_set(err, ERR_SOURCE, "the reply is not JSON (a login page or a proxy?)");
    return NULL;
}

int hub_page_commit(const char *bytes, size_t len, char commit[41], struct err *err)
{
    json_t *root = load(bytes, len, err);
    const char *sha;
    int rc = -1;

    if (!root)
        return -1;
    sha = json_string_value(json_object_get(root, "sha"));
    if (sha && hub_name_is_commit(sha)) {
        memcpy(commit, sha, 41);
        rc = 0;
    } else {
        err_set(err, ERR_SOURCE,
                "the reply does not name the commit of the revision (is this a Hub?)");
    }
    json_decref(root);
    return rc;
}

/* An optional member: absent and null are the same. */
static const json_t *member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_null(value) ? NULL : value;
}

static int get_size(const json_t *object, uint64_t *size, struct err *err)
{
    const json_t *value = member(object, "size");

    if (!json_is_integer(value))
        return err_set(err, ERR_SOURCE, "its size is not a whole number");
    if (json_integer_value(value) < 0)
        return err_set(err, ERR_SOURCE, "its size is negative");
    *size = (uint64_t)json_integer_value(value);
    return 0;
}

/* A digest of len bytes, and the text it was read from. prefix may stand before it. */
static int get_oid(const json_t *object, size_t len, const char *prefix, const char *what,
                   uint8_t *digest, const char **text, struct err *err)
{
    *text = json_string_value(member(object, "oid"));
    if (*text && text_starts(*text, prefix))
        *text += strlen(prefix);
    if (!*text || !text_unhex(digest, len, *text))
        return err_set(err, ERR_SOURCE, "its %s is not %zu hex digits", what, 2 * len);
    return 0;
}

static int get_lfs(const json_t *lfs, struct plan_entry *entry, struct err *err)
{
    if (!json_is_object(lfs))
        return err_set(err, ERR_SOURCE, "its 'lfs' is not an object");
    /* mirrors pass on the oid of a pointer file as it stands there */
    if (get_oid(lfs, 32, "sha256:", "SHA-256", entry->want.bytes, &entry->etag, err) < 0)
        return -1;
    entry->want.kind = DIGEST_SHA256;
    entry->flags = PLAN_LOCATE | PLAN_LFS;
    return get_size(lfs, &entry->size, err);
}

static int get_file(const json_t *item, struct plan_entry *entry, struct err *err)
{
    const json_t *lfs = member(item, "lfs");
    uint8_t unused[32];

    if (get_oid(item, 20, "sha1:", "git object id", entry->want.bytes, &entry->oid, err) <
        0)
        return -1;
    entry->xet = json_string_value(member(item, "xetHash"));
    /* the Hub masks it with asterisks where access was not granted */
    if (entry->xet && !text_unhex(unused, sizeof(unused), entry->xet))
        entry->xet = NULL;
    if (lfs)
        return get_lfs(lfs, entry, err);
    entry->want.kind = DIGEST_GIT_BLOB;
    entry->flags = PLAN_WHOLE | PLAN_COUNTED;
    entry->etag = entry->oid;
    return get_size(item, &entry->size, err);
}

/* Kinds other than "file" are folders, or unknown. */
static int visit_item(const json_t *item, size_t index,
                      int (*visit)(void *arg, const struct plan_entry *entry,
                                   struct err *err),
                      void *arg, struct err *err)
{
    struct plan_entry entry = { 0 };
    const char *type = json_string_value(member(item, "type"));

    entry.path = json_string_value(member(item, "path"));
    if (!type || !entry.path)
        return err_set(err, ERR_SOURCE, "entry %zu of the listing has no type or no path",
                       index + 1);
    if (strcmp(type, "file") != 0)
        return 0;
    if (get_file(item, &entry, err) < 0)
        return err_wrap(err, "file '%.200s' in the listing", entry.path);
    return visit(arg, &entry, err);
}

/* Where a page is being read. Of a page with a million entries one is in memory as JSON. */
struct page {
    const char *bytes;
    size_t len, at;
};

/* The next byte that is no blank; 0: the page is over. */
static char page_peek(struct page *page)
{
    while (page->at < page->len && strchr(" \t\r\n", page->bytes[page->at]) &&
           page->bytes[page->at])
        page->at++;
    return page->at < page->len ? page->bytes[page->at] : '\0';
}

static int page_fail(const struct page *page, struct err *err)
{
    return err_set(err, ERR_SOURCE, "the reply is invalid JSON at byte %zu", page->at);
}

static json_t *page_value(struct page *page, struct err *err)
{
    size_t left = page->len - page->at;
    json_error_t where;
    json_t *item = json_loadb(
        page->bytes + page->at, left < ENTRY_BYTES ? left : ENTRY_BYTES,
        JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &where);

    if (item) {
        page->at += (size_t)where.position;
        return item;
    }
    if (left > ENTRY_BYTES && (size_t)where.position >= ENTRY_BYTES)
        err_set(err, ERR_SOURCE,
                "the entry at byte %zu of the reply is longer than %d bytes", page->at,
                ENTRY_BYTES);
    else
        err_set(err, ERR_SOURCE, "the reply is invalid JSON at byte %zu",
                page->at + (size_t)where.position);
    return NULL;
}

static int page_begin(struct page *page, struct err *err)
{
    char first = page_peek(page);

    if (first == '{')
        return err_set(err, ERR_SOURCE,
                       "the reply is not a file listing (is this a Hub?)");
    if (first != '[')
        return err_set(err, ERR_SOURCE,
                       "the reply is not JSON (a login page or a proxy?)");
    page->at++;
    return 0;
}

int hub_page_tree(const char *bytes, size_t len,
                  int (*visit)(void *arg, const struct plan_entry *entry,
                               struct err *err),
                  void *arg, struct err *err)
{
    struct page page = { .bytes = bytes, .len = len };
    bool over;
    int rc = page_begin(&page, err);

    if (rc < 0)
        return -1;
    over = page_peek(&page) == ']';
    for (size_t i = 0; rc == 0 && !over; i++) {
        json_t *item = page_value(&page, err);

        rc = item ? visit_item(item, i, visit, arg, err) : -1;
        json_decref(item);
        over = page_peek(&page) == ']';
        if (rc == 0 && !over && page_peek(&page) != ',')
            rc = page_fail(&page, err);
        page.at += !over && rc == 0;
    }
    if (rc < 0)
        return -1;
    page.at++;
    page_peek(&page);
    return page.at < page.len ? page_fail(&page, err) : 0;
}
