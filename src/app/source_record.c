#include "app/source_record.h"

#include <string.h>

#include "io/account.h"
#include "io/fs/fs.h"
#include "staging/foreign_files.h"
#include "staging/record.h"
#include "staging/trust.h"

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

/* A wrong --trust is refused when DEST is looked at. */
static bool is_believed(const struct source_record *record, const char *tree)
{
    const struct run *run = record->run;
    struct trust trust = { 0 };
    char owner[ACCOUNT_TEXT];
    bool is = trust_start(&trust, run, tree, NULL) == 0 &&
              trust_has(&trust, record->manifest.uid);

    trust_release(&trust);
    if (!is)
        log_line(&run->ranks.log, LOG_WARN,
                 "the record of '%s' belongs to %s, who is not trusted: its digests are "
                 "not used (see --trust)",
                 tree, account_text(record->manifest.uid, owner));
    return is;
}

void source_record_open(void *arg, const char *tree)
{
    struct source_record *record = arg;
    struct manifest *manifest = &record->manifest;

    record->believed = false;
    manifest_release(manifest);
    if (record_load_dest(manifest, tree, NULL, NULL) < 0)
        return;
    if (describes(manifest, tree))
        record->believed = is_believed(record, tree);
    else
        manifest_release(manifest);
}

bool source_record_has(void *arg, const char *path, const struct fs_info *info,
                       struct digest *want)
{
    const struct source_record *record = arg;
    const struct manifest *manifest = &record->manifest;
    const struct manifest_file *file =
        record->believed ? manifest_find(manifest, path) : NULL;

    if (file && file->size == info->size && file->mtime_ns == info->mtime_ns) {
        want->kind = DIGEST_SHA256;
        memcpy(want->bytes, file->sha256, sizeof(want->bytes));
    }
    /* Without a record in it nothing in the tree is one. */
    return manifest->inside && foreign_files_is_record(manifest, path);
}

void source_record_release(struct source_record *record)
{
    manifest_release(&record->manifest);
}
