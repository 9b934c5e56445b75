/* source/hub.c -- lists a repository of the Hugging Face Hub: revision to commit,
 * commit to files. */
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "core/hub/hub_name.h"
#include "source/hub_page.h"
#include "source/lister.h"

enum {
    COMMIT_BYTES = 16 << 20, /* most of an answer about a revision */
    PAGE_BYTES = 256 << 20,  /* most of a page; mirrors may send all on one */
    PAGES = 5000             /* of a listing; the Hub puts 1000 entries on each */
};

struct hub {
    struct ask *ask;
    struct hub_name name;
    char commit[41];
    struct strbuf text; /* the name as one text, for sentences */
    struct strbuf key;  /* of the current file */
    struct plan *plan;
    bool found;    /* a file that the name covers, whether the patterns keep it or not */
    unsigned told; /* bits: which missing records were reported */
};

/* The two files of a record of mpifetch: what else lies there is content. */
static bool is_own_record(const char *path)
{
    return strcmp(path, ".mpifetch/manifest.json") == 0 ||
           strcmp(path, ".mpifetch/SHA256SUMS") == 0;
}

static bool is_library_record(const char *path)
{
    return text_starts(path, ".cache/huggingface/");
}

/* A record of the library or of mpifetch that was committed to the repository: it is
 * about another download, and the library's has the path that ours will have. */
static bool hub_is_record(struct hub *hub, const char *path)
{
    static const struct {
        bool (*is)(const char *path);
        const char *notice;
    } records[] = {
        { is_library_record, "skipping '.cache/huggingface' in the repository: "
                             "records of the Hub library about another download" },
        { is_own_record, "skipping '.mpifetch' in the repository: records of a tree that "
                         "mpifetch published" },
    };
    const struct source_config *config = hub->ask->config;

    for (unsigned i = 0; i < countof(records); i++) {
        if (!records[i].is(path))
            continue;
        if (!(hub->told & 1U << i) && config->notice)
            config->notice(config->notice_arg, records[i].notice);
        hub->told |= 1U << i;
        return true;
    }
    return false;
}

/* The Hub gives a code for what it refuses; a mirror that does not know the query of a
 * request answers with a bare status. */
static bool hub_is_unsure(const struct http_response *response)
{
    const struct outcome *outcome = &response->outcome;

    if (outcome->fault != NET_OK || response->error_code)
        return false;
    return outcome->status == 501 || (outcome->status >= 400 && outcome->status < 500);
}

/* brief: as for hub_name_revision_url. *unsure: asked otherwise, the answer may be
 * another. */
static int hub_ask_commit(struct hub *hub, bool brief, bool *unsure, struct err *err)
{
    struct http_response response = { 0 };
    struct strbuf url = { 0 };
    int rc = -1;

    hub_name_revision_url(&hub->name, hub->ask->config->endpoint, brief, &url);
    if (url.failed) {
        err_memory(err, "a URL");
        goto out;
    }
    rc = ask_get(hub->ask, hub->text.data, url.data, COMMIT_BYTES,
                 &hub->ask->count->revision, &response, err);
    if (rc == 0 && hub_page_commit(response.body ? response.body : "", response.body_len,
                                   hub->commit, err) < 0)
        rc = err_wrap(err, "cannot find the commit of '%s'", hub->text.data);
    *unsure = rc < 0 && hub_is_unsure(&response);
out:
    http_response_release(&response);
    strbuf_release(&url);
    return rc;
}

static int hub_commit(struct hub *hub, struct err *err)
{
    struct err first = { 0 };
    bool unsure = false;

    if (hub_name_is_commit(hub->name.revision)) {
        memcpy(hub->commit, hub->name.revision, sizeof(hub->commit));
        return 0;
    }
    if (hub_ask_commit(hub, true, &unsure, &first) == 0)
        return 0;
    if (!unsure)
        return err_set_why(err, first.code, first.reason, "%s", first.text);
    return hub_ask_commit(hub, false, &unsure, err);
}

static int hub_visit(void *arg, const struct plan_entry *found, struct err *err)
{
    struct hub *hub = arg;
    const struct source_config *config = hub->ask->config;
    struct plan_entry entry = *found;

    if (config->every && config->every(config->every_arg, &entry, err) < 0)
        return -1;
    if (!hub_name_covers(&hub->name, entry.path))
        return 0;
    hub->found = true;
    if (!config->bare && hub_is_record(hub, entry.path))
        return 0;
    if (!ask_keeps(config, entry.path))
        return 0;
    strbuf_clear(&hub->key);
    url_quote(&hub->key, entry.path, "/");
    if (hub->key.failed)
        return err_memory(err, "a URL");
    entry.key = hub->key.data;
    return plan_add(hub->plan, &entry, err);
}

/* Put the URL of the page after this one into *url, or nothing. */
static int hub_turn(const struct hub *hub, const char *link, struct strbuf *url,
                    struct err *err)
{
    struct strbuf next = { 0 };
    bool same;

    if (link)
        hub_name_next_url(link, hub->ask->config->endpoint, &next);
    same = next.data && strcmp(next.data, url->data) == 0;
    strbuf_clear(url);
    strbuf_add(url, next.data, next.len);
    url->failed |= next.failed;
    strbuf_release(&next);
    if (url->failed)
        return err_memory(err, "a URL");
    return same ? err_set(err, ERR_SOURCE, "a page of the listing links to itself") : 0;
}

/* One page; *url becomes that of the next one, or empty. *status is that
 * of the answer. */
static int hub_page(struct hub *hub, struct strbuf *url, int32_t *status, struct err *err)
{
    struct http_response response = { 0 };
    int rc;

    rc = ask_get(hub->ask, hub->text.data, url->data, PAGE_BYTES,
                 &hub->ask->count->listing, &response, err);
    *status = response.outcome.status;
    if (rc < 0)
        goto out;
    rc = hub_page_tree(response.body ? response.body : "", response.body_len, hub_visit,
                       hub, err);
    if (rc == 0)
        rc = hub_turn(hub, response.link_next, url, err);
    if (rc < 0)
        err_wrap(err, "cannot list '%s'", hub->text.data);
out:
    http_response_release(&response);
    return rc;
}

/* All pages of the folder at path. *missing: there is no such folder. */
static int hub_tree(struct hub *hub, const char *path, bool recursive, bool *missing,
                    struct err *err)
{
    struct strbuf url = { 0 };
    int32_t status = 0;
    int rc = 0;

    hub_name_tree_url(&hub->name, hub->ask->config->endpoint, hub->commit, path,
                      recursive, &url);
    if (url.failed)
        rc = err_memory(err, "a URL");
    for (unsigned page = 0; rc == 0 && url.len > 0; page++) {
        if (page == PAGES)
            rc = err_set(err, ERR_SOURCE, "the listing has more than %u pages", page);
        else
            rc = hub_page(hub, &url, &status, err);
    }
    *missing = rc < 0 && status == 404;
    strbuf_release(&url);
    return rc;
}

/* The whole repository, even if a part is wanted. */
static int hub_all_files(struct hub *hub, struct err *err)
{
    bool missing;

    if (hub_tree(hub, "", true, &missing, err) < 0)
        return -1;
    return hub->found || !hub->name.path[0]
               ? 0
               : err_set_why(err, ERR_SOURCE, REASON_ENTRY_NOT_FOUND,
                             "'%s': no such file or folder at this revision",
                             hub->text.data);
}

/* The Hub lists folders only: if the path is not a folder it may be a file in
 * the folder above. */
static int hub_files(struct hub *hub, struct err *err)
{
    const char *path = hub->name.path;
    const char *slash = strrchr(path, '/');
    char above[sizeof(hub->name.path)] = "";
    struct err first = { 0 };
    bool missing;

    if (hub_tree(hub, path, true, &missing, &first) == 0)
        return 0;
    /* Only a missing first page means that the folder does not exist. */
    if (missing && path[0] && !hub->found) {
        if (slash)
            memcpy(above, path, (size_t)(slash - path));
        if (hub_tree(hub, above, false, &missing, err) < 0)
            return -1;
        if (hub->found)
            return 0;
    }
    return err_set_why(err, first.code, first.reason, "%s", first.text);
}

static int hub_set(struct hub *hub, struct err *err)
{
    struct plan *plan = hub->plan;
    struct strbuf repo = { 0 };
    struct strbuf base = { 0 };
    int rc;

    plan->bare = hub->ask->config->bare;
    hub_name_repo(&hub->name, &repo);
    hub_name_resolve_url(&hub->name, hub->ask->config->endpoint, hub->commit, &base);
    if (repo.failed || base.failed)
        rc = err_memory(err, "a plan");
    else if (plan_set(plan, &plan->source, hub->text.data, err) < 0 ||
             plan_set(plan, &plan->revision, hub->commit, err) < 0 ||
             plan_set(plan, &plan->ref, hub->name.revision, err) < 0 ||
             plan_set(plan, &plan->repo, repo.data, err) < 0)
        rc = -1;
    else
        rc = plan_set(plan, &plan->base, base.data, err);
    strbuf_release(&repo);
    strbuf_release(&base);
    return rc;
}

int hub_list(struct ask *ask, struct plan *plan, struct err *err)
{
    const struct source_config *config = ask->config;
    struct hub hub = { .ask = ask, .plan = plan };
    int rc = -1;

    ask->hub = true;
    ask->origin = config->endpoint;
    ask->token = config->token;
    if (hub_name_parse(&hub.name, config->source, config->revision, config->repo_type,
                       err) < 0)
        goto out;
    hub_name_text(&hub.name, &hub.text);
    if (hub.text.failed) {
        err_memory(err, "the name of a repository");
        goto out;
    }
    if (hub_commit(&hub, err) == 0 && hub_set(&hub, err) == 0)
        rc = config->every ? hub_all_files(&hub, err) : hub_files(&hub, err);
    /* The Hub's library takes a repository that is still empty; a folder of it that is
     * empty does not exist in git. */
    ask->may_be_empty = !hub.name.path[0];
out:
    strbuf_release(&hub.text);
    strbuf_release(&hub.key);
    return rc;
}
