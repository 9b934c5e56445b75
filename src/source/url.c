/* source/url.c -- lists one file at an http or https URL. */
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "core/plan/url_path.h"
#include "source/lister.h"
#include "source/probe.h"

struct only {
    const struct source_config *config;
    bool asked;
    struct probe probe; /* once it was found */
};

static int next_probe(void *arg, struct probe *probe, struct err *err)
{
    struct only *only = arg;

    if (only->asked)
        return 0;
    only->asked = true;
    probe->url = strdup(only->config->source);
    probe->digest = only->config->sha256 != NULL;
    return probe->url ? 1 : err_memory(err, "a URL");
}

static int keep_probe(void *arg, const struct probe *probe, struct err *err)
{
    struct only *only = arg;

    only->probe = *probe;
    only->probe.url = NULL;
    only->probe.etag = strdup(probe->etag ? probe->etag : "");
    return only->probe.etag ? 0 : err_memory(err, "a validator");
}

static int set_texts(struct plan *plan, const char *url, const char *shown,
                     struct err *err)
{
    struct strbuf base = { 0 };
    int rc = -1;

    strbuf_add(&base, url, url_path_folder(url));
    if (base.failed)
        err_memory(err, "a URL");
    else if (plan_set(plan, &plan->source, shown, err) == 0)
        rc = plan_set(plan, &plan->base, base.data, err);
    strbuf_release(&base);
    return rc;
}

int url_list(struct ask *ask, struct plan *plan, struct err *err)
{
    const struct source_config *config = ask->config;
    struct only only = { .config = config };
    const struct probe_list list = { next_probe, keep_probe, &only };
    struct strbuf name = { 0 };
    struct plan_entry entry = { .key = config->source };
    char shown[512];
    int rc = -1;

    ask->origin = config->source;
    url_redact(shown, sizeof(shown), config->source);
    if (!url_path_name(config->source, &name) || name.failed) {
        err_set(err, ERR_USAGE, "'%s' does not end in a file name", shown);
        goto out;
    }
    if (set_texts(plan, config->source, shown, err) < 0)
        goto out;
    entry.path = name.data;
    if (!ask_keeps(config, entry.path)) {
        rc = 0;
        goto out;
    }
    if (probe_all(ask, &list, err) < 0)
        goto out;
    if (config->sha256 && text_unhex(entry.want.bytes, 32, config->sha256))
        entry.want.kind = DIGEST_SHA256;
    entry.size = only.probe.size;
    entry.etag = only.probe.etag;
    entry.flags = only.probe.whole ? PLAN_WHOLE : 0;
    rc = plan_add(plan, &entry, err);
out:
    probe_release(&only.probe);
    strbuf_release(&name);
    return rc;
}
