#include "phase/target.h"

#include <string.h>

#include "io/fs.h"
#include "phase/cache_commit.h"
#include "phase/cache_stage.h"
#include "phase/publish.h"

static bool is_cache(const struct target *target)
{
    return target->have == &target->cache.have;
}

int target_look(struct target *target, struct run *run, const struct plan *whole,
                struct err *err)
{
    *target = (struct target){ 0 };
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
    struct run *run = is_cache(target) ? target->cache.run : target->stage.run;

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

int target_build(struct target *target, struct err *err)
{
    return is_cache(target) ? cache_stage(&target->cache, err)
                            : stage_build(&target->stage, err);
}

int target_commit(struct target *target, struct seen_mark *mark, struct err *err)
{
    return is_cache(target) ? cache_commit(&target->cache, mark, err)
                            : publish_commit(&target->stage, mark, err);
}

void target_clean(struct target *target)
{
    if (is_cache(target))
        fs_remove_tree(target->cache.run->staging, NULL);
    else
        publish_clean(&target->stage);
}

void target_release(struct target *target)
{
    stage_release(&target->stage);
    cache_release(&target->cache);
}
