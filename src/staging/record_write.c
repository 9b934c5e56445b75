#include "staging/record_write.h"

#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/fs/fs_traits.h"
#include "staging/manifest_write.h"

enum record_place record_place_of(const struct run *run)
{
    bool hub = *plan_text(&run->plan, run->plan.repo) != '\0';

    switch (run->opt.records) {
    case RUN_RECORDS_NONE:
        return RECORD_NONE;
    case RUN_RECORDS_BESIDE:
        return RECORD_BESIDE;
    case RUN_RECORDS_INSIDE:
        return hub ? RECORD_HUB : RECORD_INSIDE;
    case RUN_RECORDS_DEFAULT:
        break;
    }
    return hub ? RECORD_HUB : RECORD_BESIDE;
}

int record_check(const struct run *run, struct err *err)
{
    static const char *const names[] = { RECORD_INSIDE_NAME,
                                         RECORD_INSIDE_NAME "/" MANIFEST_NAME,
                                         RECORD_INSIDE_NAME "/" MANIFEST_SUMS };

    if (record_place_of(run) != RECORD_INSIDE)
        return 0;
    for (size_t i = 0; i < run->plan.nfiles; i++)
        for (size_t k = 0; k < countof(names); k++)
            if (strcmp(plan_path(&run->plan, i), names[k]) == 0)
                return err_set(err, ERR_SOURCE,
                               "the source has a file '%s', where --records inside would "
                               "put the record: use --records beside",
                               names[k]);
    return 0;
}

struct writing {
    const struct run *run;
    const struct existing_file *existing;
    const char *identity;
    char *content_id;
};

static int write_to(const struct writing *writing, const struct fs_dir *above,
                    const char *name, bool beside, struct err *err)
{
    struct fs_dir dir = { 0 };
    int rc = -1;

    if (fs_mkdirs(above, name, err) == 0 && fs_dir_below(&dir, above, name, err) == 0)
        rc = manifest_write(writing->run, writing->existing, &dir, beside,
                            writing->identity, writing->content_id, err);
    fs_dir_close(&dir);
    return rc;
}

static const char staged[] = "record"; /* in staging, until it lies beside DEST */

static const char *own_name(char name[FS_NAME], const struct run *run)
{
    char beside[FS_NAME];

    return fs_format(name, "%s/%s", record_beside_name(beside, run->opt.dest),
                     manifest_run(run));
}

/* Whoever may look into DEST may look into its record, and nobody else. Nobody else may
 * write to it, whatever DEST allows: it is believed because it is this user's. */
static int dress(const struct run *run, const char *beside, struct err *err)
{
    static const char *const files[] = { "record/" MANIFEST_NAME,
                                         "record/" MANIFEST_SUMS };
    const struct run_staging *staging = &run->staging;
    struct fs_traits traits, closed, plain;
    struct strbuf lost = { 0 };
    int rc = fs_traits_take(&staging->tree, ".", &traits, err);

    closed = traits;
    closed.mode &= ~0022U;
    plain = (struct fs_traits){ .there = true,
                                .mode = (traits.mode & 0444) | 0200,
                                .gid = traits.gid };
    for (size_t i = 0; rc == 0 && i < countof(files); i++)
        rc = fs_traits_give(&plain, &staging->dir, files[i], false, &lost, err);
    if (rc == 0)
        rc = fs_traits_give(&closed, &staging->dir, staged, true, &lost, err);
    /* Others of a group put records there as well. That of another user stays as he made
     * it: it shows the names of runs at most, and what he puts there is not this user's. */
    if (rc == 0)
        fs_traits_give(&traits, &staging->parent, beside, true, &lost, NULL);
    fs_traits_release(&traits);
    strbuf_release(&lost);
    return rc;
}

/* Complete, by one rename. */
static int put_beside(const struct run *run, struct err *err)
{
    const struct run_staging *staging = &run->staging;
    char beside[FS_NAME], name[FS_NAME];

    record_beside_name(beside, run->opt.dest);
    return fs_mkdir(&staging->parent, beside, 0777, err) < 0 ||
                   dress(run, beside, err) < 0 ||
                   fs_rename(&staging->dir, staged, &staging->parent, own_name(name, run),
                             FS_RENAME_NEW, err) < 0
               ? -1
               : 0;
}

static bool can_be_beside(const struct run *run, struct err *why)
{
    const struct fs_dir *parent = &run->staging.parent;
    char beside[FS_NAME];
    struct fs_info info;

    record_beside_name(beside, run->opt.dest);
    if (fs_look(parent, beside, &info, why) < 0)
        return false;
    if (info.kind == FS_MISSING ||
        (info.kind == FS_DIRECTORY && fs_is_writable(parent, beside)))
        return true;
    err_set(why, ERR_DEST, "'%s/%s' %s", parent->path, beside,
            info.kind == FS_SYMLINK     ? "is a symbolic link"
            : info.kind == FS_DIRECTORY ? "may not be written to by this user"
                                        : "is not a directory");
    return false;
}

/* A tree without a record is of use, and what was fetched for it is not thrown away. */
static void say_missing(const struct run *run, const struct err *why)
{
    log_line(&run->ranks.log, LOG_WARN,
             "no record of '%s' is written, so that the next run must hash its files: %s",
             run->opt.dest, why->text);
}

static int write_beside(const struct writing *writing, struct err *err)
{
    const struct run *run = writing->run;
    const struct run_staging *staging = &run->staging;
    struct err why = { 0 };
    char beside[FS_NAME];

    if (!can_be_beside(run, &why)) {
        say_missing(run, &why);
        return manifest_write(run, writing->existing, NULL, false, writing->identity,
                              writing->content_id, err);
    }
    if (write_to(writing, &staging->dir, staged, true, err) < 0)
        return -1;
    if (put_beside(run, &why) < 0) {
        say_missing(run, &why);
        return 0;
    }
    record_beside_name(beside, run->opt.dest);
    return run->opt.sync ? fs_sync_path(&staging->parent, beside, err) : 0;
}

int record_write(const struct run *run, const struct existing_file *existing,
                 const char *identity, char content_id[65], struct err *err)
{
    const struct writing writing = { run, existing, identity, content_id };
    const struct run_staging *staging = &run->staging;
    enum record_place place = record_place_of(run);

    if (place == RECORD_HUB)
        return write_to(&writing, &staging->tree, RECORD_HUB_NAME, false, err);
    if (place == RECORD_INSIDE)
        return write_to(&writing, &staging->tree, RECORD_INSIDE_NAME, false, err);
    if (place == RECORD_BESIDE)
        return write_beside(&writing, err);
    return manifest_write(run, existing, NULL, false, identity, content_id, err);
}

bool record_is_written(const struct run *run)
{
    char beside[FS_NAME], name[FS_NAME];

    return fs_is_there(&run->staging.parent,
                       fs_format(name, "%s/%s/%s",
                                 record_beside_name(beside, run->opt.dest),
                                 manifest_run(run), MANIFEST_NAME));
}

/* A link that is renamed over the last one: there is always one to read. */
static void link_newest(const struct run *run, const char *file)
{
    const struct run_staging *staging = &run->staging;
    char target[FS_NAME], name[FS_NAME], beside[FS_NAME];

    fs_format(target, "%s/%s", manifest_run(run), file);
    fs_format(name, "%s/%s", record_beside_name(beside, run->opt.dest), file);
    if (fs_symlink(target, &staging->dir, file, NULL) == 0)
        fs_rename(&staging->dir, file, &staging->parent, name, FS_RENAME_REPLACE, NULL);
}

void record_show(const struct run *run)
{
    char name[FS_NAME];

    if (record_place_of(run) != RECORD_BESIDE ||
        !fs_is_there(&run->staging.parent, own_name(name, run)))
        return;
    link_newest(run, MANIFEST_SUMS);
    link_newest(run, MANIFEST_NAME);
}
