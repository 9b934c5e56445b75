/* core/hub/hub_cache.h -- names inside the cache of the Hub's library, huggingface_hub.
 *
 *     ROOT/models--ns--name/                folder of a repository
 *          blobs/<etag>                     content, named by its entity tag
 *          trees/<commit>.json              record of all files of the commit
 *          snapshots/<commit>/<path>        relative symlink to the blob
 *          refs/<ref>                       the commit that a branch or tag points to
 *
 * Functions with a strbuf append to it. */
#ifndef CORE_HUB_HUB_CACHE_H
#define CORE_HUB_HUB_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* What the library writes to CACHEDIR.TAG in the root, and in .cache/huggingface of a
 * local directory: backups skip both. */
extern const char hub_cache_tag[];

/* "models/ns/name" -> "models--ns--name" */
void hub_cache_folder(const char *repo, struct strbuf *out);

/* What the symlink at snapshots/<commit>/<path> holds: one "../" for each directory
 * between it and the folder. */
void hub_cache_link(const char *path, const char *etag, struct strbuf *out);

/* 40 or 64 hex digits: a git object id or a SHA-256, and so a name of a blob. */
bool hub_cache_is_etag(const char *text);

/* Whether path is FOLDER/snapshots/<commit>, an end in slashes allowed: then *folder is
 * the length of FOLDER, and commit, 41 bytes, is filled. */
bool hub_cache_is_snapshot(const char *path, size_t *folder, char *commit);

#endif
