/* source/files.c -- lists a tree or one file on a file system (file:///...). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "base/utf8.h"
#include "core/plan/url_path.h"
#include "io/fs/fs.h"
#include "source/lister.h"

enum { LINKS = 40 }; /* followed before it counts as a loop, as Linux does */

/* Replace path by the target of the symlink there. */
static int follow(struct strbuf *path, struct err *err)
{
    struct strbuf target = { 0 };
    const char *slash = strrchr(path->data, '/');
    int rc = fs_readlink(NULL, path->data, &target, err);

    if (rc == 0 && target.len > 0 && target.data[0] != '/') {
        struct strbuf relative = target;

        target = (struct strbuf){ 0 };
        strbuf_add(&target, path->data, slash ? (size_t)(slash - path->data) + 1 : 0);
        strbuf_add(&target, relative.data, relative.len);
        strbuf_release(&relative);
    }
    strbuf_clear(path);
    strbuf_add(path, target.data, target.len);
    if (rc == 0 && (target.failed || path->failed))
        rc = err_memory(err, "a path");
    strbuf_release(&target);
    return rc;
}

/* fs_look through symlinks. */
static int look_through(const char *path, struct fs_info *info, struct err *err)
{
    struct strbuf at = { 0 };
    int rc = 0;

    strbuf_adds(&at, path);
    if (at.failed)
        rc = err_memory(err, "a path");
    for (int links = 0; rc == 0; links++) {
        rc = fs_look(NULL, at.data, info, err);
        if (rc < 0 || info->kind != FS_SYMLINK)
            break;
        rc = links < LINKS
                 ? follow(&at, err)
                 : err_set(err, ERR_SOURCE, "'%s': loop of symbolic links", path);
    }
    strbuf_release(&at);
    return rc;
}

static void make_etag(char etag[FILES_ETAG], const struct fs_info *info)
{
    snprintf(etag, FILES_ETAG, "mtime:%" PRId64, info->mtime_ns);
}

int files_look(const char *path, uint64_t *size, char etag[FILES_ETAG], struct err *err)
{
    struct fs_info info;
    struct err cause = { 0 };

    if (look_through(path, &info, &cause) < 0)
        return ask_blame(&cause, err);
    if (info.kind == FS_MISSING)
        return err_set_why(err, ERR_SOURCE, REASON_ENTRY_NOT_FOUND, "'%s': no such file",
                           path);
    if (info.kind != FS_FILE)
        return err_set(err, ERR_SOURCE, "'%s' is not a regular file", path);
    *size = info.size;
    make_etag(etag, &info);
    return 0;
}

struct files {
    struct ask *ask;
    struct plan *plan;
    struct strbuf key; /* of the current file */
    struct digest want;
};

static int add_file(struct files *files, const char *path, const struct fs_info *info,
                    struct err *err)
{
    const struct source_config *config = files->ask->config;
    char etag[FILES_ETAG];
    struct plan_entry entry = {
        .path = path, .etag = etag, .size = info->size, .want = files->want
    };

    if (!ask_keeps(config, path))
        return 0;
    make_etag(etag, info);
    strbuf_clear(&files->key);
    url_quote(&files->key, path, "/");
    if (files->key.failed)
        return err_memory(err, "a URL");
    entry.key = files->key.data;
    return plan_add(files->plan, &entry, err);
}

static int visit_file(void *arg, const char *path, const struct fs_info *info,
                      struct err *err)
{
    struct files *files = arg;
    const struct source_config *config = files->ask->config;
    int rc = 0;

    if (info->kind != FS_FILE)
        return err_set(err, ERR_SOURCE, "'%s' %s", path,
                       info->kind == FS_SYMLINK
                           ? "is a symbolic link to a directory, or a broken one"
                           : "is neither a file nor a directory");
    if (ask_poll(files->ask, err) < 0)
        return -1;
    if (!ask_keeps(config, path))
        return 0;
    files->want = (struct digest){ 0 };
    if (config->record_has)
        rc = config->record_has(config->record_arg, path, info, &files->want, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    return add_file(files, path, info, err);
}

static int set_base(struct plan *plan, const char *folder, size_t len, struct err *err)
{
    struct strbuf path = { 0 };
    struct strbuf base = { 0 };
    int rc;

    strbuf_add(&path, folder, len);
    strbuf_adds(&base, "file://");
    url_quote(&base, path.data ? path.data : "", "/");
    if (!text_ends(base.data ? base.data : "", "/"))
        strbuf_adds(&base, "/");
    rc = path.failed || base.failed ? err_memory(err, "a URL")
                                    : plan_set(plan, &plan->base, base.data, err);
    strbuf_release(&path);
    strbuf_release(&base);
    return rc;
}

static int list_tree(struct files *files, const char *path, struct err *err)
{
    const struct source_config *config = files->ask->config;
    struct err cause = { 0 };

    if (files->want.kind != DIGEST_NONE)
        return err_set(err, ERR_USAGE,
                       "--sha256 requires a single file, but '%s' is a directory", path);
    if (set_base(files->plan, path, strlen(path), err) < 0)
        return -1;
    if (config->record_open)
        config->record_open(config->record_arg, path);
    return fs_walk(NULL, path, visit_file, files, &cause) < 0 ? ask_blame(&cause, err)
                                                              : 0;
}

static int list_path(struct files *files, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct fs_info info;
    struct err cause = { 0 };

    if (look_through(path, &info, &cause) < 0)
        return ask_blame(&cause, err);
    switch (info.kind) {
    case FS_DIRECTORY:
        return list_tree(files, path, err);
    case FS_FILE:
        if (set_base(files->plan, path, (size_t)(slash - path) + 1, err) < 0)
            return -1;
        return add_file(files, slash + 1, &info, err);
    case FS_MISSING:
        return err_set_why(err, ERR_SOURCE, REASON_ENTRY_NOT_FOUND,
                           "'%s': no such file or directory", path);
    default:
        return err_set(err, ERR_SOURCE, "'%s' is neither a file nor a directory", path);
    }
}

int files_list(struct ask *ask, struct plan *plan, struct err *err)
{
    const struct source_config *config = ask->config;
    struct files files = { .ask = ask, .plan = plan };
    struct strbuf path = { 0 }, shown = { 0 };
    int rc = -1;

    if (!url_path_file(config->source, &path) || path.failed) {
        err_set(err, ERR_USAGE, "'%s' is not a local path", config->source);
        goto out;
    }
    while (path.len > 1 && path.data[path.len - 1] == '/')
        path.data[--path.len] = '\0';
    if (config->sha256 && text_unhex(files.want.bytes, 32, config->sha256))
        files.want.kind = DIGEST_SHA256;
    /* A path may have any bytes, and the source is written to JSON. */
    strbuf_adds(&shown, config->source);
    if (shown.failed) {
        err_memory(err, "the source");
        goto out;
    }
    utf8_mask(shown.data);
    plan->bare = true; /* the record of the tree is told from what is named like one */
    if (plan_set(plan, &plan->source, shown.data, err) == 0)
        rc = list_path(&files, path.data, err);
out:
    strbuf_release(&files.key);
    strbuf_release(&path);
    strbuf_release(&shown);
    return rc;
}
