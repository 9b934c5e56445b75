#include "staging/record_write.h"

#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/fs/fs_traits.h"

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

struct record_draft record_draft(const struct run *run,
                                 const struct existing_file *existing,
                                 const char *identity)
{
    const struct manifest_source source = { .run = run,
                                            .existing = existing,
                                            .identity = identity,
                                            .tree = &run->staging.tree,
                                            .name = manifest_run(run) };

    return (struct record_draft){ source, record_place_of(run), &run->staging.dir };
}

static int write_to(const struct record_draft *draft, const struct fs_dir *above,
                    const char *name, char content_id[65], struct err *err)
{
    struct fs_dir dir = { 0 };
    int rc = -1;

    if (fs_mkdirs(above, name, err) == 0 && fs_dir_below(&dir, above, name, err) == 0)
        rc = manifest_write(&draft->source, &dir, draft->place == RECORD_BESIDE,
                            content_id, err);
    fs_dir_close(&dir);
    return rc;
}

static const char staged[] = "record"; /* in staging, until it lies beside DEST */

static const char *dest_of(const struct record_draft *draft)
{
    return draft->source.run->opt.dest;
}

static const char *own_name(char name[FS_NAME], const struct record_draft *draft)
{
    char beside[FS_NAME];

    return fs_format(name, "%s/%s", record_beside_name(beside, dest_of(draft)),
                     draft->source.name);
}

static const struct fs_dir *parent_of(const struct record_draft *draft)
{
    return &draft->source.run->staging.parent;
}

/* Whoever may look into DEST may look into its record, and nobody else. Nobody else may
 * write to it, whatever DEST allows: it is believed because it is this user's. */
static int dress(const struct record_draft *draft, const char *beside, struct err *err)
{
    static const char *const files[] = { "record/" MANIFEST_NAME,
                                         "record/" MANIFEST_SUMS };
    struct fs_traits traits, closed, plain;
    struct strbuf lost = { 0 };
    int rc = fs_traits_take(draft->source.tree, ".", &traits, err);

    closed = traits;
    closed.mode &= ~0022U;
    plain = (struct fs_traits){ .there = true,
                                .mode = (traits.mode & 0444) | 0200,
                                .gid = traits.gid };
    for (size_t i = 0; rc == 0 && i < countof(files); i++)
        rc = fs_traits_give(&plain, draft->dir, files[i], false, &lost, err);
    if (rc == 0)
        rc = fs_traits_give(&closed, draft->dir, staged, true, &lost, err);
    /* Others of a group put records there as well. That of another user stays as he made
     * it: it shows the names of runs at most, and what he puts there is not this user's. */
    if (rc == 0)
        fs_traits_give(&traits, parent_of(draft), beside, true, &lost, NULL);
    fs_traits_release(&traits);
    strbuf_release(&lost);
    return rc;
}

/* Complete, by one rename. */
static int put_beside(const struct record_draft *draft, struct err *err)
{
    const struct fs_dir *parent = parent_of(draft);
    char beside[FS_NAME], name[FS_NAME];

    record_beside_name(beside, dest_of(draft));
    return fs_mkdir(parent, beside, 0777, err) < 0 || dress(draft, beside, err) < 0 ||
                   fs_rename(draft->dir, staged, parent, own_name(name, draft),
                             FS_RENAME_NEW, err) < 0
               ? -1
               : 0;
}

static bool can_be_beside(const struct record_draft *draft, struct err *why)
{
    const struct fs_dir *parent = parent_of(draft);
    char beside[FS_NAME];
    struct fs_info info;

    record_beside_name(beside, dest_of(draft));
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

static int write_beside(const struct record_draft *draft, char content_id[65],
                        struct err *err)
{
    const struct run *run = draft->source.run;
    struct err why = { 0 };
    char beside[FS_NAME];

    if (!can_be_beside(draft, &why)) {
        say_missing(run, &why);
        return manifest_write(&draft->source, NULL, false, content_id, err);
    }
    if (write_to(draft, draft->dir, staged, content_id, err) < 0)
        return -1;
    if (put_beside(draft, &why) < 0) {
        say_missing(run, &why);
        return 0;
    }
    record_beside_name(beside, run->opt.dest);
    return run->opt.sync ? fs_sync_path(parent_of(draft), beside, err) : 0;
}

int record_write(const struct record_draft *draft, char content_id[65], struct err *err)
{
    const struct fs_dir *tree = draft->source.tree;

    switch (draft->place) {
    case RECORD_HUB:
        return write_to(draft, tree, RECORD_HUB_NAME, content_id, err);
    case RECORD_INSIDE:
        return write_to(draft, tree, RECORD_INSIDE_NAME, content_id, err);
    case RECORD_BESIDE:
        return write_beside(draft, content_id, err);
    case RECORD_NONE:
        break;
    }
    return manifest_write(&draft->source, NULL, false, content_id, err);
}

bool record_is_written(const struct record_draft *draft)
{
    char own[FS_NAME], name[FS_NAME];

    own_name(own, draft);
    return fs_is_there(parent_of(draft), fs_format(name, "%s/%s", own, MANIFEST_NAME));
}

/* A link that is renamed over the last one: there is always one to read. */
static void link_newest(const struct record_draft *draft, const char *file)
{
    char target[FS_NAME], name[FS_NAME], beside[FS_NAME];

    fs_format(target, "%s/%s", draft->source.name, file);
    fs_format(name, "%s/%s", record_beside_name(beside, dest_of(draft)), file);
    if (fs_symlink(target, draft->dir, file, NULL) == 0)
        fs_rename(draft->dir, file, parent_of(draft), name, FS_RENAME_REPLACE, NULL);
}

void record_show(const struct record_draft *draft)
{
    char name[FS_NAME];

    if (draft->place != RECORD_BESIDE ||
        !fs_is_there(parent_of(draft), own_name(name, draft)))
        return;
    link_newest(draft, MANIFEST_SUMS);
    link_newest(draft, MANIFEST_NAME);
}
