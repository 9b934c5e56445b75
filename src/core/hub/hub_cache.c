#include "core/hub/hub_cache.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "core/hub/hub_name.h"

const char hub_cache_tag[] =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file is a cache directory tag created by huggingface_hub.\n"
    "# For information about cache directory tags, see:\n"
    "#\thttps://bford.info/cachedir/\n";

enum { COMMIT = 40 }; /* characters */

void hub_cache_folder(const char *repo, struct strbuf *out)
{
    for (; *repo; repo++)
        strbuf_add(out, *repo == '/' ? "--" : repo, *repo == '/' ? 2 : 1);
}

void hub_cache_link(const char *path, const char *etag, struct strbuf *out)
{
    strbuf_adds(out, "../../");
    for (; *path; path++)
        if (*path == '/')
            strbuf_adds(out, "../");
    strbuf_addf(out, "blobs/%s", etag);
}

bool hub_cache_is_etag(const char *text)
{
    uint8_t bytes[32];

    return text_unhex(bytes, 20, text) || text_unhex(bytes, 32, text);
}

bool hub_cache_is_snapshot(const char *path, size_t *folder, char *commit)
{
    static const char between[] = "/snapshots/";
    const size_t middle = sizeof(between) - 1;
    size_t len = strlen(path);

    while (len > 0 && path[len - 1] == '/')
        len--;
    if (len <= COMMIT + middle ||
        strncmp(path + len - COMMIT - middle, between, middle) != 0)
        return false;
    memcpy(commit, path + len - COMMIT, COMMIT);
    commit[COMMIT] = '\0';
    *folder = len - COMMIT - middle;
    return hub_name_is_commit(commit);
}
