#include "publish/commit_record.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"
#include "io/fs/fs.h"

enum { TREES_FORMAT = 1 };

static const size_t trees_most = (size_t)4 << 30; /* bytes worth reading */

static json_t *file_object(const struct plan *whole, size_t index)
{
    const struct plan_file *file = &whole->files[index];
    json_t *object = json_pack("{s:I, s:s}", "size", (json_int_t)file->size, "blob_id",
                               plan_text(whole, file->oid));
    char hex[65];

    if (object && file->want.kind == DIGEST_SHA256) {
        text_hex(hex, file->want.bytes, 32);
        json_object_set_new(object, "lfs_sha256", json_string(hex));
        json_object_set_new(object, "lfs_size", json_integer((json_int_t)file->size));
    }
    if (object && *plan_text(whole, file->xet))
        json_object_set_new(object, "xet_hash", json_string(plan_text(whole, file->xet)));
    return object;
}

/* "PATH": {...}, file by file: as one value in memory a million files would
 * take gigabytes. */
static int add_file(const struct plan *whole, size_t index, struct strbuf *text)
{
    json_t *path = json_string(plan_path(whole, index));
    json_t *object = file_object(whole, index);
    char *key = path ? json_dumps(path, JSON_ENCODE_ANY) : NULL;
    char *value = object ? json_dumps(object, 0) : NULL;
    bool good = key && value;

    if (good)
        strbuf_addf(text, "%s\n  %s: %s", index ? "," : "", key, value);
    free(key);
    free(value);
    json_decref(path);
    json_decref(object);
    return good ? 0 : -1;
}

int commit_record_text(const struct plan *whole, struct strbuf *text, struct err *err)
{
    strbuf_addf(text, "{\n \"format_version\": %d,\n \"files\": {", TREES_FORMAT);
    for (size_t i = 0; i < whole->nfiles; i++)
        if (add_file(whole, i, text) < 0)
            return err_memory(err, "the record of a commit");
    strbuf_adds(text, "\n }\n}\n");
    return text->failed ? err_memory(err, "the record of a commit") : 0;
}

/* A whole number of at least 0, or -1. */
static json_int_t size_in(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* NULL, or what is wrong with the member. */
static const char *read_member(const json_t *object, struct plan_entry *entry)
{
    const char *lfs = json_string_value(json_object_get(object, "lfs_sha256"));
    json_int_t size = size_in(object, lfs ? "lfs_size" : "size");
    uint8_t unused[32];

    entry->oid = json_string_value(json_object_get(object, "blob_id"));
    entry->xet = json_string_value(json_object_get(object, "xet_hash"));
    if (!entry->oid || !text_unhex(entry->want.bytes, 20, entry->oid))
        return "'blob_id' is not 40 hex digits";
    if (size < 0)
        return "its size is not a whole number";
    if (entry->xet && !text_unhex(unused, sizeof(unused), entry->xet))
        return "'xet_hash' is not 64 hex digits";
    if (lfs && !text_unhex(entry->want.bytes, 32, lfs))
        return "'lfs_sha256' is not 64 hex digits";
    entry->size = (uint64_t)size;
    entry->etag = lfs ? lfs : entry->oid;
    entry->want.kind = lfs ? DIGEST_SHA256 : DIGEST_GIT_BLOB;
    entry->flags = lfs ? PLAN_LFS : PLAN_WHOLE;
    return NULL;
}

static int visit_all(json_t *files, const char *path,
                     int (*visit)(void *arg, const struct plan_entry *entry,
                                  struct err *err),
                     void *arg, struct err *err)
{
    const char *key;
    json_t *value;

    json_object_foreach(files, key, value)
    {
        struct plan_entry entry = { .path = key };
        const char *fault = read_member(value, &entry);

        if (fault)
            return err_set(err, ERR_DEST, "'%s': file '%.200s': %s", path, key, fault);
        if (visit(arg, &entry, err) < 0)
            return -1;
    }
    return 0;
}

int commit_record_load(const char *path,
                       int (*visit)(void *arg, const struct plan_entry *entry,
                                    struct err *err),
                       void *arg, struct err *err)
{
    json_error_t fault;
    json_t *root = NULL, *files;
    char *text = NULL;
    size_t len;
    int rc = -1;

    if (fs_read_regular(NULL, path, trees_most, &text, &len, err) < 0)
        return -1;
    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &fault);
    files = json_object_get(root, "files");
    if (!root)
        err_set(err, ERR_DEST, "cannot parse '%s': %s", path, fault.text);
    else if (size_in(root, "format_version") != TREES_FORMAT || !json_is_object(files))
        err_set(err, ERR_DEST, "'%s' is not a record of a known version", path);
    else
        rc = visit_all(files, path, visit, arg, err);
    json_decref(root);
    free(text);
    return rc;
}
