#include "publish/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "publish/cache_commit.h"
#include "publish/cache_ref.h"
#include "publish/cache_stage.h"
#include "publish/dir_commit.h"
#include "publish/dir_look.h"
#include "publish/witness.h"
#include "ranks/wants.h"
#include "resume/claim.h"
#include "resume/journal.h"
#include "resume/record_sweep.h"
#include "resume/release.h"
#include "resume/resume.h"
#include "resume/sweep.h"
#include "staging/record.h"

/* What differs between the layouts. The calls of target.h say what each is for. */
struct target_ops {
    int (*look)(struct target *target, const struct plan *whole, struct err *err);
    bool (*peek)(const struct run *run, const struct visibility_mark *mark,
                 char found[65]);
    bool (*found)(const struct target *target, size_t i);
    bool (*shows)(const struct target *target, size_t i);
    const char *(*root)(const struct target *target);
    void (*unfind)(struct target *target, size_t i);
    int (*unfound)(struct target *target, struct err *err); /* after all of these */
    int (*settle)(struct target *target, struct err *err);
    int (*adopt)(struct target *target, struct err *err);
    int (*claim)(struct target *target, struct err *err);
    bool (*is_old)(const struct target *target);
    /* The directory of its stagings. Returns the name that they contain, or NULL. */
    const char *(*stagings)(const struct target *target, struct strbuf *parent);
    int (*identify)(const struct target *target, char id[65], struct err *err);
    int (*foresee)(const struct target *target, struct err *err); /* NULL: nothing */
    int (*build)(struct target *target, struct err *err);
    int (*complete)(struct target *target, struct err *err); /* NULL: nothing */
    int (*commit)(struct target *target, struct visibility_mark *mark, struct err *err);
    void (*clean)(struct target *target);
    void (*release)(struct target *target);
};

/* --- layout dir */

static int look_at_dir(struct target *target, const struct plan *whole, struct err *err)
{
    struct run *run = target->run;

    target->existing = &target->dir.existing;
    if (run->opt.dest && !(run->published = strdup(run->opt.dest)))
        return err_memory(err, "a path");
    if (dir_look(&target->dir, run, err) < 0)
        return -1;
    target->dir.whole = whole;
    return 0;
}

static bool peek_at_dir(const struct run *run, const struct visibility_mark *mark,
                        char found[65])
{
    witness_look(run, mark, found);
    return true;
}

static bool is_there(const struct target *target, size_t i)
{
    return target->existing->file[i].there;
}

static const char *dir_root(const struct target *target)
{
    return target->run->opt.dest;
}

static void unfind_in_dir(struct target *target, size_t i)
{
    dir_unfind(&target->dir, i);
}

static int nothing_unfound(struct target *target, struct err *err)
{
    (void)target;
    (void)err;
    return 0;
}

static int settle_dir(struct target *target, struct err *err)
{
    return dir_settle(&target->dir, err);
}

static int adopt_dir(struct target *target, struct err *err)
{
    return dir_adopt(&target->dir, err);
}

static int claim_dir(struct target *target, struct err *err)
{
    return dir_claim(&target->dir, err);
}

static bool dir_is_old(const struct target *target)
{
    struct manifest now;
    bool is;

    record_load_dest_head(&now, target->run->opt.dest, NULL, NULL);
    is = strcmp(now.content_id, target->dir.manifest.content_id) != 0;
    manifest_release(&now);
    return is;
}

static const char *stagings_of_dir(const struct target *target, struct strbuf *parent)
{
    layout_parent(target->run->opt.dest, parent);
    return layout_name(target->run->opt.dest);
}

static int identify_dir(const struct target *target, char id[65], struct err *err)
{
    (void)err;
    memcpy(id, target->dir.identity, sizeof(target->dir.identity));
    return 0;
}

static int foresee_in_dir(const struct target *target, struct err *err)
{
    return dir_foresee(&target->dir, err);
}

static int build_dir(struct target *target, struct err *err)
{
    return dir_build(&target->dir, err);
}

static int complete_dir(struct target *target, struct err *err)
{
    return dir_complete(&target->dir, err);
}

static int commit_dir(struct target *target, struct visibility_mark *mark,
                      struct err *err)
{
    return dir_commit(&target->dir, mark, err);
}

static void clean_dir(struct target *target)
{
    dir_clean(&target->dir);
}

static void release_dir(struct target *target)
{
    dir_release(&target->dir);
}

static const struct target_ops dir_ops = {
    .look = look_at_dir,
    .peek = peek_at_dir,
    .found = is_there,
    .shows = is_there,
    .root = dir_root,
    .unfind = unfind_in_dir,
    .unfound = nothing_unfound,
    .settle = settle_dir,
    .adopt = adopt_dir,
    .claim = claim_dir,
    .is_old = dir_is_old,
    .stagings = stagings_of_dir,
    .identify = identify_dir,
    .foresee = foresee_in_dir,
    .build = build_dir,
    .complete = complete_dir,
    .commit = commit_dir,
    .clean = clean_dir,
    .release = release_dir,
};

/* --- layout hf-cache */

static int look_at_cache(struct target *target, const struct plan *whole, struct err *err)
{
    target->existing = &target->cache.existing;
    return cache_look(&target->cache, target->run, whole, err);
}

static bool has_bytes(const struct target *target, size_t i)
{
    return is_there(target, i) && target->cache.state[i] != CACHE_TWIN;
}

static bool peek_at_cache(const struct run *run, const struct visibility_mark *mark,
                          char found[65])
{
    (void)mark;
    return cache_ref_peek(run, found);
}

static bool is_shown(const struct target *target, size_t i)
{
    return target->cache.state[i] == CACHE_SHOWN;
}

static const char *cache_root(const struct target *target)
{
    return target->cache.folder;
}

static void unfind_in_cache(struct target *target, size_t i)
{
    cache_unfind(&target->cache, i);
}

static int find_twins(struct target *target, struct err *err)
{
    return cache_find_twins(&target->cache, err);
}

static int settle_cache(struct target *target, struct err *err)
{
    return cache_settle(&target->cache, err);
}

static int claim_cache(struct target *target, struct err *err)
{
    return cache_claim(&target->cache, err);
}

/* Other revisions share the blobs, so they may have changed even if the ref has not. */
static bool cache_is_old(const struct target *target)
{
    (void)target;
    return true;
}

static const char *stagings_of_cache(const struct target *target, struct strbuf *parent)
{
    strbuf_adds(parent, target->cache.folder);
    return NULL;
}

static int identify_cache(const struct target *target, char id[65], struct err *err)
{
    return cache_identify(&target->cache, id, err);
}

static int build_cache(struct target *target, struct err *err)
{
    return cache_stage(&target->cache, err);
}

static int commit_cache(struct target *target, struct visibility_mark *mark,
                        struct err *err)
{
    return cache_commit(&target->cache, mark, err);
}

static void clean_cache(struct target *target)
{
    /* Revisions stand side by side in a cache: that this one came last says nothing of
     * another. */
    release_staging(target->run, RELEASE_OWN);
}

static void release_cache(struct target *target)
{
    cache_release(&target->cache);
}

static const struct target_ops cache_ops = {
    .look = look_at_cache,
    .peek = peek_at_cache,
    .found = has_bytes,
    .shows = is_shown,
    .root = cache_root,
    .unfind = unfind_in_cache,
    .unfound = find_twins,
    .settle = settle_cache,
    .claim = claim_cache,
    .is_old = cache_is_old,
    .stagings = stagings_of_cache,
    .identify = identify_cache,
    .build = build_cache,
    .commit = commit_cache,
    .clean = clean_cache,
    .release = release_cache,
};

/* --- either */

static const struct target_ops *ops_of(const struct run *run)
{
    return run->opt.cache ? &cache_ops : &dir_ops;
}

/* As if all had been hashed and found wrong: what is there is replaced. */
static int distrust(struct target *target, struct err *err)
{
    struct existing *existing = target->existing;

    for (size_t i = 0; i < target->run->plan.nfiles; i++) {
        struct existing_file *known = &existing->file[i];

        known->wrong = true;
        known->unsure = false;
        if (known->there)
            target->ops->unfind(target, i);
    }
    existing->unsure = 0;
    existing->unchanged = wants_nothing(target->run);
    existing->complete = false;
    return target->ops->unfound(target, err);
}

int target_look(struct target *target, struct run *run, const struct plan *whole,
                struct err *err)
{
    target_release(target);
    *target = (struct target){ .ops = ops_of(run), .run = run };
    free(run->published);
    run->published = NULL;
    if (target->ops->look(target, whole, err) < 0)
        return -1;
    return run->opt.refetch ? distrust(target, err) : 0;
}

bool target_peek(const struct run *run, const struct visibility_mark *mark,
                 char found[65])
{
    return ops_of(run)->peek(run, mark, found);
}

bool target_found(const struct target *target, size_t i)
{
    return target->ops->found(target, i);
}

bool target_shows(const struct target *target, size_t i)
{
    return target->ops->shows(target, i);
}

const char *target_root(const struct target *target)
{
    return target->ops->root(target);
}

int target_drop_wrong(struct target *target, struct err *err)
{
    for (size_t i = 0; i < target->run->plan.nfiles; i++)
        if (target->existing->file[i].wrong && target->existing->file[i].there)
            target->ops->unfind(target, i);
    return target->ops->unfound(target, err);
}

int target_settle(struct target *target, struct err *err)
{
    return target->ops->settle(target, err);
}

int target_adopt(struct target *target, struct err *err)
{
    return target->ops->adopt ? target->ops->adopt(target, err) : 0;
}

int target_claim(struct target *target, struct err *err)
{
    struct run *run = target->run;
    int rc = target->ops->claim(target, err);

    return rc == 0 && !run->opt.refetch ? resume_read(&run->staging.resume, run, err)
                                        : rc;
}

bool target_is_old(const struct target *target)
{
    const struct run *run = target->run;

    return run->staging.contended || run->opt.check || target->ops->is_old(target);
}

static int note_staging(void *arg, const char *name, struct err *err)
{
    const struct strbuf *prefix = arg;

    (void)err;
    return text_starts(name, prefix->data) ? -1 : 0;
}

bool target_is_staged(const struct target *target, struct strbuf *parent)
{
    const char *name = target->ops->stagings(target, parent);
    struct strbuf prefix = { 0 };
    struct fs_dir dir = { 0 };
    bool is = false;

    strbuf_addf(&prefix, "%s%s.mpifetch-", name ? "." : "", name ? name : "");
    if (!prefix.failed && !parent->failed &&
        fs_dir_open(&dir, NULL, parent->data, NULL) == 0)
        is = fs_list(&dir, ".", note_staging, &prefix, NULL) < 0;
    fs_dir_close(&dir);
    strbuf_release(&prefix);
    return is;
}

void target_sweep(struct target *target)
{
    char id[65];
    struct sweep sweep = { .run = target->run, .published = id };
    struct strbuf parent = { 0 };
    struct fs_dir dir = { 0 };
    const char *name = target->ops->stagings(target, &parent);

    if (!parent.failed && target->ops->identify(target, id, NULL) == 0)
        sweep_stagings(&sweep, parent.data, name, NULL);
    if (name && !parent.failed && fs_dir_open(&dir, NULL, parent.data, NULL) == 0)
        record_sweep(&dir, name, false);
    fs_dir_close(&dir);
    sweep_release(&sweep);
    strbuf_release(&parent);
}

static int fail(const struct run *run, struct err *err)
{
    journal_doubt(run, err);
    claim_explain(run, err);
    return -1;
}

int target_foresee(const struct target *target, struct err *err)
{
    return target->ops->foresee && target->run->opt.dest
               ? target->ops->foresee(target, err)
               : 0;
}

int target_build(struct target *target, struct err *err)
{
    int rc = target->ops->build(target, err);

    if (rc == 0)
        rc = resume_settle(target->run->staging.resume, err);
    return rc < 0 ? fail(target->run, err) : rc;
}

int target_complete(struct target *target, struct err *err)
{
    int rc = target->ops->complete ? target->ops->complete(target, err) : 0;

    return rc < 0 ? fail(target->run, err) : rc;
}

int target_commit(struct target *target, struct visibility_mark *mark, struct err *err)
{
    int rc = target->ops->commit(target, mark, err);

    return rc < 0 ? fail(target->run, err) : rc;
}

void target_clean(struct target *target)
{
    target->ops->clean(target);
}

void target_release(struct target *target)
{
    if (target->ops)
        target->ops->release(target);
    *target = (struct target){ 0 };
}
