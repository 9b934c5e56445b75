#include "staging/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/path_rules.h"
#include "io/fs/fs.h"
#include "io/sha256.h"
#include "staging/json_reader.h"

/* Texts of files, many to a block: they are as many as the files, and short. */
struct manifest_text {
    struct manifest_text *next;
    size_t used, room;
    char bytes[];
};

enum { TEXT_BLOCK = 64 << 10, FIRST_FILES = 64 };

static const char *keep(struct manifest *manifest, const char *text)
{
    size_t len = strlen(text) + 1, room = len > TEXT_BLOCK ? len : TEXT_BLOCK;
    struct manifest_text *block = manifest->text;
    char *kept;

    if (len == 1)
        return "";
    if (!block || block->room - block->used < len) {
        block = malloc(sizeof(*block) + room);
        if (!block)
            return NULL;
        *block = (struct manifest_text){ .next = manifest->text, .room = room };
        manifest->text = block;
    }
    kept = block->bytes + block->used;
    memcpy(kept, text, len);
    block->used += len;
    return kept;
}

static const char *keep_member(struct manifest *manifest, const json_t *object,
                               const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return keep(manifest, text ? text : "");
}

static bool read_file(struct manifest *manifest, struct manifest_file *file,
                      const json_t *entry)
{
    const char *digest = json_string_value(json_object_get(entry, "sha256"));
    const char *path = json_string_value(json_object_get(entry, "path"));
    const json_t *size = json_object_get(entry, "size");
    const json_t *mtime = json_object_get(entry, "mtime_ns");

    if (!path || path_rules_fault(path) || !digest || !json_is_integer(size) ||
        json_integer_value(size) < 0 || !json_is_integer(mtime) ||
        !text_unhex(file->sha256, 32, digest))
        return false;
    file->path = keep(manifest, path);
    file->oid = keep_member(manifest, entry, "git");
    file->etag = keep_member(manifest, entry, "etag");
    file->place = keep_member(manifest, entry, "place");
    file->size = (uint64_t)json_integer_value(size);
    file->mtime_ns = json_integer_value(mtime);
    return file->path && file->oid && file->etag && file->place;
}

static struct manifest_file *add_file(struct manifest *manifest)
{
    size_t room = manifest->room + manifest->room / 2 + FIRST_FILES;
    struct manifest_file *grown;

    if (manifest->nfiles < manifest->room)
        return &manifest->file[manifest->nfiles++];
    grown = realloc(manifest->file, room * sizeof(*grown));
    if (!grown)
        return NULL;
    manifest->file = grown;
    manifest->room = room;
    return &manifest->file[manifest->nfiles++];
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->path,
                  ((const struct manifest_file *)b)->path);
}

static bool read_files(struct manifest *manifest, struct json_reader *json)
{
    if (manifest->file || !json_reader_take(json, '['))
        return false;
    /* Never NULL, which is that of a head. */
    manifest->file = calloc(1, sizeof(*manifest->file));
    manifest->room = manifest->file ? 1 : 0;
    if (json_reader_take(json, ']'))
        return manifest->file != NULL;
    for (bool more = true; more; more = json_reader_take(json, ',')) {
        json_t *entry = json_reader_value(json);
        struct manifest_file *file = entry ? add_file(manifest) : NULL;
        bool good = file && read_file(manifest, file, entry);

        json_decref(entry);
        if (!good)
            return false;
    }
    if (!json_reader_take(json, ']'))
        return false;
    qsort(manifest->file, manifest->nfiles, sizeof(*manifest->file), compare);
    return true;
}

/* The members that were seen; of two equal keys two readers may take different ones. */
enum {
    SEEN_FORMAT = 1,
    SEEN_IDENTITY = 2,
    SEEN_CONTENT = 4,
    SEEN_FILES = 8,
    SEEN_MUST = 15
};

static bool read_id(const char *text, char out[65])
{
    uint8_t digest[32];

    if (!text || !text_unhex(digest, sizeof(digest), text))
        return false;
    memcpy(out, text, 65);
    return true;
}

/* "INODE BORN", each in decimal. */
static void read_identity(const char *text, struct fs_identity *identity)
{
    uint64_t inode, born;

    if (text_take_u64(&text, &inode) && *text++ == ' ' && text_take_u64(&text, &born) &&
        !*text && born <= INT64_MAX)
        *identity = (struct fs_identity){ inode, (int64_t)born };
}

static void read_run(const char *text, char run[MANIFEST_RUN])
{
    size_t len = strlen(text);

    if (len < MANIFEST_RUN && !strchr(text, '/'))
        memcpy(run, text, len + 1);
}

/* *seen gets the bit of a member that must be there; false: it is wrong. */
static bool read_member(struct manifest *manifest, const char *key, const json_t *value,
                        unsigned *seen)
{
    const char *text = json_string_value(value);

    if (strcmp(key, "format") == 0) {
        *seen = SEEN_FORMAT;
        return json_is_integer(value) && json_integer_value(value) == MANIFEST_FORMAT;
    }
    if (strcmp(key, "identity") == 0) {
        *seen = SEEN_IDENTITY;
        return read_id(text, manifest->identity);
    }
    if (strcmp(key, "content_id") == 0) {
        *seen = SEEN_CONTENT;
        return read_id(text, manifest->content_id);
    }
    if (text && strcmp(key, "source") == 0) {
        manifest->hub = text_starts(text, "hf://");
        manifest->source = keep(manifest, text);
        return manifest->source != NULL;
    }
    if (text && strcmp(key, "revision") == 0) {
        manifest->revision = keep(manifest, text);
        return manifest->revision != NULL;
    }
    if (strcmp(key, "complete") == 0)
        manifest->complete = json_is_true(value);
    if (strcmp(key, "found") == 0)
        manifest->found = json_is_true(value);
    if (text && strcmp(key, "tree") == 0)
        read_identity(text, &manifest->tree);
    if (text && strcmp(key, "run") == 0)
        read_run(text, manifest->run);
    return true;
}

/* The value of a key; *end: the rest need not be read. */
static bool read_value(struct manifest *manifest, struct json_reader *json,
                       const char *key, bool only_head, unsigned *all, bool *end)
{
    unsigned seen = 0;
    json_t *value;
    bool good;

    if (strcmp(key, "files") == 0) {
        seen = SEEN_FILES;
        *end = only_head && (*all | seen) == SEEN_MUST;
        good = *end || read_files(manifest, json);
    } else {
        value = json_reader_value(json);
        good = value && read_member(manifest, key, value, &seen);
        json_decref(value);
    }
    good = good && !(*all & seen);
    *all |= seen;
    return good;
}

static bool read_root(struct manifest *manifest, struct json_reader *json, bool only_head)
{
    unsigned seen = 0;
    bool end = false, good = json_reader_take(json, '{');

    while (good && !end) {
        json_t *key = json_reader_value(json);

        good = json_is_string(key) && json_reader_take(json, ':') &&
               read_value(manifest, json, json_string_value(key), only_head, &seen, &end);
        json_decref(key);
        if (good && !end && !json_reader_take(json, ','))
            break;
    }
    if (good && !end)
        good = json_reader_take(json, '}') && json_reader_take(json, '\0');
    return good && seen == SEEN_MUST;
}

static int load(struct manifest *manifest, const struct fs_dir *dir, const char *record,
                bool only_head, struct err *err)
{
    char name[FS_NAME];
    struct json_reader json;
    struct fs_info info;
    bool good, failed;

    *manifest = (struct manifest){ 0 };
    fs_format(name, "%s/%s", record, MANIFEST_NAME);
    if (json_reader_open(&json, dir, name, err) < 0)
        return -1;
    good = fs_look_open(json.fd, dir, name, &info, err) == 0;
    failed = !good;
    if (good) {
        manifest->uid = info.uid;
        good = read_root(manifest, &json, only_head);
        failed = json.failed;
    }
    json_reader_close(&json);
    if (good)
        return 0;
    manifest_release(manifest);
    return failed
               ? -1
               : err_set(err, ERR_DEST, "'%s%s%s' is not a manifest of a known version",
                         dir ? dir->path : "", dir ? "/" : "", name);
}

int manifest_load(struct manifest *manifest, const struct fs_dir *dir, const char *record,
                  struct err *err)
{
    return load(manifest, dir, record, false, err);
}

int manifest_load_head(struct manifest *manifest, const struct fs_dir *dir,
                       const char *record, struct err *err)
{
    return load(manifest, dir, record, true, err);
}

const struct manifest_file *manifest_find(const struct manifest *manifest,
                                          const char *path)
{
    const struct manifest_file key = { .path = path };

    return manifest->nfiles == 0
               ? NULL
               : bsearch(&key, manifest->file, manifest->nfiles, sizeof(key), compare);
}

bool manifest_place_of(const struct plan *plan, size_t index, char hex[65])
{
    struct strbuf url = { 0 };
    uint8_t digest[32];
    bool good;

    plan_place(plan, index, &url);
    good = !url.failed;
    if (good) {
        sha256_bytes(url.data ? url.data : "", url.len, digest);
        text_hex(hex, digest, sizeof(digest));
    }
    strbuf_release(&url);
    return good;
}

static bool same_content(const struct manifest_file *old, const struct plan *plan,
                         size_t index)
{
    const struct plan_file *file = &plan->files[index];
    char place[65];

    switch ((enum digest_kind)file->want.kind) {
    case DIGEST_SHA256:
        return memcmp(old->sha256, file->want.bytes, 32) == 0;
    case DIGEST_GIT_BLOB:
        return *old->oid && strcmp(old->oid, plan_text(plan, file->oid)) == 0;
    case DIGEST_NONE:
        break;
    }
    return *old->etag && strcmp(old->etag, plan_text(plan, file->etag)) == 0 &&
           manifest_place_of(plan, index, place) && strcmp(old->place, place) == 0;
}

bool manifest_has(const struct manifest_file *old, const struct plan *plan, size_t index)
{
    return old->size == plan->files[index].size && same_content(old, plan, index);
}

static bool agrees(const struct manifest_file *file, const struct fs_info *info)
{
    return info->kind == FS_FILE && info->size == file->size &&
           info->mtime_ns == file->mtime_ns;
}

bool manifest_owns(const struct manifest *manifest, const char *path,
                   const struct fs_info *info)
{
    const struct manifest_file *file = manifest_find(manifest, path);

    return file && (!manifest->found || agrees(file, info));
}

bool manifest_agrees(const struct manifest_file *file, const struct fs_dir *dir,
                     const char *tree)
{
    char name[FS_NAME];
    struct fs_info info;

    fs_format(name, "%s/%s", tree, file->path);
    return fs_look(dir, name, &info, NULL) == 0 && agrees(file, &info);
}

void manifest_release(struct manifest *manifest)
{
    while (manifest->text) {
        struct manifest_text *block = manifest->text;

        manifest->text = block->next;
        free(block);
    }
    free(manifest->file);
    *manifest = (struct manifest){ 0 };
}
