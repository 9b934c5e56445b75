#include "publish/target.h"

#include <stdlib.h>
#include <string.h>

#include "publish/cache_commit.h"
#include "publish/cache_stage.h"
#include "publish/dir_commit.h"
#include "resume/claim.h"
#include "resume/journal.h"
#include "resume/resume.h"
#include "resume/sweep.h"

static bool is_cache(const struct target *target)
{
    return target->existing == &target->cache.existing;
}

static struct run *run_of(const struct target *target)
{
    return is_cache(target) ? target->cache.run : target->dir.run;
}

int target_look(struct target *target, struct run *run, const struct plan *whole,
                struct err *err)
{
    target_release(target);
    *target = (struct target){ 0 };
    free(run->published);
    run->published = NULL;
    target->existing = run->opt.cache ? &target->cache.existing : &target->dir.existing;
    if (run->opt.cache)
        return cache_look(&target->cache, run, whole, err);
    if (run->opt.dest && !(run->published = strdup(run->opt.dest)))
        return err_memory(err, "a path");
    return dir_look(&target->dir, run, err);
}

bool target_found(const struct target *target, size_t i)
{
    return target->existing->file[i].there &&
           (!is_cache(target) || target->cache.state[i] != CACHE_TWIN);
}

int target_drop_wrong(struct target *target, struct err *err)
{
    struct run *run = run_of(target);

    for (size_t i = 0; i < run->plan.nfiles; i++) {
        if (!target->existing->file[i].wrong)
            continue;
        if (is_cache(target))
            cache_unfind(&target->cache, i);
        else
            dir_unfind(&target->dir, i);
    }
    return is_cache(target) ? cache_find_twins(&target->cache, err) : 0;
}

int target_claim(struct target *target, struct err *err)
{
    struct run *run = run_of(target);
    int rc = is_cache(target) ? cache_claim(&target->cache, err)
                              : dir_claim(&target->dir, err);

    return rc == 0 ? resume_read(&run->staging.resume, run, err) : rc;
}

bool target_is_old(const struct target *target)
{
    const struct run *run = run_of(target);
    char now[65] = "";

    if (run->staging.contended || run->opt.check || is_cache(target))
        return true;
    manifest_peek(run->opt.dest, now);
    return strcmp(now, target->dir.record.content_id) != 0;
}

void target_sweep(struct target *target)
{
    struct run *run = run_of(target);
    struct sweep sweep = { .run = run };
    struct strbuf parent = { 0 };

    if (is_cache(target)) {
        sweep_stagings(&sweep, target->cache.folder, NULL, NULL);
    } else {
        layout_parent(run->opt.dest, &parent);
        if (!parent.failed)
            sweep_stagings(&sweep, parent.data, layout_name(run->opt.dest), NULL);
    }
    sweep_release(&sweep);
    strbuf_release(&parent);
}

static int fail(const struct run *run, struct err *err)
{
    journal_doubt(run, err);
    claim_explain(run, err);
    return -1;
}

int target_build(struct target *target, struct err *err)
{
    int rc = is_cache(target) ? cache_stage(&target->cache, err)
                              : dir_build(&target->dir, err);

    if (rc == 0)
        rc = resume_settle(run_of(target)->staging.resume, err);
    return rc < 0 ? fail(run_of(target), err) : rc;
}

int target_commit(struct target *target, struct visibility_mark *mark, struct err *err)
{
    int rc = is_cache(target) ? cache_commit(&target->cache, mark, err)
                              : dir_commit(&target->dir, mark, err);

    return rc < 0 ? fail(run_of(target), err) : rc;
}

void target_clean(struct target *target)
{
    if (is_cache(target))
        claim_leave(target->cache.run, CLAIM_REMOVE);
    else
        dir_clean(&target->dir);
}

void target_release(struct target *target)
{
    dir_release(&target->dir);
    cache_release(&target->cache);
}
