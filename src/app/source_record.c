#include "app/source_record.h"

#include <string.h>

#include "base/text.h"
#include "io/account.h"
#include "io/fs/fs.h"
#include "staging/foreign_files.h"
#include "staging/record.h"
#include "staging/sum_list.h"
#include "staging/trust.h"

static bool is_there(const char *tree, const struct manifest_file *file)
{
    char name[FS_NAME];
    struct fs_info info;

    return fs_look_through(NULL, fs_format(name, "%s/%s", tree, file->path), &info,
                           NULL) < 0 ||
           info.kind == FS_FILE;
}

/* A tree that was copied without times, or of which every file is damaged, is still the one of
 * its record. */
static bool describes(const struct manifest *manifest, const char *tree)
{
    for (size_t i = 0; i < manifest->nfiles; i++)
        if (is_there(tree, &manifest->file[i]))
            return true;
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

static bool is_whole(const struct source_record *record)
{
    if (sum_list_fits(&record->manifest))
        return true;
    log_line(&record->run->ranks.log, LOG_WARN,
             "the record of '%s' is damaged, or was changed: its digests are not used",
             record->tree);
    return false;
}

void source_record_open(void *arg, const char *tree)
{
    struct source_record *record = arg;
    struct manifest *manifest = &record->manifest;

    fs_format(record->tree, "%s", tree);
    record->believed = false;
    record->listed = record->known = record->touched = 0;
    manifest_release(manifest);
    if (record_load_dest(manifest, tree, NULL, NULL) < 0)
        return;
    if (describes(manifest, tree) && is_whole(record))
        record->believed = is_believed(record, tree);
    else
        manifest_release(manifest);
}

/* In a tree from the Hub: what lies there for its library, and is about this very tree. */
static bool is_for_library(const struct manifest *manifest, const char *path)
{
    static const char folder[] = ".cache/huggingface/", end[] = ".metadata";
    char name[FS_NAME];
    size_t len;

    if (!manifest->hub || !manifest->revision || !text_starts(path, folder))
        return false;
    path += strlen(folder);
    if (strcmp(path, ".gitignore") == 0 || strcmp(path, "CACHEDIR.TAG") == 0)
        return true;
    if (text_starts(path, "trees/"))
        return strcmp(path, fs_format(name, "trees/%s.json", manifest->revision)) == 0;
    if (!text_starts(path, "download/") || !text_ends(path, end))
        return false;
    path += strlen("download/");
    len = strlen(path) - strlen(end);
    return manifest_find(manifest, fs_format(name, "%.*s", (int)len, path)) != NULL;
}

static int compare(struct source_record *record, const struct manifest_file *file,
                   const struct fs_info *info, struct digest *want, struct err *err)
{
    if (file->size != info->size)
        return err_set(
            err, ERR_DIGEST,
            "'%s' at the source has %llu bytes, but the record of the tree says "
            "%llu: it is damaged, or was changed after it was published",
            file->path, (unsigned long long)info->size, (unsigned long long)file->size);
    want->kind = DIGEST_SHA256;
    memcpy(want->bytes, file->sha256, sizeof(want->bytes));
    record->known++;
    if (file->mtime_ns != info->mtime_ns && record->touched++ == 0)
        fs_format(record->first, "%s", file->path);
    return 0;
}

int source_record_has(void *arg, const char *path, const struct fs_info *info,
                      struct digest *want, struct err *err)
{
    struct source_record *record = arg;
    const struct manifest *manifest = &record->manifest;
    const struct manifest_file *file = manifest_find(manifest, path);

    /* Without a record in it nothing in the tree is one. */
    if (!file && ((manifest->inside && foreign_files_is_record(manifest, path)) ||
                  is_for_library(manifest, path)))
        return 1;
    record->listed++;
    return file && record->believed ? compare(record, file, info, want, err) : 0;
}

/* How many files of the record are gone; what patterns leave out is not looked for. */
static size_t find_missing(const struct source_record *record, const char **first)
{
    const struct manifest *manifest = &record->manifest;
    size_t missing = 0;

    if (!record->believed || record->run->opt.patterns ||
        record->known == manifest->nfiles)
        return 0;
    for (size_t i = 0; i < manifest->nfiles; i++)
        if (!is_there(record->tree, &manifest->file[i]) && missing++ == 0)
            *first = manifest->file[i].path;
    return missing;
}

int source_record_end(const struct source_record *record, struct plan *plan,
                      struct err *err)
{
    const char *revision = record->manifest.revision, *first = "";
    size_t missing = find_missing(record, &first);
    bool whole = record->known > 0 && record->known == record->listed && missing == 0;

    if (missing > 0)
        log_line(
            &record->run->ranks.log, LOG_WARN,
            "%zu file%s that '%s' had as it was published, the first is '%s', %s not "
            "there any more",
            missing, missing == 1 ? "" : "s", record->tree, first,
            missing == 1 ? "is" : "are");

    if (record->touched > 0)
        log_line(
            &record->run->ranks.log, LOG_WARN,
            "%zu file%s of the source, the first is '%s', %s not have the time of when "
            "mpifetch published it: the digest of the record decides",
            record->touched, record->touched == 1 ? "" : "s", record->first,
            record->touched == 1 ? "does" : "do");
    return whole && revision ? plan_set(plan, &plan->revision, revision, err) : 0;
}

void source_record_release(struct source_record *record)
{
    manifest_release(&record->manifest);
}
