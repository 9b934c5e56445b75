#include "staging/striping.h"

#include "io/fs/fs_stripe.h"
#include "staging/staging.h"

static void say_why_not(const struct run *run, const struct fs_stripes *stripes)
{
    const struct stripe_policy *policy = &run->opt.stripe;

    if (policy->mode == STRIPE_NONE)
        return;
    if (stripes->lustre)
        log_line(&run->ranks.log, LOG_INFO,
                 "files are striped as their directory says: %s",
                 stripes->own ? "it has a layout of its own"
                              : "its file system has one for each size of files");
    else if (policy->mode == STRIPE_FIXED)
        log_line(&run->ranks.log, LOG_WARN,
                 "--stripe %u has no effect: '%s' is not on Lustre", policy->count,
                 run->opt.dest);
}

void striping_begin(struct striping *striping, const struct run *run)
{
    const struct stripe_policy *policy = &run->opt.stripe;
    struct fs_stripes stripes = { 0 };

    *striping = (struct striping){ .run = run };
    if (policy->mode != STRIPE_NONE)
        stripes = fs_stripes_look(&run->staging.tree, ".");
    striping->active =
        stripes.lustre && stripe_applies(policy, stripes.own, &stripes.layout);
    striping->osts = stripes.osts;
    if (!striping->active)
        say_why_not(run, &stripes);
}

unsigned striping_count(const struct striping *striping, uint32_t file)
{
    const struct run *run = striping->run;

    return striping->active ? stripe_count(&run->opt.stripe, run->plan.files[file].size,
                                           striping->osts)
                            : 0;
}

void striping_make(struct striping *striping, uint32_t file)
{
    const struct run *run = striping->run;
    unsigned count = striping_count(striping, file);
    struct err err = { 0 };

    if (count == 0)
        return;
    if (fs_stripes_make(&run->staging.tree, staging_name(run, file), count, &err) == 0) {
        striping->made++;
        return;
    }
    striping->active = false;
    log_line(&run->ranks.log, LOG_WARN, "large files are not striped: %s", err.text);
}

void striping_end(const struct striping *striping)
{
    if (striping->made > 0)
        log_line(&striping->run->ranks.log, LOG_INFO, "%llu large files are striped",
                 (unsigned long long)striping->made);
}
