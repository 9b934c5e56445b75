#include "publish/match.h"

#include <string.h>

#include "io/fs/fs.h"
#include "publish/access.h"
#include "ranks/background.h"
#include "ranks/wants.h"

enum { MATCH_POLL = 1000 }; /* files between two checks for signals */

static const char *name_of(const struct match *match, size_t i, char name[FS_NAME])
{
    const struct run *run = match->run;

    return fs_format(name, "%s/%s", run->opt.dest, plan_path(&run->plan, i));
}

static void set_there(struct match *match, size_t i, bool recorded)
{
    struct existing *existing = match->existing;

    existing->file[i].there = true;
    existing->files++;
    existing->bytes += match->run->plan.files[i].size;
    match->unrecorded += !recorded;
}

static void set_unsure(struct match *match, size_t i, uint32_t owner)
{
    struct existing_file *known = &match->existing->file[i];

    known->unsure = true;
    match->existing->unsure++;
    if (!known->foreign)
        return;
    match->strangers++;
    match->stranger = owner;
}

/* Of a record of ours, what its owner has changed is replaced; of what was found, not. */
static void set_odd(struct match *match, size_t i, const struct fs_info *info)
{
    if (manifest_owns(match->record, plan_path(&match->run->plan, i), info))
        return;
    match->existing->file[i].odd = true;
    match->existing->odd++;
}

/* A file of the planned size. With the time that the record says, but not the content, it
 * is known to be outdated. */
static void weigh(struct match *match, const struct manifest_file *old, size_t i,
                  const struct fs_info *info)
{
    const struct plan *plan = &match->run->plan;
    struct existing_file *known = &match->existing->file[i];
    bool same = old && manifest_has(old, plan, i);
    bool untouched = old && old->mtime_ns == info->mtime_ns;

    known->foreign = !trust_has(match->trust, info->uid);
    existing_note(known, info);
    if (same)
        memcpy(known->sha256, old->sha256, sizeof(known->sha256));
    if (same && untouched && !known->foreign)
        set_there(match, i, true);
    else if (!same && untouched)
        return;
    else if (!same && plan->files[i].want.kind == DIGEST_NONE)
        set_odd(match, i, info); /* there is nothing to hash it against */
    else if (hash_note_has(match->note, plan, i, info, known->sha256))
        set_there(match, i, same && untouched);
    else
        set_unsure(match, i, info->uid);
}

/* Whether this user can make use of it. */
static int check_access(struct match *match, size_t i, const char *name,
                        const struct fs_info *info, struct err *err)
{
    struct existing *existing = match->existing;
    struct existing_file *known = &existing->file[i];
    struct err why = { 0 };

    if ((!known->there && !known->unsure) || access_check(NULL, name, info, &why) == 0)
        return 0;
    if (!match->run->opt.force)
        return err_copy(err, &why);
    existing->files -= known->there;
    existing->bytes -= known->there ? match->run->plan.files[i].size : 0;
    existing->unsure -= known->unsure;
    known->there = known->unsure = false;
    return 0;
}

/* A file that this node does not want is of use to others if its record says that it is what
 * they want. It counts for nothing else: it is not in the new tree. */
static void match_other(struct match *match, const struct manifest_file *old, size_t i,
                        const char *name, const struct fs_info *info)
{
    const struct plan *plan = &match->run->plan;
    struct existing_file *known = &match->existing->file[i];

    if (!old || info->kind != FS_FILE || info->size != plan->files[i].size ||
        !manifest_has(old, plan, i) || old->mtime_ns != info->mtime_ns ||
        !trust_has(match->trust, info->uid) || access_check(NULL, name, info, NULL) < 0)
        return;
    existing_note(known, info);
    memcpy(known->sha256, old->sha256, sizeof(known->sha256));
    known->there = true;
}

static int match_file(struct match *match, size_t i, struct err *err)
{
    const struct plan *plan = &match->run->plan;
    const struct manifest_file *old = manifest_find(match->record, plan_path(plan, i));
    struct fs_info info;
    char name[FS_NAME];

    if (fs_look(NULL, name_of(match, i, name), &info, err) < 0)
        return -1;
    if (info.kind == FS_MISSING)
        return 0;
    if (!wants_file(match->run, i)) {
        match_other(match, old, i, name, &info);
        return 0;
    }
    if (info.kind == FS_FILE && info.size == plan->files[i].size)
        weigh(match, old, i, &info);
    else
        set_odd(match, i, &info);
    return check_access(match, i, name, &info, err);
}

int match_files(struct match *match, struct err *err)
{
    struct run *run = match->run;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < run->plan.nfiles; i++) {
        rc = i % MATCH_POLL == 0 ? background_poll(&run->ranks, err) : 0;
        if (rc == 0)
            rc = match_file(match, i, err);
    }
    return rc;
}

static int settle_file(struct match *match, size_t i, struct err *err)
{
    const struct manifest_file *old =
        manifest_find(match->record, plan_path(&match->run->plan, i));
    struct existing *existing = match->existing;
    struct existing_file *known = &existing->file[i];
    struct fs_info info;
    char name[FS_NAME];
    bool same;

    if (fs_look(NULL, name_of(match, i, name), &info, err) < 0)
        return -1;
    same = existing_is_still(known, match->run->plan.files[i].size, &info);
    if (known->there && !same) {
        known->there = false;
        existing->files--;
        existing->bytes -= match->run->plan.files[i].size;
    } else if (known->unsure && same && !known->wrong)
        set_there(match, i, old && old->mtime_ns == known->mtime_ns);
    else if (known->unsure)
        set_odd(match, i, &info);
    if (known->unsure)
        known->wrong = known->unsure = false;
    return 0;
}

/* Whether it has just been hashed. */
static bool was_read(const struct match *match, size_t i)
{
    const struct existing_file *known = &match->existing->file[i];

    return known->unsure ||
           (known->there && match->run->opt.check && wants_file(match->run, i));
}

int match_settle(struct match *match, struct err *err)
{
    struct run *run = match->run;
    int rc = fs_look_through(NULL, run->opt.dest, &match->root, err);

    for (size_t i = 0; rc == 0 && i < run->plan.nfiles; i++) {
        rc = i % MATCH_POLL == 0 ? background_poll(&run->ranks, err) : 0;
        if (rc == 0 && was_read(match, i))
            rc = settle_file(match, i, err);
    }
    match->existing->unsure = 0;
    return rc;
}
