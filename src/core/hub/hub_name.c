#include "core/hub/hub_name.h"

#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "core/plan/path_rules.h"
#include "core/plan/plan.h"

static const struct {
    const char *option; /* --repo-type */
    const char *folder; /* in hf:// and below /api/ */
    const char *prefix; /* in resolve URLs */
} types[] = {
    [HUB_MODEL] = { "model", "models/", "" },
    [HUB_DATASET] = { "dataset", "datasets/", "datasets/" },
    [HUB_SPACE] = { "space", "spaces/", "spaces/" },
};

static const char *const foreign_types[] = { "kernels/", "buckets/" };

static const char hub_itself[] = "https://huggingface.co/";

/* Copy len bytes; false: no room. */
static bool copy_part(char *out, size_t size, const char *text, size_t len)
{
    if (len >= size)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool in_alphabet(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-_.", c));
}

/* One of the parts between slashes. */
static const char *part_fault(const char *part, size_t len)
{
    if (len == 0)
        return "a part of it is empty";
    if (strchr("-.", part[0]) || strchr("-.", part[len - 1]))
        return "no part may begin or end with '-' or '.'";
    for (size_t i = 0; i < len; i++)
        if (!in_alphabet(part[i]))
            return "only letters, digits, '-', '_' and '.' are allowed";
    return NULL;
}

/* Why the Hub has no repository of such a name, or NULL. */
static const char *repo_fault(const char *repo)
{
    const char *slash = strchr(repo, '/');
    const char *fault = NULL;

    if (strlen(repo) > 96)
        return "it has more than 96 characters";
    if (slash && strchr(slash + 1, '/'))
        return "it has more than one '/'";
    if (slash)
        fault = part_fault(repo, (size_t)(slash - repo));
    if (!fault)
        fault = slash ? part_fault(slash + 1, strlen(slash + 1))
                      : part_fault(repo, strlen(repo));
    if (fault)
        return fault;
    if (strstr(repo, "--") || strstr(repo, ".."))
        return "'--' and '..' are not allowed";
    return text_ends(repo, ".git") ? "it ends in '.git'" : NULL;
}

bool hub_name_is_commit(const char *revision)
{
    return strlen(revision) == 40 && strspn(revision, "0123456789abcdef") == 40;
}

/* Take the kind off the front of *rest. *said: the source names one. */
static int parse_type(struct hub_name *name, const char **rest, bool *said,
                      struct err *err)
{
    *said = false;
    for (size_t i = 0; i < countof(foreign_types); i++)
        if (text_starts(*rest, foreign_types[i]))
            return err_set(err, ERR_USAGE,
                           "unsupported repository type '%s': only models, datasets and "
                           "spaces can be fetched",
                           foreign_types[i]);
    for (size_t i = 0; i < countof(types); i++)
        if (text_starts(*rest, types[i].folder)) {
            name->type = (enum hub_type)i;
            *rest += strlen(types[i].folder);
            *said = true;
            return 0;
        }
    return 0;
}

/* Compare the kind that the source names, if it does, with the option. */
static int settle_type(struct hub_name *name, bool said, const char *repo_type,
                       struct err *err)
{
    if (!repo_type)
        return 0;
    for (size_t i = 0; i < countof(types); i++)
        if (strcmp(repo_type, types[i].option) == 0) {
            if (said && name->type != (enum hub_type)i)
                return err_set(err, ERR_USAGE,
                               "the source is a %s, but --repo-type says %s",
                               types[name->type].option, repo_type);
            name->type = (enum hub_type)i;
            return 0;
        }
    return err_set(err, ERR_USAGE, "--repo-type '%s': expected model, dataset or space",
                   repo_type);
}

static int parse_repo(struct hub_name *name, const char **rest, struct err *err)
{
    size_t len = strcspn(*rest, "/@");
    const char *fault;

    if ((*rest)[len] == '/' && (*rest)[len + 1])
        len += 1 + strcspn(*rest + len + 1, "/@");
    if (!copy_part(name->repo, sizeof(name->repo), *rest, len))
        return err_set(err, ERR_USAGE, "the repository name has more than 96 characters");
    if (len == 0)
        return err_set(err, ERR_USAGE, "the repository name is missing");
    for (size_t i = 0; i < countof(types); i++)
        if (strlen(types[i].folder) == len + 1 &&
            strncmp(name->repo, types[i].folder, len) == 0)
            return err_set(err, ERR_USAGE, "'%s' is a repository type, not a repository",
                           name->repo);
    fault = repo_fault(name->repo);
    if (fault)
        return err_set(err, ERR_USAGE, "repository '%s': %s", name->repo, fault);
    *rest += len;
    return 0;
}

/* Bytes of the revision that text begins with. */
static size_t revision_length(const char *text)
{
    static const char *const with_slashes[] = { "refs/pr/", "refs/convert/" };

    for (size_t i = 0; i < countof(with_slashes); i++)
        if (text_starts(text, with_slashes[i]))
            return strlen(with_slashes[i]) + strcspn(text + strlen(with_slashes[i]), "/");
    return strcspn(text, "/");
}

/* A revision becomes part of URLs, and in a Hub cache the name of a file. */
static int settle_revision(struct hub_name *name, const char *revision, struct err *err)
{
    const char *fault;

    if (!copy_part(name->revision, sizeof(name->revision), revision, strlen(revision)))
        return err_set(err, ERR_USAGE, "the revision has more than 255 bytes");
    fault = path_rules_fault(name->revision);
    return fault ? err_set(err, ERR_USAGE, "revision '%s': %s", name->revision, fault)
                 : 0;
}

/* Take "@revision" off the front of *rest, and compare it with the option. */
static int parse_revision(struct hub_name *name, const char **rest, const char *option,
                          struct err *err)
{
    struct strbuf raw = { 0 };
    struct strbuf said = { 0 };
    size_t len;
    int rc = -1;

    if (**rest != '@')
        return settle_revision(name, option ? option : "main", err);
    ++*rest;
    len = revision_length(*rest);
    strbuf_add(&raw, *rest, len);
    if (raw.data)
        url_unquote(&said, raw.data);
    if (raw.failed || said.failed)
        err_memory(err, "a revision");
    else if (said.len == 0)
        err_set(err, ERR_USAGE, "the revision after '@' is missing");
    else if (option && strcmp(option, said.data) != 0)
        err_set(err, ERR_USAGE,
                "the source names revision '%s', but --revision says '%s'", said.data,
                option);
    else
        rc = settle_revision(name, said.data, err);
    *rest += len;
    strbuf_release(&raw);
    strbuf_release(&said);
    return rc;
}

static int parse_path(struct hub_name *name, const char *rest, struct err *err)
{
    size_t len;
    const char *fault;

    if (*rest == '/')
        rest++;
    len = strlen(rest);
    while (len > 0 && rest[len - 1] == '/')
        len--;
    if (!copy_part(name->path, sizeof(name->path), rest, len))
        return err_set(err, ERR_USAGE, "the path has more than 4095 bytes");
    if (len == 0)
        return 0;
    fault = path_rules_fault(name->path);
    return fault ? err_set(err, ERR_USAGE, "path '%s': %s", name->path, fault) : 0;
}

int hub_name_parse(struct hub_name *name, const char *source, const char *revision,
                   const char *repo_type, struct err *err)
{
    const char *rest = source;
    bool said;

    *name = (struct hub_name){ .type = HUB_MODEL };
    if (!text_starts(source, "hf://"))
        return err_set(err, ERR_USAGE, "'%s' does not begin with hf://", source);
    rest += strlen("hf://");
    if (parse_type(name, &rest, &said, err) < 0 ||
        settle_type(name, said, repo_type, err) < 0 || parse_repo(name, &rest, err) < 0 ||
        parse_revision(name, &rest, revision, err) < 0 || parse_path(name, rest, err) < 0)
        return err_wrap(err, "source '%s'", source);
    return 0;
}

bool hub_name_covers(const struct hub_name *name, const char *path)
{
    size_t len = strlen(name->path);

    return len == 0 || (strncmp(path, name->path, len) == 0 &&
                        (path[len] == '\0' || path[len] == '/'));
}

void hub_name_repo(const struct hub_name *name, struct strbuf *out)
{
    strbuf_adds(out, types[name->type].folder);
    strbuf_adds(out, name->repo);
}

void hub_name_text(const struct hub_name *name, struct strbuf *out)
{
    strbuf_adds(out, "hf://");
    hub_name_repo(name, out);
    strbuf_adds(out, "@");
    url_quote(out, name->revision, "");
    if (!name->path[0])
        return;
    strbuf_adds(out, "/");
    strbuf_adds(out, name->path);
}

static void api_url(const struct hub_name *name, const char *endpoint, struct strbuf *out)
{
    strbuf_adds(out, endpoint);
    strbuf_adds(out, "/api/");
    hub_name_repo(name, out);
}

void hub_name_revision_url(const struct hub_name *name, const char *endpoint, bool brief,
                           struct strbuf *out)
{
    api_url(name, endpoint, out);
    strbuf_adds(out, "/revision/");
    url_quote(out, name->revision, "");
    /* a repository of many files would come with a list of them, which is not complete */
    if (brief)
        strbuf_adds(out, "?expand=sha");
}

void hub_name_tree_url(const struct hub_name *name, const char *endpoint,
                       const char *commit, const char *path, bool recursive,
                       struct strbuf *out)
{
    api_url(name, endpoint, out);
    strbuf_adds(out, "/tree/");
    strbuf_adds(out, commit);
    if (path[0]) {
        strbuf_adds(out, "/");
        url_quote(out, path, "");
    }
    strbuf_adds(out, recursive ? "?recursive=true&expand=false"
                               : "?recursive=false&expand=false");
}

void hub_name_resolve_url(const struct hub_name *name, const char *endpoint,
                          const char *commit, struct strbuf *out)
{
    strbuf_adds(out, endpoint);
    strbuf_adds(out, "/");
    strbuf_adds(out, types[name->type].prefix);
    strbuf_adds(out, name->repo);
    strbuf_adds(out, "/resolve/");
    strbuf_adds(out, commit);
    strbuf_adds(out, "/");
}

void hub_name_next_url(const char *link, const char *endpoint, struct strbuf *out)
{
    if (text_starts(link, hub_itself)) {
        strbuf_adds(out, endpoint);
        link += strlen(hub_itself) - 1;
    }
    strbuf_adds(out, link);
}

bool hub_name_is_resolve_url(const char *url)
{
    const char *found = strstr(url, "/resolve/");

    return found && found < url + strcspn(url, "?#");
}
