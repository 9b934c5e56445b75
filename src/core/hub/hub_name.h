/* core/hub/hub_name.h -- the name of a repository on the Hugging Face Hub, or of a part
 * of it, and the URLs derived from it.
 *
 *     hf://[models/|datasets/|spaces/]ns/name[@revision][/path]
 *
 * The revision ends at the next '/'. Percent escapes in it are decoded: a '/' inside is
 * written %2F, except in refs/pr/N and refs/convert/NAME. The path is a file or a folder
 * and is used as it is, without decoding.
 *
 * Old repositories have no namespace: hf://gpt2, hf://datasets/squad@main/README.md. A
 * path requires a revision there, because hf://gpt2/x means the repository x of gpt2. */
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
 * if the source names them too they must be the same. All errors are ERR_USAGE. */
int hub_name_parse(struct hub_name *name, const char *source, const char *revision,
                   const char *repo_type, struct err *err);

/* 40 lower-case hex digits: the Hub need not be asked to resolve it. */
bool hub_name_is_commit(const char *revision);

/* Whether name means the file at path: itself, or a folder above it. */
bool hub_name_covers(const struct hub_name *name, const char *path);

/* The canonical form, which parses to the same name. Appended to out, as all below. */
void hub_name_text(const struct hub_name *name, struct strbuf *out);

/* "models/ns/name" */
void hub_name_repo(const struct hub_name *name, struct strbuf *out);

/* endpoint is without '/' at its end. brief: with a query that asks for the commit alone,
 * which some mirrors refuse. */
void hub_name_revision_url(const struct hub_name *name, const char *endpoint, bool brief,
                           struct strbuf *out);

/* Of the folder at path ("": the root), with all below it if recursive. */
void hub_name_tree_url(const struct hub_name *name, const char *endpoint,
                       const char *commit, const char *path, bool recursive,
                       struct strbuf *out);

/* The prefix to which the quoted path of a file is appended to get its URL. */
void hub_name_resolve_url(const struct hub_name *name, const char *endpoint,
                          const char *commit, struct strbuf *out);

/* Whether a URL is that of a file at some Hub, which redirects to where its bytes are. */
bool hub_name_is_resolve_url(const char *url);

/* The URL of the next page, from the server's link. Mirrors pass on links to the Hub
 * itself: in those the host is replaced by the endpoint. */
void hub_name_next_url(const char *link, const char *endpoint, struct strbuf *out);

#endif
