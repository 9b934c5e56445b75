#include "app/source_record.h"

#include <string.h>

#include "io/fs/fs.h"
#include "staging/foreign_files.h"
#include "staging/record.h"

/* A tree that was copied without times is still the one of its record. */
static bool describes(const struct manifest *manifest, const char *tree)
{
    char name[FS_NAME];
    struct fs_info info;

    for (size_t i = 0; i < manifest->nfiles; i++) {
        fs_format(name, "%s/%s", tree, manifest->file[i].path);
        if (fs_look_through(NULL, name, &info, NULL) == 0 && info.kind == FS_FILE &&
            info.size == manifest->file[i].size)
            return true;
    }
    return manifest->nfiles == 0;
}

void source_record_open(void *record, const char *tree)
{
    struct manifest *manifest = &((struct source_record *)record)->manifest;

    manifest_release(manifest);
    if (record_load_dest(manifest, tree, NULL, NULL) == 0 && !describes(manifest, tree))
        manifest_release(manifest);
}

bool source_record_has(void *record, const char *path, const struct fs_info *info,
                       struct digest *want)
{
    const struct manifest *manifest = &((struct source_record *)record)->manifest;
    const struct manifest_file *file = manifest_find(manifest, path);

    if (file && file->size == info->size && file->mtime_ns == info->mtime_ns) {
        want->kind = DIGEST_SHA256;
        memcpy(want->bytes, file->sha256, sizeof(want->bytes));
    }
    return foreign_files_is_record(manifest, path);
}

void source_record_release(struct source_record *record)
{
    manifest_release(&record->manifest);
}
