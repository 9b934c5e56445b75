#include "staging/manifest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/path_rules.h"
#include "io/fs/fs.h"
#include "io/sha256.h"

enum {
    RECORD_FORMAT = 1,
    RECORD_HEAD = 32 << 10 /* bytes; a source and a few ids fit in */
};

static const char record_name[] = ".mpifetch/manifest.json";
static const size_t manifest_most = (size_t)4
                                    << 30; /* bytes of a manifest worth reading */

static char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return strdup(text ? text : "");
}

static bool read_file(struct manifest_file *file, const json_t *entry)
{
    const char *digest = json_string_value(json_object_get(entry, "sha256"));
    const char *path = json_string_value(json_object_get(entry, "path"));
    const json_t *size = json_object_get(entry, "size");
    const json_t *mtime = json_object_get(entry, "mtime_ns");

    if (!path || path_rules_fault(path) || !digest || !json_is_integer(size) ||
        json_integer_value(size) < 0 || !json_is_integer(mtime) ||
        !text_unhex(file->sha256, 32, digest))
        return false;
    file->path = strdup(path);
    file->oid = string_of(entry, "git");
    file->etag = string_of(entry, "etag");
    file->place = string_of(entry, "place");
    file->size = (uint64_t)json_integer_value(size);
    file->mtime_ns = json_integer_value(mtime);
    return file->path && file->oid && file->etag && file->place;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->path,
                  ((const struct manifest_file *)b)->path);
}

static bool read_id(const json_t *root, const char *key, char *out)
{
    const char *text = json_string_value(json_object_get(root, key));
    uint8_t digest[32];

    if (!text || !text_unhex(digest, sizeof(digest), text))
        return false;
    memcpy(out, text, 65);
    return true;
}

static bool read_root(struct manifest *manifest, const json_t *root)
{
    const json_t *files = json_object_get(root, "files");
    size_t count = json_array_size(files);

    if (json_integer_value(json_object_get(root, "format")) != RECORD_FORMAT ||
        !json_is_array(files) || !read_id(root, "identity", manifest->identity) ||
        !read_id(root, "content_id", manifest->content_id))
        return false;
    manifest->file = calloc(count + 1, sizeof(*manifest->file));
    if (!manifest->file)
        return false;
    for (; manifest->nfiles < count; manifest->nfiles++)
        if (!read_file(&manifest->file[manifest->nfiles],
                       json_array_get(files, manifest->nfiles)))
            return false;
    qsort(manifest->file, manifest->nfiles, sizeof(*manifest->file), compare);
    return true;
}

static json_t *load(const struct fs_dir *dir, const char *dest, struct err *err)
{
    char name[FS_NAME];
    json_error_t fault;
    char *text = NULL;
    size_t len = 0;
    json_t *root = NULL;

    fs_format(name, "%s/%s", dest, record_name);
    if (fs_read_regular(dir, name, manifest_most, &text, &len, err) == 0 &&
        !(root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &fault)))
        err_set(err, ERR_DEST, "cannot parse '%s%s%s': %s", dir ? dir->path : "",
                dir ? "/" : "", name, fault.text);
    free(text);
    return root;
}

int manifest_load(struct manifest *manifest, const struct fs_dir *dir, const char *dest,
                  struct err *err)
{
    json_t *root = load(dir, dest, err);
    bool good;

    *manifest = (struct manifest){ 0 };
    if (!root)
        return -1;
    good = read_root(manifest, root);
    json_decref(root);
    if (good)
        return 0;
    manifest_release(manifest);
    return err_set(err, ERR_DEST, "'%s%s%s/%s' is not a manifest of a known version",
                   dir ? dir->path : "", dir ? "/" : "", dest, record_name);
}

/* The beginning of the manifest, which has the ids: each node reads it, some more than
 * once, and the list of files may be long. */
static bool read_head(const struct fs_dir *dir, const char *dest,
                      char head[RECORD_HEAD + 1])
{
    char name[FS_NAME];
    struct fs_info info;
    bool good = false;
    int fd = -1;

    fs_format(name, "%s/%s", dest, record_name);
    if (fs_look(dir, name, &info, NULL) == 0 && info.kind == FS_FILE)
        fd = fs_open_read(dir, name, NULL);
    if (fd >= 0) {
        size_t len = info.size < RECORD_HEAD ? (size_t)info.size : RECORD_HEAD;

        good = fs_pread(fd, dir, name, head, len, 0, NULL) == 0;
        head[len] = '\0';
        fs_close(fd, dir, name, NULL);
    }
    return good;
}

/* The text after a key there; len bytes of it, without a NUL. */
static bool peek(const struct fs_dir *dir, const char *dest, const char *key, char *value,
                 size_t len)
{
    char head[RECORD_HEAD + 1];
    const char *at;

    if (!read_head(dir, dest, head) || !(at = strstr(head, key)))
        return false;
    snprintf(value, len + 1, "%s", at + strlen(key));
    return true;
}

bool manifest_peek(const struct fs_dir *dir, const char *dest, char *content_id)
{
    uint8_t bytes[32];
    char id[65];

    if (!peek(dir, dest, "\"content_id\": \"", id, sizeof(id) - 1) ||
        !text_unhex(bytes, sizeof(bytes), id))
        return false;
    memcpy(content_id, id, sizeof(id));
    return true;
}

bool manifest_run_of(const struct fs_dir *dir, const char *dest, char name[MANIFEST_RUN])
{
    char *quote;

    if (!peek(dir, dest, "\"run\": \"", name, MANIFEST_RUN - 1) ||
        !(quote = strchr(name, '"')))
        return false;
    *quote = '\0';
    return *name && !strchr(name, '/');
}

bool manifest_is_by(const struct fs_dir *dir, const char *dest, const char *run)
{
    char name[MANIFEST_RUN];

    return manifest_run_of(dir, dest, name) && strcmp(name, run) == 0;
}

const char *manifest_run(const struct run *run)
{
    const char *slash = strrchr(run->staging.path, '/');

    return slash ? slash + 1 : run->staging.path;
}

const struct manifest_file *manifest_find(const struct manifest *manifest,
                                          const char *path)
{
    const struct manifest_file key = { .path = (char *)(uintptr_t)path };

    return manifest->nfiles == 0
               ? NULL
               : bsearch(&key, manifest->file, manifest->nfiles, sizeof(key), compare);
}

/* A validator identifies a version at one URL only. The URL itself may
 * hold a signature. */
static bool place_of(const struct plan *plan, size_t index, char hex[65])
{
    struct strbuf url = { 0 };
    uint8_t digest[32];
    bool good;

    plan_url(plan, index, &url);
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
           place_of(plan, index, place) && strcmp(old->place, place) == 0;
}

bool manifest_same(const struct manifest_file *old, const struct plan *plan, size_t index,
                   const struct fs_dir *dir, const char *dest, struct fs_info *info)
{
    const struct plan_file *file = &plan->files[index];
    char name[FS_NAME];

    if (!old || old->size != file->size || !same_content(old, plan, index))
        return false;
    fs_format(name, "%s/%s", dest, old->path);
    return fs_look(dir, name, info, NULL) == 0 && info->kind == FS_FILE &&
           info->size == file->size && info->mtime_ns == old->mtime_ns;
}

void manifest_release(struct manifest *manifest)
{
    for (size_t i = 0; manifest->file && i <= manifest->nfiles; i++) {
        free(manifest->file[i].path);
        free(manifest->file[i].oid);
        free(manifest->file[i].etag);
        free(manifest->file[i].place);
    }
    free(manifest->file);
    *manifest = (struct manifest){ 0 };
}

/* As sha256sum prints it. Names with a newline were refused, but a
 * backslash is escaped. */
static void add_sum(struct strbuf *sums, const uint8_t sha256[32], const char *path)
{
    char hex[65];

    text_hex(hex, sha256, 32);
    if (strcmp(path, "-") == 0)
        path = "./-"; /* alone it means standard input */
    if (!strchr(path, '\\')) {
        strbuf_addf(sums, "%s  %s\n", hex, path);
        return;
    }
    strbuf_addf(sums, "\\%s  ", hex);
    for (; *path; path++) {
        if (*path == '\\')
            strbuf_add(sums, "\\", 1);
        strbuf_add(sums, path, 1);
    }
    strbuf_add(sums, "\n", 1);
}

static json_t *file_object(const struct run *run, const struct existing_file *existing,
                           size_t index)
{
    const struct plan *plan = &run->plan;
    const struct plan_file *file = &plan->files[index];
    int64_t mtime = existing->there ? existing->mtime_ns : run->mtime * 1000000000;
    const char *oid = plan_text(plan, file->oid), *etag = plan_text(plan, file->etag);
    json_t *object;
    char hex[65];

    text_hex(hex, existing->sha256, 32);
    object =
        json_pack("{s:s, s:I, s:s, s:I}", "path", plan_path(plan, index), "size",
                  (json_int_t)file->size, "sha256", hex, "mtime_ns", (json_int_t)mtime);
    if (object && *oid)
        json_object_set_new(object, "git", json_string(oid));
    if (object && *etag)
        json_object_set_new(object, "etag", json_string(etag));
    if (object && file->want.kind == DIGEST_NONE && place_of(plan, index, hex))
        json_object_set_new(object, "place", json_string(hex));
    return object;
}

/* File by file: as one JSON value in memory a million of them would take gigabytes. */
static int add_files(struct strbuf *text, const struct run *run,
                     const struct existing_file *existing, struct err *err)
{
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        json_t *object = file_object(run, &existing[i], i);
        char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;

        if (line)
            strbuf_addf(text, "%s\n  %s", i ? "," : "", line);
        json_decref(object);
        free(line);
        if (!line)
            return err_memory(err, "the manifest");
    }
    return 0;
}

static int manifest_text(struct strbuf *text, const struct run *run,
                         const struct existing_file *existing, const char *identity,
                         const char *content_id, struct err *err)
{
    const struct plan *plan = &run->plan;
    json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "format",
                             RECORD_FORMAT, "source", plan_text(plan, plan->source),
                             "revision", plan_text(plan, plan->revision), "ref",
                             plan_text(plan, plan->ref), "identity", identity,
                             "content_id", content_id, "run", manifest_run(run));
    char *head = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    char *end = head ? strrchr(head, '}') : NULL;

    json_decref(root);
    if (!end) {
        free(head);
        return err_memory(err, "the manifest");
    }
    /* The list of files becomes the last member. */
    strbuf_add(text, head, (size_t)(end - head) - 1);
    free(head);
    strbuf_adds(text, ",\n \"files\": [");
    if (add_files(text, run, existing, err) < 0)
        return -1;
    strbuf_adds(text, "\n ]\n}\n");
    return text->failed ? err_memory(err, "the manifest") : 0;
}

static int write_named(const struct run *run, const char *name, const char *text,
                       struct err *err)
{
    return fs_write_all(&run->staging.tree, name, text, strlen(text), false,
                        run->opt.sync, err);
}

int manifest_write(const struct run *run, const struct existing_file *existing,
                   const char *identity, char *content_id, struct err *err)
{
    struct strbuf sums = { 0 };
    uint8_t digest[32];
    struct strbuf text = { 0 };
    int rc = -1;

    for (size_t i = 0; i < run->plan.nfiles; i++)
        add_sum(&sums, existing[i].sha256, plan_path(&run->plan, i));
    if (sums.failed) {
        err_memory(err, "the manifest");
        goto out;
    }
    sha256_bytes(sums.data ? sums.data : "", sums.len, digest);
    text_hex(content_id, digest, sizeof(digest));
    if (manifest_text(&text, run, existing, identity, content_id, err) < 0)
        goto out;
    if (write_named(run, ".mpifetch/SHA256SUMS", sums.data ? sums.data : "", err) == 0)
        rc = write_named(run, record_name, text.data, err);
out:
    strbuf_release(&text);
    strbuf_release(&sums);
    return rc;
}
