#include "publish/dir_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/account.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "publish/adopt.h"
#include "publish/identity.h"
#include "publish/rehearsal.h"
#include "ranks/wants.h"
#include "staging/foreign_files.h"
#include "staging/record.h"
#include "staging/record_write.h"
#include "staging/twin.h"

static int stop_at_first(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    *(bool *)arg = false;
    return -1;
}

/* What a record says counts only if it is that of somebody who is believed. */
static void load_record(struct dir *dir)
{
    const struct plan *plan = &dir->run->plan;
    struct manifest *manifest = &dir->manifest;
    struct record record;
    char owner[ACCOUNT_TEXT];
    const char *inside;

    *dir->stale = '\0';
    dir->recorded = record_load_dest(manifest, dir->run->opt.dest, &record, NULL) == 0;
    dir->recorder = dir->recorded ? manifest->uid : 0;
    if (dir->recorded && trust_has(&dir->trust, manifest->uid)) {
        if (record.place == RECORD_BESIDE)
            fs_format(dir->stale, "%s", record.name);
        return;
    }
    /* Without files, but with the names that the tools of the source use. */
    inside = dir->recorded ? manifest->inside : NULL;
    manifest_release(manifest);
    manifest->inside = inside;
    manifest->hub = *plan_text(plan, plan->repo) != '\0';
    if (dir->recorded)
        log_line(
            &dir->run->ranks.log, LOG_INFO,
            "the record of '%s' belongs to %s, who is not trusted: it is not believed",
            dir->run->opt.dest, account_text(dir->recorder, owner));
}

const char *dir_doubt(const struct dir *dir, char text[DIR_DOUBT])
{
    char owner[ACCOUNT_TEXT];

    *text = '\0';
    if (dir->recorded && !trust_has(&dir->trust, dir->recorder))
        snprintf(text, DIR_DOUBT,
                 "; its record belongs to %s, who is not trusted (see --trust)",
                 account_text(dir->recorder, owner));
    return text;
}

static int look_at_directory(struct dir *dir, struct err *err)
{
    const char *dest = dir->run->opt.dest;
    bool empty = true;

    load_record(dir);
    if (dir->manifest.file) {
        dir->dest = LAYOUT_OURS;
        return 0;
    }
    if (fs_list(NULL, dest, stop_at_first, &empty, err) < 0 && empty)
        return -1;
    dir->dest = empty ? LAYOUT_EMPTY : dir->adopted ? LAYOUT_OURS : LAYOUT_FOREIGN;
    return 0;
}

static int look_at_link(struct dir *dir, struct err *err)
{
    const char *dest = dir->run->opt.dest;
    struct strbuf target = { 0 };

    if (fs_readlink(NULL, dest, &target, err) < 0)
        return -1;
    dir->dest = layout_is_version(dest, target.data ? target.data : "") ? LAYOUT_VERSIONED
                                                                        : LAYOUT_FOREIGN;
    strbuf_release(&target);
    /* A version without a manifest is replaced as if nothing existed. */
    if (dir->dest == LAYOUT_VERSIONED)
        load_record(dir);
    return 0;
}

int dir_classify(struct dir *dir, struct err *err)
{
    struct fs_info info;

    if (fs_look(NULL, dir->run->opt.dest, &info, err) < 0)
        return -1;
    dir->dest = info.kind == FS_MISSING ? LAYOUT_MISSING : LAYOUT_FOREIGN;
    dir->adoptable = info.kind == FS_DIRECTORY;
    if (info.kind == FS_DIRECTORY)
        return look_at_directory(dir, err);
    if (info.kind == FS_SYMLINK)
        return look_at_link(dir, err);
    return 0;
}

/* The Hub library accepts its metadata only if the file is not newer. Linked files
 * keep their mtime, so the run's mtime must not be older than any of them, whatever
 * its clock says. */
static void keep_up(struct run *run, int64_t mtime_ns)
{
    if (run->mtime < mtime_ns / 1000000000 + 1 && run->mtime * 1000000000 < mtime_ns)
        run->mtime = mtime_ns / 1000000000 + 1;
}

/* Both lists are sorted by path. */
static void count_dropped(struct dir *dir)
{
    const struct plan *plan = &dir->run->plan;
    size_t i = 0;

    for (size_t k = 0; k < dir->manifest.nfiles; k++) {
        const char *old = dir->manifest.file[k].path;

        while (i < plan->nfiles && strcmp(plan_path(plan, i), old) < 0)
            i++;
        if (i == plan->nfiles || strcmp(plan_path(plan, i), old) != 0 ||
            !wants_file(dir->run, i))
            dir->existing.dropped++;
    }
}

static int refuse_foreign(const struct dir *dir, const struct existing *existing,
                          struct err *err)
{
    char doubt[DIR_DOUBT];
    const struct foreign_files files = { dir->run, &dir->manifest, existing,
                                         dir_doubt(dir, doubt) };

    return foreign_files_refuse(&files, dir->run->opt.dest, err);
}

/* The name of another planned file may lead to what seems to be this one. */
static int refuse_twin(const struct dir *dir, size_t i, struct err *err)
{
    struct fs_dir tree = { 0 };
    int rc;

    if (fs_dir_open(&tree, NULL, dir->run->opt.dest, NULL) < 0)
        return 0;
    rc = twin_check_known(dir->run, &tree, plan_path(&dir->run->plan, i), err);
    fs_dir_close(&tree);
    return rc;
}

static int refuse_odd(const struct dir *dir, struct err *err)
{
    const struct plan *plan = &dir->run->plan;
    const char *dest = dir->run->opt.dest, *fault;
    unsigned long long count = dir->existing.odd;
    char doubt[DIR_DOUBT];
    size_t i = 0;

    /* What --force would not help against is said first. */
    if (rehearsal_look(dir->run, dir->dest, err) < 0)
        return -1;
    while (!dir->existing.file[i].odd)
        i++;
    if (refuse_twin(dir, i, err) < 0)
        return -1;
    dir_doubt(dir, doubt);
    fault = plan->files[i].want.kind == DIGEST_NONE
                ? "cannot be checked, since the source publishes no digest"
                : "is not what the source has";
    if (count == 1)
        return err_set_why(
            err, ERR_DEST, REASON_NOT_OURS,
            "'%s/%s' was not created by mpifetch and %s: move it away, choose "
            "another path, or use --force to replace it%s",
            dest, plan_path(plan, i), fault, doubt);
    return err_set_why(
        err, ERR_DEST, REASON_NOT_OURS,
        "%llu files in '%s' were not created by mpifetch and are not known to be "
        "those of the source (the first, '%s', %s): move them away, choose "
        "another path, or use --force to replace them%s",
        count, dest, plan_path(plan, i), fault, doubt);
}

/* Replacing a version by another one takes nothing away: it stays. */
static bool takes_away(const struct dir *dir)
{
    return dir->dest == LAYOUT_FOREIGN || dir->dest == LAYOUT_OURS;
}

/* Before anything is hashed: what nothing that is found out later would change. */
static int refuse_early(const struct dir *dir, struct err *err)
{
    const struct existing *existing = &dir->existing;
    uint64_t wanted = wants_part(dir->run).files;
    bool changes = existing->files + existing->unsure < wanted ||
                   dir->manifest.nfiles != wanted ||
                   strcmp(dir->identity, dir->manifest.identity) != 0;
    bool missing = existing->files + existing->unsure < wanted;

    if (((missing && dir->dest != LAYOUT_MISSING) ||
         (dir->dest == LAYOUT_FOREIGN && !dir->adoptable)) &&
        rehearsal_look(dir->run, dir->dest, err) < 0)
        return -1;
    if (dir->run->opt.force)
        return 0;
    if (dir->dest == LAYOUT_FOREIGN && !dir->adoptable) {
        const struct layout_case situation = { .dest = LAYOUT_FOREIGN };

        return err_set_why(err, ERR_DEST, REASON_NOT_OURS, "'%s' %s", dir->run->opt.dest,
                           layout_choose(&situation).reason);
    }
    if (existing->odd > 0 && takes_away(dir))
        return refuse_odd(dir, err);
    return changes && (dir->dest == LAYOUT_FOREIGN || dir->manifest.file)
               ? refuse_foreign(dir, NULL, err)
               : 0;
}

static void keep_all_up(struct dir *dir)
{
    for (size_t i = 0; i < dir->run->plan.nfiles; i++)
        if (dir->existing.file[i].there && wants_file(dir->run, i))
            keep_up(dir->run, dir->existing.file[i].mtime_ns);
}

static bool is_extra_there(struct dir *dir)
{
    struct err ignored = { 0 };

    return refuse_foreign(dir, NULL, &ignored) < 0;
}

int dir_settle(struct dir *dir, struct err *err)
{
    struct existing *existing = &dir->existing;
    const struct plan *plan = &dir->run->plan;
    uint64_t wanted = wants_part(dir->run).files;
    bool hashed = existing->unsure > 0, all;

    if (match_settle(&dir->match, err) < 0)
        return -1;
    if (hashed)
        hash_note_write(dir->run->opt.dest, plan, existing->file, dir->began);
    keep_all_up(dir);
    if (existing->odd > 0 && takes_away(dir) && !dir->run->opt.force)
        return refuse_odd(dir, err);
    all = existing->files == wanted;
    existing->unchanged = all && dir->match.unrecorded == 0 &&
                          dir->manifest.nfiles == wanted &&
                          strcmp(dir->identity, dir->manifest.identity) == 0;
    existing->complete = all && dir->match.unrecorded > 0 && !is_extra_there(dir);
    if (dir->dest == LAYOUT_FOREIGN && dir->adoptable && !dir->run->opt.force) {
        dir->adopted = true;
        dir->dest = LAYOUT_OURS;
    }
    return existing->unchanged || existing->complete || dir->dest == LAYOUT_MISSING
               ? 0
               : rehearsal_look(dir->run, dir->dest, err);
}

static void say_unsure(const struct dir *dir)
{
    const struct match *match = &dir->match;
    const char *dest = dir->run->opt.dest;
    char owner[ACCOUNT_TEXT];
    unsigned long long count = dir->existing.unsure;

    if (match->strangers > 0)
        log_line(&dir->run->ranks.log, LOG_WARN,
                 "'%s': %llu file%s must be hashed first, because %s is not trusted (see "
                 "--trust)",
                 dest, count, count == 1 ? "" : "s",
                 account_text(match->stranger, owner));
    else
        log_line(&dir->run->ranks.log, LOG_WARN,
                 "'%s': %llu file%s must be hashed first, because no record describes "
                 "%s as %s",
                 dest, count, count == 1 ? "" : "s", count == 1 ? "it" : "them",
                 count == 1 ? "it is" : "they are");
}

static int match_dest(struct dir *dir, struct err *err)
{
    hash_note_read(&dir->note, dir->run->opt.dest);
    dir->began = clock_wall();
    dir->match = (struct match){ .run = dir->run,
                                 .record = &dir->manifest,
                                 .trust = &dir->trust,
                                 .note = &dir->note,
                                 .existing = &dir->existing };
    /* Nothing is below what is not there. */
    if (dir->dest != LAYOUT_MISSING && match_files(&dir->match, err) < 0)
        return -1;
    /* Nothing is published there, whatever it is. */
    if (wants_nothing(dir->run)) {
        dir->existing.unchanged = true;
        return 0;
    }
    count_dropped(dir);
    if (refuse_early(dir, err) < 0)
        return -1;
    if (dir->existing.unsure == 0)
        return dir_settle(dir, err);
    if (!dir->run->opt.refetch)
        say_unsure(dir);
    return 0;
}

int dir_look(struct dir *dir, struct run *run, struct err *err)
{
    *dir = (struct dir){ .run = run };
    dir->existing.file = calloc(run->plan.nfiles + 1, sizeof(*dir->existing.file));
    if (!dir->existing.file)
        return err_memory(err, "the list of files");
    if (identity_of_part(run, dir->identity, err) < 0 ||
        trust_start(&dir->trust, run, run->opt.dest, err) < 0)
        return -1;
    if (!run->opt.dest)
        return 0;
    return dir_classify(dir, err) < 0 || record_check(run, err) < 0
               ? -1
               : match_dest(dir, err);
}

/* DEST by its name, which somebody may have given to another directory meanwhile. */
static int open_settled(const struct dir *dir, struct fs_dir *tree, struct err *err)
{
    const char *dest = dir->run->opt.dest;
    struct fs_info info;

    if (fs_dir_open(tree, NULL, dest, err) < 0 || fs_look(tree, ".", &info, err) < 0)
        return -1;
    if (info.inode == dir->match.root.inode && info.device == dir->match.root.device)
        return 0;
    return err_set(err, ERR_DEST,
                   "'%s' was replaced by another directory while its files were checked: "
                   "run the same command again",
                   dest);
}

static void write_record(struct dir *dir, const struct fs_dir *tree)
{
    struct run *run = dir->run;
    struct err err = { 0 };
    bool found = !dir->manifest.file || dir->manifest.found;

    if (adopt_record(run, tree, &dir->existing, dir->identity, found, &err) < 0)
        log_line(&run->ranks.log, LOG_WARN, "no record of '%s' is written: %s",
                 run->opt.dest, err.text);
    else if (*dir->stale)
        fs_remove_tree(&run->staging.parent, dir->stale, NULL);
}

int dir_adopt(struct dir *dir, struct err *err)
{
    struct existing *existing = &dir->existing;
    bool wanted = existing->complete;
    struct fs_dir tree = { 0 };
    int rc = wanted ? open_settled(dir, &tree, err) : 0;

    /* The record of somebody else stays as it is. */
    if (rc == 0 && wanted && (dir->manifest.file || !dir->recorded))
        write_record(dir, &tree);
    fs_dir_close(&tree);
    existing->unchanged |= rc == 0 && existing->complete;
    return rc;
}
