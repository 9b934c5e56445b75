/* source/url.c -- lists one file at an http or https URL. */
#include <stdlib.h>

#include "base/text.h"
#include "base/url.h"
#include "core/plan/url_path.h"
#include "source/lister.h"
#include "source/probe.h"

/* Returns arg once. */
static struct probe *only(void *arg)
{
    struct probe **probe = arg;
    struct probe *given = *probe;

    *probe = NULL;
    return given;
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
    struct probe probe = { .url = config->source, .digest = config->sha256 != NULL };
    struct probe *todo = &probe;
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
    if (!glob_keep(&config->allow, &config->deny, entry.path)) {
        rc = 0;
        goto out;
    }
    if (probe_all(ask, only, &todo, err) < 0)
        goto out;
    if (config->sha256 && text_unhex(entry.want.bytes, 32, config->sha256))
        entry.want.kind = DIGEST_SHA256;
    entry.size = probe.size;
    entry.etag = probe.etag;
    entry.flags = probe.whole ? PLAN_WHOLE : 0;
    rc = plan_add(plan, &entry, err);
out:
    free(probe.etag);
    strbuf_release(&name);
    return rc;
}
