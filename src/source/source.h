/* source/source.h -- where files come from. Rank 0 only.
 *
 * source_list selects the lister by the form of the source, asks the server for the list
 * of files, and fills a plan (not sealed). After that the plan alone says how to fetch:
 * plan_url, flags, and for PLAN_LOCATE files one request without body, whose redirect is
 * the signed URL (coordinate/locator.h). A file:// URL becomes a path with url_path_file
 * (core/plan/url_path.h).
 *
 * Forms        hf://NAME (core/hub/hub_name.h); manifests (core/plan/list_line.h); one
 *              file at a URL; a file or a tree at file:///.
 * Patterns     are matched with the path that a file gets below DEST.
 * Secrets      the token goes to the endpoint of the Hub, and from hf:// sources only.
 *              Headers go to the origin of plan->base, and to that of a manifest. A key
 *              may hold a password that its URL came with, plan->source never does.
 * Trust        a manifest from the web may not name file:// URLs. */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "base/glob.h"
#include "core/plan/plan.h"
#include "io/http/http.h"

struct fs_info;

struct source_config {
    const char *source;     /* hf://, https://, http://, file://; NULL with a manifest */
    const char *manifest;   /* path or URL of a list, or NULL */
    const char *base;       /* of relative names in the manifest, or NULL */
    const char *sha256;     /* hex, for one URL, or NULL */
    const char *revision;   /* --revision, or NULL */
    const char *repo_type;  /* model, dataset, space, or NULL */
    const char *endpoint;   /* of the Hub, without trailing '/' */
    const char *token;      /* for the Hub, or NULL */
    const char *token_file; /* --token-file, or NULL: only whether it was given */
    const char *const *headers; /* NULL-terminated, or NULL */
    struct glob_list allow, deny;
    bool (*keep)(void *arg,
                 const char *path); /* what patterns keep; or NULL: all of it */
    void *keep_arg;
    bool bare; /* no manifest is written among the files: no path is reserved */
    /* Called for each file of a Hub repository, whatever patterns and paths leave out.
     * NULL: only the wanted files are listed. */
    int (*every)(void *arg, const struct plan_entry *entry, struct err *err);
    void *every_arg;
    /* Of a tree of files: called with its path before it is listed, and then for each of its
     * files that the patterns keep. has: 1 if that belongs to the record of the tree and is no
     * content; 0, and *want is set if the record knows its digest; -1 and *err if it is not
     * the file that the record speaks of. NULL: nothing is known. */
    void (*record_open)(void *arg, const char *tree);
    int (*record_has)(void *arg, const char *path, const struct fs_info *info,
                      struct digest *want, struct err *err);
    void *record_arg;
    uint64_t probe_above; /* bytes: larger files are probed for range support */
    struct retry_policy retry;
    /* Called between requests and many times a second; -1 ends listing (a signal). */
    int (*poll)(void *arg);
    void *poll_arg;
    /* Called for things the user should know (X-HF-Warning, retries); may be NULL. */
    void (*notice)(void *arg, const char *text);
    void *notice_arg;
};

struct source_count {
    uint64_t revision, listing, probe, retried; /* requests made */
    bool unreachable; /* it failed since nobody answered, or nobody could */
};

/* Which lister is used; also to refuse an invalid source before anything is asked.
 * ERR_USAGE names the forms there are. */
enum source_kind { SOURCE_HUB, SOURCE_URL, SOURCE_MANIFEST, SOURCE_FILES };
int source_kind(const struct source_config *config, enum source_kind *kind,
                struct err *err);

int source_list(const struct source_config *config, struct http *http, struct plan *plan,
                struct source_count *count, struct err *err);

/* The sentence for a reply of the Hub with an error status: sets *err with the code for
 * the exit status. `what` is what was requested. */
int source_refusal(const char *what, const struct http_response *response, bool had_token,
                   struct err *err);

/* Text of a server, fit for one line: masked as by utf8_mask, cut if too long (size is
 * more than 4), and without a token that it repeats. */
void source_tame(char *out, size_t size, const char *text);

/* As source_refusal, for other servers, to which no token goes. */
int source_refusal_plain(const char *what, const struct http_response *response,
                         struct err *err);

#endif
