#include "phase/target.h"

#include <stdlib.h>
#include <string.h>

#include "phase/cache_commit.h"
#include "phase/cache_stage.h"
#include "phase/custody.h"
#include "phase/journal.h"
#include "phase/publish.h"
#include "phase/resume.h"
#include "phase/sweep.h"

static bool is_cache(const struct target *target)
{
    return target->have == &target->cache.have;
}

static struct run *run_of(const struct target *target)
{
    return is_cache(target) ? target->cache.run : target->stage.run;
}

int target_look(struct target *target, struct run *run, const struct plan *whole,
                struct err *err)
{
    target_release(target);
    *target = (struct target){ 0 };
    free(run->published);
    run->published = NULL;
    target->have = run->opt.cache ? &target->cache.have : &target->stage.have;
    if (run->opt.cache)
        return cache_look(&target->cache, run, whole, err);
    if (run->opt.dest && !(run->published = strdup(run->opt.dest)))
        return err_memory(err, "a path");
    return stage_look(&target->stage, run, err);
}

bool target_found(const struct target *target, size_t i)
{
    return target->have->known[i].there &&
           (!is_cache(target) || target->cache.state[i] != CACHE_TWIN);
}

int target_drop_wrong(struct target *target, struct err *err)
{
    struct run *run = run_of(target);

    for (size_t i = 0; i < run->plan.nfiles; i++) {
        if (!target->have->known[i].wrong)
            continue;
        if (is_cache(target))
            cache_unfind(&target->cache, i);
        else
            stage_unfind(&target->stage, i);
    }
    return is_cache(target) ? cache_find_twins(&target->cache, err) : 0;
}

int target_claim(struct target *target, struct err *err)
{
    struct run *run = run_of(target);
    int rc = is_cache(target) ? cache_claim(&target->cache, err)
                              : stage_claim(&target->stage, err);

    return rc == 0 ? resume_read(&run->resume, run, err) : rc;
}

bool target_is_old(const struct target *target)
{
    const struct run *run = run_of(target);
    char now[65] = "";

    if (run->contended || run->opt.check || is_cache(target))
        return true;
    record_peek(run->opt.dest, now);
    return strcmp(now, target->stage.record.content_id) != 0;
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
    custody_explain(run, err);
    return -1;
}

int target_build(struct target *target, struct err *err)
{
    int rc = is_cache(target) ? cache_stage(&target->cache, err)
                              : stage_build(&target->stage, err);

    if (rc == 0)
        rc = resume_settle(run_of(target)->resume, err);
    return rc < 0 ? fail(run_of(target), err) : rc;
}

int target_commit(struct target *target, struct seen_mark *mark, struct err *err)
{
    int rc = is_cache(target) ? cache_commit(&target->cache, mark, err)
                              : publish_commit(&target->stage, mark, err);

    return rc < 0 ? fail(run_of(target), err) : rc;
}

void target_clean(struct target *target)
{
    if (is_cache(target))
        custody_leave(target->cache.run, CUSTODY_REMOVE);
    else
        publish_clean(&target->stage);
}

void target_release(struct target *target)
{
    stage_release(&target->stage);
    cache_release(&target->cache);
}
