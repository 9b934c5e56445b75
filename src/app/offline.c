#include "app/offline.h"

#include <string.h>

#include "base/text.h"
#include "core/hub/hub_cache.h"
#include "core/hub/hub_name.h"
#include "io/fs/fs.h"
#include "publish/cache_ref.h"
#include "publish/commit_record.h"
#include "staging/record.h"

struct listing {
    struct session *s;
    struct hub_name name;
    struct glob_list allow, deny;
};

static int refuse_offline(const struct session *s, const char *reason, struct err *err)
{
    return err_set_why(err, ERR_SOURCE, REASON_OFFLINE,
                       "%s is set and %s'%s' does not hold '%s': %s", s->offline,
                       s->run.opt.cache ? "the cache " : "", s->run.opt.dest,
                       s->options->source, reason);
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

    if (listing->s->seen[0] && strcmp(listing->s->seen, commit) != 0)
        return err_set(err, ERR_SOURCE, "the revision is commit %s by now",
                       listing->s->seen);
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
    if (cache_ref_commit(folder.data, listing.name.revision, commit, &why) < 0) {
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

/* With the digest that the Hub gave: the identity of a plan is made of those. */
static int add_published(struct listing *listing, const struct manifest_file *file,
                         struct err *err)
{
    struct plan_entry entry = { .path = file->path,
                                .key = file->path,
                                .etag = file->etag,
                                .oid = file->oid,
                                .size = file->size,
                                .want = { .kind = DIGEST_SHA256 } };

    memcpy(entry.want.bytes, file->sha256, sizeof(file->sha256));
    if (*file->oid && strcmp(file->oid, file->etag) == 0) {
        entry.want = (struct digest){ .kind = DIGEST_GIT_BLOB };
        if (!text_unhex(entry.want.bytes, 20, file->oid))
            return err_set(err, ERR_DEST, "'%s' has no git object id", file->path);
    }
    return plan_add(&listing->s->run.plan, &entry, err);
}

/* Of files that patterns left out a record says nothing but that there may be some. */
static int check_published(const struct listing *listing, const struct manifest *manifest,
                           struct err *err)
{
    const char *dest = listing->s->run.opt.dest;
    struct strbuf text = { 0 };
    int rc = 0;

    hub_name_text(&listing->name, &text);
    if (text.failed)
        rc = err_memory(err, "a path");
    else if (!manifest->source || !manifest->revision ||
             strcmp(manifest->source, text.data) != 0)
        rc = err_set(err, ERR_SOURCE, "'%s' is of another source", dest);
    else if (!manifest->complete)
        rc = err_set(err, ERR_SOURCE, "'%s' may have only a part of the revision", dest);
    strbuf_release(&text);
    return rc;
}

static int list_dir(struct session *s, const struct source_config *config,
                    struct err *err)
{
    struct listing listing = { .s = s };
    struct manifest manifest = { 0 };
    int rc;

    if (config->allow.pattern || config->deny.pattern || config->keep)
        return err_set(err, ERR_SOURCE, "only the Hub knows what the patterns match");
    if (hub_name_parse(&listing.name, config->source, config->revision, config->repo_type,
                       err) < 0 ||
        !s->run.opt.dest || record_load_dest(&manifest, s->run.opt.dest, NULL, err) < 0)
        return -1;
    rc = check_published(&listing, &manifest, err);
    for (size_t i = 0; rc == 0 && i < manifest.nfiles; i++)
        rc = add_published(&listing, &manifest.file[i], err);
    if (rc == 0)
        rc = set_plan(&listing, manifest.revision, err);
    s->run.plan.bare = false;
    manifest_release(&manifest);
    return rc;
}

int offline_list_dir(struct session *s, const struct source_config *config,
                     struct err *err)
{
    struct err why = { 0 };

    if (list_dir(s, config, &why) == 0)
        return 0;
    return why.code == ERR_USAGE ? err_copy(err, &why) : refuse_offline(s, why.text, err);
}

void offline_tell(struct session *s)
{
    bool tried = s->unreachable.code != ERR_NONE;

    if (s->offline)
        s->report.offline = tried ? s->unreachable.text : s->offline;
    if (s->offline && tried)
        log_line(&s->run.ranks.log, LOG_WARN,
                 "%s; '%s' holds all of commit %s, the last that was seen",
                 s->unreachable.text, s->run.opt.dest,
                 plan_text(&s->run.plan, s->run.plan.revision));
}

int offline_refuse(const struct session *s, struct err *err)
{
    size_t missing = 0;

    if (s->run.opt.cache)
        for (size_t i = 0; i < s->run.plan.nfiles; i++)
            missing += !target_shows(&s->target, i);
    else
        missing = !s->target.existing->unchanged;
    if (missing == 0)
        return 0;
    return s->unreachable.code != ERR_NONE
               ? err_copy(err, &s->unreachable)
               : refuse_offline(s, "the revision is incomplete", err);
}
