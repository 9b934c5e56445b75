#include "source/source.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "core/hub/hub_name.h"
#include "core/hub/hub_web.h"
#include "core/plan/url_path.h"
#include "source/lister.h"

static int (*const listers[])(struct ask *ask, struct plan *plan, struct err *err) = {
    [SOURCE_HUB] = hub_list,
    [SOURCE_URL] = url_list,
    [SOURCE_MANIFEST] = manifest_list,
    [SOURCE_FILES] = files_list,
};

/* A page that shows a repository is no file, and what it shows has a name. */
static int check_page(const struct source_config *config, struct err *err)
{
    struct strbuf name = { 0 };
    char shown[256];
    int rc = 0;

    if (hub_web_name(config->source, config->endpoint ? config->endpoint : "", &name))
        rc = name.failed
                 ? err_memory(err, "the name of a repository")
                 : err_set(err, ERR_USAGE,
                           "'%s' is a web page of the Hub, not a file: use %s",
                           url_redact(shown, sizeof(shown), config->source), name.data);
    strbuf_release(&name);
    return rc;
}

/* The sentence for an invalid source, with what was probably meant. */
static int refuse_source(const char *source, struct err *err)
{
    const char *slash = strchr(source, '/');
    char shown[256];

    url_redact(shown, sizeof(shown), source);
    if ((text_alike(source, "http://", 7) || text_alike(source, "https://", 8)) &&
        strpbrk(source, " \t"))
        return err_set(err, ERR_USAGE, "'%s' contains a space: write it as %%20", shown);
    if (source[0] == '/')
        return err_set(err, ERR_USAGE,
                       "not a valid source: '%s'; a local path is written file://%s",
                       shown, shown);
    if (slash && isalnum((unsigned char)source[0]) && slash[1] && !strchr(slash + 1, '/'))
        return err_set(err, ERR_USAGE,
                       "not a valid source: '%s'; a Hub repository is written hf://%s",
                       shown, shown);
    return err_set(err, ERR_USAGE,
                   "not a valid source: '%s'; expected hf://NAMESPACE/NAME, https://..., "
                   "http://... or file:///PATH",
                   shown);
}

/* The form of the source alone. */
static int find_kind(const struct source_config *config, enum source_kind *kind,
                     struct err *err)
{
    *kind = SOURCE_HUB;
    if (config->manifest && config->source)
        return err_set(err, ERR_USAGE, "SOURCE and --manifest cannot be used together");
    if (!config->manifest && (!config->source || !config->source[0]))
        return err_set(err, ERR_USAGE, "the source is missing");
    if (config->manifest)
        *kind = SOURCE_MANIFEST;
    else if (text_starts(config->source, "hf://"))
        *kind = SOURCE_HUB;
    else if (url_path_is_web(config->source))
        *kind = SOURCE_URL;
    else if (text_alike(config->source, "file://", 7))
        *kind = SOURCE_FILES;
    else {
        if (check_page(config, err) == 0)
            refuse_source(config->source, err);
        return -1;
    }
    return 0;
}

static bool is_file_url(const char *url)
{
    return text_starts(url, "file:///") || text_starts(url, "file://localhost/");
}

static int check_manifest(const struct source_config *config, struct err *err)
{
    const char *base = config->base;
    char shown[256];

    if (!config->manifest[0])
        return err_set(err, ERR_USAGE, "the manifest is missing");
    if (strstr(config->manifest, "://") && !url_path_is_web(config->manifest) &&
        !is_file_url(config->manifest))
        return err_set(err, ERR_USAGE,
                       "--manifest '%s': expected a path, https://... or http://...",
                       url_redact(shown, sizeof(shown), config->manifest));
    if (!base)
        return 0;
    if (!url_path_is_web(base) && !is_file_url(base))
        return err_set(err, ERR_USAGE,
                       "--base '%s': expected https://..., http://... or file:///PATH",
                       url_redact(shown, sizeof(shown), base));
    if (url_path_is_web(base) && strpbrk(base, "?#"))
        return err_set(err, ERR_USAGE,
                       "--base '%s': a base URL cannot have a query or a fragment",
                       url_redact(shown, sizeof(shown), base));
    return 0;
}

static int check_sha256(const struct source_config *config, enum source_kind kind,
                        struct err *err)
{
    uint8_t digest[32];

    if (!config->sha256)
        return 0;
    if (kind != SOURCE_URL && kind != SOURCE_FILES)
        return err_set(
            err, ERR_USAGE,
            "--sha256 requires a single file; this source has its own digests");
    if (!text_unhex(digest, sizeof(digest), config->sha256))
        return err_set(err, ERR_USAGE, "--sha256 '%s' is not 64 hex digits",
                       config->sha256);
    return 0;
}

/* Options without effect for this kind of source are refused: the user
 * expects an effect. */
static int check_strays(const struct source_config *config, enum source_kind kind,
                        struct err *err)
{
    const struct {
        const char *option, *value;
        enum source_kind kind;
        const char *needs;
    } rows[] = {
        { "--revision", config->revision, SOURCE_HUB, "an hf:// source" },
        { "--repo-type", config->repo_type, SOURCE_HUB, "an hf:// source" },
        { "--token-file", config->token_file, SOURCE_HUB,
          "an hf:// source (for other servers use --header)" },
        { "--base", config->base, SOURCE_MANIFEST, "--manifest" },
    };

    for (size_t i = 0; i < countof(rows); i++)
        if (rows[i].value && rows[i].kind != kind)
            return err_set(err, ERR_USAGE, "%s can only be used with %s", rows[i].option,
                           rows[i].needs);
    return 0;
}

int source_kind(const struct source_config *config, enum source_kind *kind,
                struct err *err)
{
    struct hub_name name;

    if (find_kind(config, kind, err) < 0)
        return -1;
    if (*kind == SOURCE_URL && check_page(config, err) < 0)
        return -1;
    if (check_strays(config, *kind, err) < 0 || check_sha256(config, *kind, err) < 0)
        return -1;
    if (*kind == SOURCE_MANIFEST)
        return check_manifest(config, err);
    if (*kind == SOURCE_HUB)
        return hub_name_parse(&name, config->source, config->revision, config->repo_type,
                              err);
    return 0;
}

int source_list(const struct source_config *config, struct http *http, struct plan *plan,
                struct source_count *count, struct err *err)
{
    struct ask ask = { .config = config, .http = http, .count = count };
    enum source_kind kind;
    const char *name;

    if (source_kind(config, &kind, err) < 0 || listers[kind](&ask, plan, err) < 0)
        return -1;
    if (plan->nfiles > 0)
        return 0;
    name = plan_text(plan, plan->source);
    if (config->keep)
        return err_set(err, ERR_SOURCE, "no file of '%s' is named by --per-node-include",
                       name);
    if (config->allow.pattern || config->deny.pattern)
        return err_set(err, ERR_SOURCE, "no file of '%s' matches --include and --exclude",
                       name);
    if (ask.may_be_empty)
        return 0;
    return err_set(err, ERR_SOURCE, "'%s' contains no files", name);
}
