/* core/hub/hub_name.h -- the name of a repository or of a part of it on the Hugging Face
 * Hub, and the URLs made of it.
 *
 *     hf://[models/|datasets/|spaces/]ns/name[@revision][/path]
 *
 * The revision ends at the next '/'. A '/' inside it is written %2F (percent escapes in a
 * revision are decoded), only refs/pr/N and refs/convert/NAME may be written as they are.
 * The path is a file or a folder; it is taken as it is, not decoded.
 * Old repositories have no namespace: hf://gpt2, hf://datasets/squad@main/README.md. A
 * path needs the revision there, because hf://gpt2/x means the repository x of gpt2. */
#ifndef CORE_HUB_HUB_NAME_H
#define CORE_HUB_HUB_NAME_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strbuf.h"

enum hub_type { HUB_MODEL, HUB_DATASET, HUB_SPACE };

struct hub_name {
    enum hub_type type;
    char repo[97];      /* "ns/name", or "name" */
    char revision[256]; /* as asked for; "main" by default */
    char path[4096];    /* without '/' at its ends; "" means everything */
};

/* revision and repo_type ("model", "dataset", "space") come from options and may be NULL;
 * what is said twice must be the same. Everything else that is wrong is ERR_USAGE as
 * well. */
int hub_name_parse(struct hub_name *name, const char *source, const char *revision,
                   const char *repo_type, struct err *err);

/* 40 lower-case hex digits: the Hub need not be asked what it stands for. */
bool hub_name_is_commit(const char *revision);

/* Whether name means the file at path: itself, or a folder above it. */
bool hub_name_covers(const struct hub_name *name, const char *path);

/* The one way to write it, which parses to the same name. Appended to out, as all below.
 */
void hub_name_text(const struct hub_name *name, struct strbuf *out);

/* "models/ns/name" */
void hub_name_repo(const struct hub_name *name, struct strbuf *out);

/* endpoint is without '/' at its end. */
void hub_name_revision_url(const struct hub_name *name, const char *endpoint,
                           struct strbuf *out);

/* Of the folder at path ("": the root), with all below it if recursive. */
void hub_name_tree_url(const struct hub_name *name, const char *endpoint,
                       const char *commit, const char *path, bool recursive,
                       struct strbuf *out);

/* What the quoted path of a file follows to be its URL. */
void hub_name_resolve_url(const struct hub_name *name, const char *endpoint,
                          const char *commit, struct strbuf *out);

/* A next page as the server linked it. Mirrors pass on links to the Hub itself: those are
 * turned to the endpoint. */
void hub_name_next_url(const char *link, const char *endpoint, struct strbuf *out);

#endif
