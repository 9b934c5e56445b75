/* source/manifest.c -- lists the files that a manifest names (core/plan/list_line.h).
 *
 * Secrets      go to the origin of the base only, so that a list cannot send
 *              them elsewhere. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "base/utf8.h"
#include "core/plan/list_reader.h"
#include "core/plan/url_path.h"
#include "core/plan/url_query.h"
#include "io/fs/fs.h"
#include "io/fs/fs_input.h"
#include "source/lister.h"
#include "source/probe.h"

static const uint64_t LIST_MOST = UINT64_C(4) << 30; /* bytes of a list */

static const double LIST_PATIENCE = 60; /* seconds for a program behind a pipe */

struct manifest {
    struct ask *ask;
    struct plan *plan;
    struct list_reader reader;
    char shown[512];        /* the list, in sentences */
    uint64_t bytes;         /* of the list, so far */
    bool failed;            /* by what the list says */
    struct strbuf base;     /* of relative names, with '/' at its end; empty: none */
    enum url_query signing; /* of the list's own URL */
    struct strbuf key;      /* of the current line */
    size_t probed;          /* files that were looked at for probing */
};

/* A missing list is an error of the command line, not of a server. */
static int check_there(const char *path, struct err *err)
{
    struct fs_info info;
    struct err cause = { 0 };
    char shown[512];

    if (fs_look(NULL, path, &info, &cause) < 0)
        return ask_blame(&cause, err);
    if (info.kind != FS_MISSING)
        return 0;
    snprintf(shown, sizeof(shown), "%s", path);
    utf8_mask(shown);
    return err_set(err, ERR_USAGE, "--manifest '%s': no such file", shown);
}

/* --base, or the folder of the list's own URL. */
static int set_base(struct manifest *manifest, struct err *err)
{
    const struct source_config *config = manifest->ask->config;
    struct strbuf *base = &manifest->base;

    strbuf_clear(base);
    if (config->base) {
        strbuf_adds(base, config->base);
        if (!text_ends(config->base, "/"))
            strbuf_adds(base, "/");
    } else if (strstr(config->manifest, "://")) {
        strbuf_add(base, config->manifest, url_path_folder(config->manifest));
    }
    return base->failed
               ? err_memory(err, "a URL")
               : plan_set(manifest->plan, &manifest->plan->base, base->data, err);
}

/* What the URL of the list is signed with goes along to files of its origin. */
static int set_query(struct manifest *manifest, struct err *err)
{
    const char *list = manifest->ask->config->manifest, *query;
    struct plan *plan = manifest->plan;
    struct strbuf text = { 0 };
    int rc;

    manifest->signing = url_path_is_web(list) ? url_query_of(list) : URL_QUERY_PLAIN;
    if (manifest->signing != URL_QUERY_SHARED)
        return 0;
    query = strchr(list, '?');
    strbuf_add(&text, query, strcspn(query, "#"));
    rc = text.failed ? err_memory(err, "a URL")
                     : plan_set(plan, &plan->query, text.data, err);
    strbuf_release(&text);
    return rc;
}

/* Whether what permits to read the list is to be sent for this file as well. */
static bool is_signed(struct manifest *manifest, const char *url)
{
    const struct source_config *config = manifest->ask->config;

    if (manifest->signing == URL_QUERY_PLAIN || strpbrk(url, "?#") ||
        !url_same_origin(url, config->manifest))
        return false;
    if (manifest->signing == URL_QUERY_SHARED)
        return true;
    manifest->signing = URL_QUERY_PLAIN; /* said once */
    if (config->notice)
        config->notice(config->notice_arg,
                       "the URL of the list is signed for the list alone: its files are "
                       "requested without the signature");
    return false;
}

/* A name without '?' and '#', which are quoted, has the origin of the base. */
static int set_key(struct manifest *manifest, const struct list_line *line,
                   struct plan_entry *entry, struct err *err)
{
    struct strbuf *key = &manifest->key;

    strbuf_clear(key);
    if (line->url)
        strbuf_adds(key, line->name.data);
    else if (manifest->base.len > 0)
        url_quote(key, line->name.data, "/");
    else
        return err_set(err, ERR_USAGE,
                       "'%s' is relative and the list is a local file: use --base URL to "
                       "say where its files are",
                       line->name.data);
    if (key->failed)
        return err_memory(err, "a URL");
    entry->key = key->data;
    if (is_signed(manifest, line->url ? key->data : manifest->base.data))
        entry->flags |= PLAN_SIGNED;
    return 0;
}

static bool is_file(const struct manifest *manifest, const struct list_line *line)
{
    return text_starts(line->url ? line->name.data : manifest->base.data, "file://");
}

/* A local file is looked at directly. */
static int look_at_file(const struct manifest *manifest, const struct list_line *line,
                        struct plan_entry *entry, char etag[FILES_ETAG], struct err *err)
{
    struct strbuf url = { 0 }, path = { 0 };
    int rc = -1;

    if (!line->url)
        strbuf_adds(&url, manifest->base.data);
    strbuf_adds(&url, entry->key);
    if (url.failed || !url_path_file(url.data, &path) || path.failed) {
        err_set(err, ERR_SOURCE, "'%s' is not a local path", entry->key);
        goto out;
    }
    if (files_look(path.data, &entry->size, etag, err) < 0)
        goto out;
    if (line->sized && line->size != entry->size) {
        err_set(err, ERR_SOURCE, "'%s' has %ju bytes, but the list says it has %ju",
                path.data, (uintmax_t)entry->size, (uintmax_t)line->size);
        goto out;
    }
    entry->etag = etag;
    rc = 0;
out:
    strbuf_release(&url);
    strbuf_release(&path);
    return rc;
}

static int take_line(void *arg, const struct list_line *line, struct err *err)
{
    struct manifest *manifest = arg;
    const struct source_config *config = manifest->ask->config;
    struct plan_entry entry = { .path = line->path.data, .want = line->want };
    char etag[FILES_ETAG];

    if (line->url && text_starts(line->name.data, "file://") &&
        url_path_is_web(config->manifest))
        return err_set(err, ERR_SOURCE, "a list from the web must not name local files");
    if (!ask_keeps(config, line->path.data))
        return 0;
    if (set_key(manifest, line, &entry, err) < 0)
        return -1;
    if (is_file(manifest, line)) {
        if (ask_poll(manifest->ask, err) < 0 ||
            look_at_file(manifest, line, &entry, etag, err) < 0)
            return -1;
        return plan_add(manifest->plan, &entry, err);
    }
    entry.size = line->size;
    if (!line->sized)
        entry.flags |= PLAN_UNSIZED;
    else if (line->size < config->probe_above)
        /* a small file takes one request: a probe would make it two */
        entry.flags |= PLAN_WHOLE;
    return plan_add(manifest->plan, &entry, err);
}

/* Also after an attempt that broke off. */
static int begin_list(void *arg, struct err *err)
{
    struct manifest *manifest = arg;

    list_reader_release(&manifest->reader);
    manifest->reader = (struct list_reader){ .visit = take_line, .arg = manifest };
    manifest->bytes = 0;
    plan_release(manifest->plan);
    return set_base(manifest, err) < 0 ? -1 : set_query(manifest, err);
}

static int take_bytes(void *arg, const char *bytes, size_t len, struct err *err)
{
    struct manifest *manifest = arg;
    struct err why = { 0 };
    int rc = ask_poll(manifest->ask, &why);

    manifest->bytes += len;
    if (rc == 0 && manifest->bytes > LIST_MOST)
        rc = err_set(&why, ERR_SOURCE, "it is longer than 4 GiB");
    if (rc == 0)
        rc = list_reader_feed(&manifest->reader, bytes, len, &why);
    if (rc == 0)
        return 0;
    manifest->failed = true;
    err_copy(err, &why);
    return why.code == ERR_INTERRUPTED ? -1 : err_wrap(err, "list '%s'", manifest->shown);
}

static int read_file(struct manifest *manifest, const char *path, struct err *err)
{
    const struct source_config *config = manifest->ask->config;
    const struct fs_wait wait = { LIST_PATIENCE, config->poll, config->poll_arg };
    struct err cause = { 0 };

    if (check_there(path, err) < 0 || begin_list(manifest, err) < 0)
        return -1;
    if (fs_stream_input(path, &wait, take_bytes, manifest, &cause) == 0)
        return 0;
    return manifest->failed ? err_copy(err, &cause) : ask_blame(&cause, err);
}

static int read_list(struct manifest *manifest, struct err *err)
{
    struct ask *ask = manifest->ask;
    const struct ask_sink sink = { begin_list, take_bytes, manifest };
    const char *list = ask->config->manifest;
    struct strbuf path = { 0 };
    char shown[256];
    int rc;

    if (url_path_is_web(list)) {
        url_redact(shown, sizeof(shown), list);
        rc = ask_stream(ask, shown, list, &sink, &ask->count->listing, err);
    } else if (text_starts(list, "file://")) {
        if (!url_path_file(list, &path) || path.failed)
            rc = err_set(err, ERR_USAGE, "'%s' is not a local path", list);
        else
            rc = read_file(manifest, path.data, err);
    } else {
        rc = read_file(manifest, list, err);
    }
    strbuf_release(&path);
    if (rc == 0 && list_reader_end(&manifest->reader, err) < 0)
        rc = err_wrap(err, "list '%s'", manifest->shown);
    return rc;
}

/* The next file whose server has to be asked. */
static int next_probe(void *arg, struct probe *probe, struct err *err)
{
    struct manifest *manifest = arg;
    const struct plan *plan = manifest->plan;

    while (manifest->probed < plan->nfiles) {
        size_t i = manifest->probed++;
        const struct plan_file *file = &plan->files[i];
        struct strbuf url = { 0 };

        if (file->flags & PLAN_WHOLE)
            continue;
        plan_url(plan, i, &url);
        if (!url.failed && text_starts(url.data, "file://")) {
            strbuf_release(&url);
            continue;
        }
        *probe = (struct probe){ .url = strbuf_steal(&url),
                                 .file = i,
                                 .digest = file->want.kind != DIGEST_NONE,
                                 .sized = !(file->flags & PLAN_UNSIZED),
                                 .size = file->size };
        return probe->url ? 1 : err_memory(err, "a URL");
    }
    return 0;
}

static int found_probe(void *arg, const struct probe *probe, struct err *err)
{
    struct plan *plan = ((struct manifest *)arg)->plan;
    struct plan_file *file = &plan->files[probe->file];

    file->size = probe->size;
    file->flags &= ~(uint32_t)PLAN_UNSIZED;
    file->flags |= probe->whole ? PLAN_WHOLE : 0;
    return plan_set(plan, &file->etag, probe->etag, err);
}

int manifest_list(struct ask *ask, struct plan *plan, struct err *err)
{
    const char *list = ask->config->manifest;
    struct manifest manifest = { .ask = ask, .plan = plan };
    const struct probe_list probes = { next_probe, found_probe, &manifest };
    int rc = -1;

    url_redact(manifest.shown, sizeof(manifest.shown), list);
    if (!strstr(list, "://"))
        snprintf(manifest.shown, sizeof(manifest.shown), "%s", list);
    utf8_mask(manifest.shown); /* a path may have any bytes, and this goes to JSON */
    ask->origin = list;
    if (read_list(&manifest, err) < 0 || plan_drop_repeats(plan, err) < 0)
        goto out;
    ask->origin = manifest.base.len > 0 ? manifest.base.data : NULL;
    if (probe_all(ask, &probes, err) == 0)
        rc = plan_set(plan, &plan->source, manifest.shown, err);
out:
    list_reader_release(&manifest.reader);
    strbuf_release(&manifest.base);
    strbuf_release(&manifest.key);
    return rc;
}
