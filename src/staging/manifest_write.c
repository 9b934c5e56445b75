#include "staging/manifest_write.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/sha256.h"
#include "ranks/wants.h"
#include "staging/sum_list.h"

enum { WRITE_PIECE = 1 << 20 }; /* bytes in memory, a multiple of what SHA-256 takes */

/* A file that grows, or only its digest: for a million files it would be gigabytes of text. */
struct growing {
    const struct fs_dir *dir;
    const char *name;
    int fd;
    struct strbuf text; /* not written yet */
    uint64_t at;
    struct midstate hash; /* of what is written */
};

static int growing_open(struct growing *file, const struct fs_dir *dir, const char *name,
                        struct err *err)
{
    *file = (struct growing){ .dir = dir, .name = name, .fd = -1 };
    file->hash = midstate_start();
    if (!dir)
        return 0;
    /* Of an earlier try of this step. */
    if (fs_unlink(dir, name, err) < 0)
        return -1;
    file->fd = fs_open_write(dir, name, err);
    if (file->fd < 0)
        return -1;
    fs_close_to_others(file->fd);
    return 0;
}

static int growing_write(struct growing *file, size_t len, struct err *err)
{
    if (file->dir && fs_pwrite(file->fd, file->dir, file->name, file->text.data, len,
                               file->at, err) < 0)
        return -1;
    file->at += len;
    return 0;
}

static int growing_flush(struct growing *file, struct err *err)
{
    size_t rest = file->text.len % WRITE_PIECE, len = file->text.len - rest;

    if (file->text.failed)
        return err_memory(err, "the record");
    if (len == 0)
        return 0;
    if (growing_write(file, len, err) < 0)
        return -1;
    sha256_blocks(&file->hash, file->text.data, len);
    memmove(file->text.data, file->text.data + len, rest);
    file->text.data[rest] = '\0';
    file->text.len = rest;
    return 0;
}

/* sha256 may be NULL. After an error all that is left to do is to close the file. */
static int growing_close(struct growing *file, int rc, bool sync, uint8_t sha256[32],
                         struct err *err)
{
    if (rc == 0)
        rc = growing_flush(file, err);
    if (rc == 0 && file->text.len > 0)
        rc = growing_write(file, file->text.len, err);
    if (rc == 0 && sha256)
        sha256_end(&file->hash, file->text.data ? file->text.data : "", file->text.len,
                   sha256);
    if (rc == 0 && sync && file->dir)
        rc = fs_sync(file->fd, file->dir, file->name, err);
    if (file->dir && fs_close(file->fd, file->dir, file->name, rc == 0 ? err : NULL) < 0)
        rc = -1;
    strbuf_release(&file->text);
    return rc;
}

struct writing {
    const struct manifest_source *source;
    const struct fs_dir *dir; /* NULL: nothing is written */
    bool beside;
};

static int write_sums(const struct writing *writing, char content_id[65], struct err *err)
{
    const struct run *run = writing->source->run;
    struct growing file;
    uint8_t digest[32];
    int rc = 0;

    if (growing_open(&file, writing->dir, MANIFEST_SUMS, err) < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < run->plan.nfiles; i++) {
        if (!wants_file(run, i))
            continue;
        sum_list_add(&file.text, writing->source->existing[i].sha256,
                     plan_path(&run->plan, i));
        rc = growing_flush(&file, err);
    }
    rc = growing_close(&file, rc, run->opt.sync, digest, err);
    if (rc == 0)
        text_hex(content_id, digest, sizeof(digest));
    return rc;
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
    if (object && file->want.kind == DIGEST_NONE && manifest_place_of(plan, index, hex))
        json_object_set_new(object, "place", json_string(hex));
    return object;
}

/* File by file: as one JSON value in memory a million of them would take gigabytes. */
static int add_files(const struct manifest_source *source, struct growing *file,
                     struct err *err)
{
    bool any = false;

    for (size_t i = 0; i < source->run->plan.nfiles; i++) {
        json_t *object;
        char *line;

        if (!wants_file(source->run, i))
            continue;
        object = file_object(source->run, &source->existing[i], i);
        line = object ? json_dumps(object, JSON_COMPACT) : NULL;
        if (line)
            strbuf_addf(&file->text, "%s\n  %s", any ? "," : "", line);
        any = true;
        json_decref(object);
        free(line);
        if (!line)
            return err_memory(err, "the record");
        if (growing_flush(file, err) < 0)
            return -1;
    }
    return 0;
}

const char *manifest_run(const struct run *run)
{
    const char *slash = strrchr(run->staging.path, '/');

    return slash ? slash + 1 : run->staging.path;
}

/* "INODE BORN" of a tree whose record will lie beside it, else NULL. */
static const char *name_tree(const struct writing *writing, char text[64])
{
    struct fs_identity tree;

    if (!writing->beside || !fs_identify(writing->source->tree, ".", &tree))
        return NULL;
    snprintf(text, 64, "%" PRIu64 " %" PRId64, tree.inode, tree.born_ns);
    return text;
}

/* All but the files, without the bracket at the end: they become the last member. */
static int add_head(const struct writing *writing, struct growing *file,
                    const char *content_id, struct err *err)
{
    const struct manifest_source *source = writing->source;
    const struct plan *plan = &source->run->plan;
    char tree[64];
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s*}", "format",
                  MANIFEST_FORMAT, "source", plan_text(plan, plan->source), "revision",
                  plan_text(plan, plan->revision), "ref", plan_text(plan, plan->ref),
                  "identity", source->identity, "content_id", content_id, "complete",
                  !source->run->opt.patterns, "found", source->found, "run", source->name,
                  "tree", name_tree(writing, tree));
    char *head = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    char *end = head ? strrchr(head, '}') : NULL;

    json_decref(root);
    if (end)
        strbuf_add(&file->text, head, (size_t)(end - head) - 1);
    free(head);
    return end ? 0 : err_memory(err, "the record");
}

static int write_list(const struct writing *writing, const char *content_id,
                      struct err *err)
{
    struct growing file;
    int rc;

    if (growing_open(&file, writing->dir, MANIFEST_NAME, err) < 0)
        return -1;
    rc = add_head(writing, &file, content_id, err);
    if (rc == 0) {
        strbuf_adds(&file.text, ",\n \"files\": [");
        rc = add_files(writing->source, &file, err);
    }
    strbuf_adds(&file.text, "\n ]\n}\n");
    return growing_close(&file, rc, writing->source->run->opt.sync, NULL, err);
}

int manifest_write(const struct manifest_source *source, const struct fs_dir *dir,
                   bool beside, char content_id[65], struct err *err)
{
    const struct writing writing = { source, dir, beside };

    if (write_sums(&writing, content_id, err) < 0)
        return -1;
    return dir ? write_list(&writing, content_id, err) : 0;
}
