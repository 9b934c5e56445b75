/* source/manifest.c -- lists the files that a manifest names (core/plan/list_line.h).
 *
 * Secrets      go to the origin of the base only, so that a list cannot send
 *              them elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "base/utf8.h"
#include "core/plan/list_line.h"
#include "core/plan/url_path.h"
#include "core/plan/url_query.h"
#include "io/fs/fs.h"
#include "io/fs/fs_input.h"
#include "source/lister.h"
#include "source/probe.h"

enum { LIST_BYTES = 1 << 30 };

static const double LIST_PATIENCE = 60; /* seconds for a program behind a pipe */

struct item {
    struct probe probe; /* url belongs to the item */
    char *url, *path;
    size_t base;      /* length of the part of url that is the plan's base */
    size_t signed_at; /* where the query of the list begins in url; 0: it has none */
    struct digest want;
};

struct manifest {
    struct ask *ask;
    char *base;             /* with '/' at its end; NULL: names must be URLs */
    enum url_query signing; /* of the list's own URL */
    char *query; /* '?' and what permits to read the list and its files; or NULL */
    struct item *items;
    size_t count, room;
    size_t probed; /* items that were looked at for probing */
};

static void item_release(struct item *item)
{
    free(item->url);
    free(item->path);
    free(item->probe.etag);
}

static void manifest_release(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        item_release(&manifest->items[i]);
    free(manifest->items);
    free(manifest->base);
    free(manifest->query);
}

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

static int read_file(struct ask *ask, const char *path, char **bytes, size_t *len,
                     struct err *err)
{
    const struct source_config *config = ask->config;
    const struct fs_wait wait = { LIST_PATIENCE, config->poll, config->poll_arg };
    struct err cause = { 0 };

    if (check_there(path, err) < 0)
        return -1;
    return fs_read_input(path, LIST_BYTES, &wait, bytes, len, &cause) < 0
               ? ask_blame(&cause, err)
               : 0;
}

/* The text of the list, to be freed by the caller. */
static int read_list(struct ask *ask, char **bytes, size_t *len, struct err *err)
{
    const char *list = ask->config->manifest;
    struct http_response response = { 0 };
    struct strbuf path = { 0 };
    char shown[256];
    int rc;

    if (url_path_is_web(list)) {
        url_redact(shown, sizeof(shown), list);
        rc = ask_get(ask, shown, list, LIST_BYTES, &ask->count->listing, &response, err);
        *bytes = response.body;
        *len = response.body_len;
        response.body = NULL;
        http_response_release(&response);
    } else if (text_starts(list, "file://")) {
        if (!url_path_file(list, &path) || path.failed)
            rc = err_set(err, ERR_USAGE, "'%s' is not a local path", list);
        else
            rc = read_file(ask, path.data, bytes, len, err);
    } else {
        rc = read_file(ask, list, bytes, len, err);
    }
    strbuf_release(&path);
    return rc;
}

/* --base, or the folder of the list's own URL. */
static int find_base(struct manifest *manifest, struct err *err)
{
    const struct source_config *config = manifest->ask->config;
    struct strbuf base = { 0 };

    if (config->base) {
        strbuf_adds(&base, config->base);
        if (!text_ends(config->base, "/"))
            strbuf_adds(&base, "/");
    } else if (strstr(config->manifest, "://")) {
        strbuf_add(&base, config->manifest, url_path_folder(config->manifest));
    } else {
        return 0;
    }
    manifest->base = strbuf_steal(&base);
    return manifest->base ? 0 : err_memory(err, "a URL");
}

/* What the URL of the list is signed with goes along to files of its origin. */
static int find_query(struct manifest *manifest, struct err *err)
{
    const char *list = manifest->ask->config->manifest, *query;

    manifest->signing = url_path_is_web(list) ? url_query_of(list) : URL_QUERY_PLAIN;
    if (manifest->signing != URL_QUERY_SHARED)
        return 0;
    query = strchr(list, '?');
    manifest->query = strndup(query, strcspn(query, "#"));
    return manifest->query ? 0 : err_memory(err, "a URL");
}

static void add_query(struct manifest *manifest, struct item *item, struct strbuf *url)
{
    const struct source_config *config = manifest->ask->config;

    if (manifest->signing == URL_QUERY_PLAIN || !url->data || strpbrk(url->data, "?#") ||
        !url_same_origin(url->data, config->manifest))
        return;
    if (manifest->query) {
        item->signed_at = url->len;
        strbuf_adds(url, manifest->query);
        return;
    }
    manifest->signing = URL_QUERY_PLAIN; /* said once */
    if (config->notice)
        config->notice(config->notice_arg,
                       "the URL of the list is signed for the list alone: its files are "
                       "requested without the signature");
}

static int make_url(struct manifest *manifest, const struct list_line *line,
                    struct item *item, struct err *err)
{
    struct strbuf url = { 0 };

    if (line->url) {
        strbuf_adds(&url, line->name.data);
    } else if (manifest->base) {
        item->base = strlen(manifest->base);
        strbuf_adds(&url, manifest->base);
        url_quote(&url, line->name.data, "/");
    } else {
        return err_set(err, ERR_USAGE,
                       "'%s' is relative and the list is a local file: use --base URL to "
                       "say where its files are",
                       line->name.data);
    }
    add_query(manifest, item, &url);
    item->url = strbuf_steal(&url);
    item->probe.url = item->url;
    return item->url ? 0 : err_memory(err, "a URL");
}

/* A local file is looked at directly. */
static int look_at_file(struct item *item, struct err *err)
{
    struct strbuf path = { 0 };
    char etag[FILES_ETAG];
    uint64_t size;
    int rc = -1;

    if (!url_path_file(item->url, &path) || path.failed) {
        err_set(err, ERR_SOURCE, "'%s' is not a local path", item->url);
        goto out;
    }
    if (files_look(path.data, &size, etag, err) < 0)
        goto out;
    if (item->probe.sized && item->probe.size != size) {
        err_set(err, ERR_SOURCE, "'%s' has %ju bytes, but the list says it has %ju",
                path.data, (uintmax_t)size, (uintmax_t)item->probe.size);
        goto out;
    }
    item->probe.size = size;
    item->probe.etag = strdup(etag);
    rc = item->probe.etag ? 0 : err_memory(err, "a validator");
out:
    strbuf_release(&path);
    return rc;
}

/* NULL: out of memory. Valid until the next call. */
static struct item *add_item(struct manifest *manifest)
{
    if (manifest->count == manifest->room) {
        size_t room = manifest->room ? 2 * manifest->room : 64;
        struct item *items = realloc(manifest->items, room * sizeof(*items));

        if (!items)
            return NULL;
        manifest->items = items;
        manifest->room = room;
    }
    manifest->items[manifest->count] = (struct item){ 0 };
    return &manifest->items[manifest->count++];
}

static int take_line(void *arg, const struct list_line *line, struct err *err)
{
    struct manifest *manifest = arg;
    const struct source_config *config = manifest->ask->config;
    struct item *item;

    if (line->url && text_starts(line->name.data, "file://") &&
        url_path_is_web(config->manifest))
        return err_set(err, ERR_SOURCE, "a list from the web must not name local files");
    if (!glob_keep(&config->allow, &config->deny, line->path.data))
        return 0;
    item = add_item(manifest);
    if (!item)
        return err_memory(err, "a list");
    item->want = line->want;
    item->probe.digest = line->want.kind != DIGEST_NONE;
    item->probe.sized = line->sized;
    item->probe.size = line->size;
    item->path = strdup(line->path.data);
    if (!item->path)
        return err_memory(err, "a list");
    if (make_url(manifest, line, item, err) < 0)
        return -1;
    if (text_starts(item->url, "file://"))
        return ask_poll(manifest->ask, err) < 0 ? -1 : look_at_file(item, err);
    /* a small file takes one request: a probe would make it two */
    item->probe.whole = line->sized && line->size < config->probe_above;
    return 0;
}

static int by_file(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order = strcmp(left->path, right->path);

    if (order == 0)
        order = strcmp(left->url, right->url);
    if (order == 0)
        order = (int)left->want.kind - (int)right->want.kind;
    return order ? order
                 : memcmp(left->want.bytes, right->want.bytes, sizeof(left->want.bytes));
}

/* The same file once more; it may tell a size that the other line did not. */
static bool is_repeat(struct item *item, const struct item *other)
{
    struct probe *probe = &item->probe;

    if (by_file(item, other) != 0 ||
        (probe->sized && other->probe.sized && probe->size != other->probe.size))
        return false;
    if (!probe->sized && other->probe.sized) {
        probe->sized = true;
        probe->size = other->probe.size;
        probe->whole = other->probe.whole;
    }
    return true;
}

/* A line that stands there twice counts once. Two files of one path are left to the
 * plan, which refuses them. */
static void drop_repeats(struct manifest *manifest)
{
    struct item *items = manifest->items;
    size_t kept = 0;

    if (manifest->count > 0)
        qsort(items, manifest->count, sizeof(*items), by_file);
    for (size_t i = 0; i < manifest->count; i++) {
        if (kept > 0 && is_repeat(&items[kept - 1], &items[i]))
            item_release(&items[i]);
        else
            items[kept++] = items[i];
    }
    manifest->count = kept;
}

/* The next item whose server has to be asked. */
static struct probe *next_probe(void *arg)
{
    struct manifest *manifest = arg;

    while (manifest->probed < manifest->count) {
        struct item *item = &manifest->items[manifest->probed++];

        if (!item->probe.whole && !text_starts(item->url, "file://"))
            return &item->probe;
    }
    return NULL;
}

/* All questions have been asked: the URL may lose the query that the plan has. */
static int add_to_plan(const struct item *item, struct plan *plan, struct err *err)
{
    struct plan_entry entry = { .path = item->path,
                                .key = item->url + item->base,
                                .etag = item->probe.etag,
                                .flags = item->probe.whole ? PLAN_WHOLE : 0,
                                .size = item->probe.size,
                                .want = item->want };

    if (item->signed_at > 0) {
        item->url[item->signed_at] = '\0';
        entry.flags |= PLAN_SIGNED;
    }
    return plan_add(plan, &entry, err);
}

static int fill_plan(const struct manifest *manifest, struct plan *plan, struct err *err)
{
    if (manifest->base && plan_set(plan, &plan->base, manifest->base, err) < 0)
        return -1;
    if (manifest->query && plan_set(plan, &plan->query, manifest->query, err) < 0)
        return -1;
    for (size_t i = 0; i < manifest->count; i++)
        if (add_to_plan(&manifest->items[i], plan, err) < 0)
            return -1;
    return 0;
}

int manifest_list(struct ask *ask, struct plan *plan, struct err *err)
{
    const char *list = ask->config->manifest;
    struct manifest manifest = { .ask = ask };
    char *bytes = NULL;
    char shown[512];
    size_t len = 0;
    int rc = -1;

    url_redact(shown, sizeof(shown), list);
    if (!strstr(list, "://"))
        snprintf(shown, sizeof(shown), "%s", list);
    utf8_mask(shown); /* a path may have any bytes, and this text is written to JSON */
    if (find_base(&manifest, err) < 0 || find_query(&manifest, err) < 0)
        goto out;
    ask->origin = list;
    if (read_list(ask, &bytes, &len, err) < 0)
        goto out;
    if (list_line_each(bytes, len, take_line, &manifest, err) < 0) {
        err_wrap(err, "list '%s'", shown);
        goto out;
    }
    drop_repeats(&manifest);
    ask->origin = manifest.base;
    if (probe_all(ask, next_probe, &manifest, err) < 0 ||
        plan_set(plan, &plan->source, shown, err) < 0)
        goto out;
    rc = fill_plan(&manifest, plan, err);
out:
    free(bytes);
    manifest_release(&manifest);
    return rc;
}
