#include "app/offline.h"

#include "core/hub/hub_cache.h"
#include "core/hub/hub_name.h"
#include "io/fs/fs.h"
#include "publish/commit_record.h"

struct listing {
    struct session *s;
    struct hub_name name;
    struct glob_list allow, deny;
};

static int refuse_offline(const struct session *s, const char *reason, struct err *err)
{
    return err_set(err, ERR_SOURCE, "%s is set and the cache '%s' does not hold '%s': %s",
                   s->offline, s->run.opt.dest, s->options->source, reason);
}

static int add_entry(void *arg, const struct plan_entry *entry, struct err *err)
{
    struct listing *listing = arg;

    if (!hub_name_covers(&listing->name, entry->path) ||
        !glob_keep(&listing->allow, &listing->deny, entry->path))
        return 0;
    return plan_add(&listing->s->run.plan, entry, err);
}

static int set_plan(struct listing *listing, const char *commit, struct err *err)
{
    struct plan *plan = &listing->s->run.plan;
    struct strbuf text = { 0 }, repo = { 0 };
    int rc = -1;

    hub_name_text(&listing->name, &text);
    hub_name_repo(&listing->name, &repo);
    plan->bare = true;
    if (text.failed || repo.failed)
        err_memory(err, "a plan");
    else if (plan_set(plan, &plan->source, text.data, err) == 0 &&
             plan_set(plan, &plan->revision, commit, err) == 0 &&
             plan_set(plan, &plan->ref, listing->name.revision, err) == 0)
        rc = plan_set(plan, &plan->repo, repo.data, err);
    strbuf_release(&text);
    strbuf_release(&repo);
    return rc;
}

int offline_list(struct session *s, const struct source_config *config, struct err *err)
{
    struct listing listing = { .s = s, .allow = config->allow, .deny = config->deny };
    struct strbuf folder = { 0 }, path = { 0 }, repo = { 0 };
    struct err why = { 0 };
    char commit[41];
    int rc = -1;

    if (hub_name_parse(&listing.name, config->source, config->revision, config->repo_type,
                       err) < 0)
        return -1;
    hub_name_repo(&listing.name, &repo);
    strbuf_addf(&folder, "%s/", s->run.opt.dest);
    hub_cache_folder(repo.data ? repo.data : "", &folder);
    if (folder.failed || repo.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (cache_commit_of(folder.data, listing.name.revision, commit, &why) < 0) {
        refuse_offline(s, why.text, err);
        goto out;
    }
    strbuf_addf(&path, "%s/trees/%s.json", folder.data, commit);
    if (path.failed)
        err_memory(err, "a path");
    else if (commit_record_load(path.data, add_entry, &listing, &why) < 0)
        refuse_offline(s, why.text, err);
    else if (s->run.plan.nfiles == 0)
        refuse_offline(s, "no file of the revision matches", err);
    else
        rc = set_plan(&listing, commit, err);
out:
    strbuf_release(&folder);
    strbuf_release(&path);
    strbuf_release(&repo);
    return rc;
}

int offline_refuse(const struct session *s, struct err *err)
{
    size_t missing = 0;

    for (size_t i = 0; i < s->run.plan.nfiles; i++)
        missing += !target_shows(&s->target, i);
    return missing == 0 ? 0 : refuse_offline(s, "the revision is incomplete", err);
}
