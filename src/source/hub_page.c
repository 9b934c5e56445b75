#include "source/hub_page.h"

#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "core/hub/hub_name.h"

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

/* A digest of len bytes, and the text it was read from. */
static int get_oid(const json_t *object, size_t len, const char *what, uint8_t *digest,
                   const char **text, struct err *err)
{
    *text = json_string_value(member(object, "oid"));
    if (!*text || !text_unhex(digest, len, *text))
        return err_set(err, ERR_SOURCE, "its %s is not %zu hex digits", what, 2 * len);
    return 0;
}

static int get_lfs(const json_t *lfs, struct plan_entry *entry, struct err *err)
{
    if (!json_is_object(lfs))
        return err_set(err, ERR_SOURCE, "its 'lfs' is not an object");
    if (get_oid(lfs, 32, "SHA-256", entry->want.bytes, &entry->etag, err) < 0)
        return -1;
    entry->want.kind = DIGEST_SHA256;
    entry->flags = PLAN_LOCATE | PLAN_LFS;
    return get_size(lfs, &entry->size, err);
}

static int get_file(const json_t *item, struct plan_entry *entry, struct err *err)
{
    const json_t *lfs = member(item, "lfs");
    uint8_t unused[32];

    if (get_oid(item, 20, "git object id", entry->want.bytes, &entry->oid, err) < 0)
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
        return err_wrap(err, "file '%s' in the listing", entry.path);
    return visit(arg, &entry, err);
}

int hub_page_tree(const char *bytes, size_t len,
                  int (*visit)(void *arg, const struct plan_entry *entry,
                               struct err *err),
                  void *arg, struct err *err)
{
    json_t *root = load(bytes, len, err);
    int rc = 0;

    if (!root)
        return -1;
    if (!json_is_array(root))
        rc = err_set(err, ERR_SOURCE, "the reply is not a file listing (is this a Hub?)");
    for (size_t i = 0; rc == 0 && i < json_array_size(root); i++)
        rc = visit_item(json_array_get(root, i), i, visit, arg, err);
    json_decref(root);
    return rc;
}
