#include "app/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/login.h"
#include "app/node_parts.h"
#include "app/offline.h"
#include "app/printout.h"
#include "app/source_record.h"
#include "base/text.h"
#include "base/url.h"
#include "core/hub/hub_name.h"
#include "core/plan/url_path.h"
#include "io/credentials.h"
#include "io/hub_env.h"
#include "ranks/background.h"
#include "source/source.h"

static const double TOKEN_PATIENCE = 30; /* seconds for a program behind a pipe */

static int poll_agree(void *arg)
{
    struct run *run = arg;
    struct err err = { 0 };

    return background_poll(&run->ranks, &err);
}

static void notice(void *arg, const char *text)
{
    const struct run *run = arg;

    log_line(&run->ranks.log, LOG_WARN, "%s", text);
}

/* The commit record holds all files, whatever the patterns keep. */
static int note_entry(void *arg, const struct plan_entry *entry, struct err *err)
{
    struct session *s = arg;

    return plan_add(&s->whole, entry, err);
}

static int set_hub(struct session *s, const char *offline, struct err *err)
{
    struct run *run = &s->run;
    const struct fs_wait wait = { TOKEN_PATIENCE, poll_agree, run };
    char shown[256];

    if (offline)
        return err_set_why(err, ERR_SOURCE, REASON_OFFLINE,
                           "cannot list '%s': %s is set, unset it", s->options->source,
                           offline);
    if (!url_path_is_web(run->access.endpoint) || strpbrk(run->access.endpoint, "?#"))
        return err_set(err, ERR_USAGE, "%s '%s': expected https://HOST",
                       s->options->endpoint ? "--endpoint" : "HF_ENDPOINT",
                       url_redact(shown, sizeof(shown), run->access.endpoint));
    if (login_is_given(s->options))
        return 0;
    return credentials_hub_token(s->options->token_file, &wait, &run->access.bearer, err);
}

bool listing_is_part(const struct mpifetch_options *o)
{
    struct hub_name name;

    return o->source && text_starts(o->source, "hf://") &&
           ((o->include && *o->include) || (o->exclude && *o->exclude) ||
            o->per_node_include ||
            (hub_name_parse(&name, o->source, o->revision, o->repo_type, NULL) == 0 &&
             name.path[0]));
}

/* Of whatever source: a page of the Hub in place of a file is found out by it. */
static int set_endpoint(struct run *run, const struct mpifetch_options *o,
                        struct err *err)
{
    run->access.endpoint = hub_env_endpoint(o->endpoint);
    return run->access.endpoint ? 0 : err_memory(err, "the endpoint");
}

static struct source_config config_of(struct session *s)
{
    const struct mpifetch_options *o = s->options;
    struct run *run = &s->run;

    return (struct source_config){
        .source = o->source,
        .manifest = o->manifest,
        .base = o->base,
        .sha256 = o->sha256,
        .revision = o->revision,
        .repo_type = o->repo_type,
        .token_file = o->token_file,
        .headers = run->opt.headers,
        .allow = session_globs(o->include),
        .deny = session_globs(o->exclude),
        .keep = run->opt.per_node_parts ? node_parts_keep : NULL,
        .keep_arg = s,
        .bare = run->opt.cache,
        .every = run->opt.commit_record && (run->opt.cache || listing_is_part(o))
                     ? note_entry
                     : NULL,
        .every_arg = s,
        .probe_above = SEGMENT_WHOLE,
        .retry = run->opt.retry,
        .poll = poll_agree,
        .poll_arg = run,
        .notice = notice,
        .notice_arg = run,
    };
}

static int ask_source(struct session *s, const struct source_config *config,
                      struct err *err)
{
    struct source_count count = { 0 };
    struct err cause = { 0 };
    int rc = source_list(config, s->http, &s->run.plan, &count, err);

    if (rc == 0)
        rc = source_record_end(config->record_arg, &s->run.plan, err);
    s->report.api_requests = count.revision + count.listing + count.probe;
    s->report.listing_retries = count.retried;
    s->report.lister = delegate_rank(s->delegate);
    if (count.unreachable)
        s->unreachable = *err;
    s->whole.bare = true;
    if (rc == 0)
        return plan_seal(&s->run.plan, err) < 0 ? -1 : plan_seal(&s->whole, err);
    /* A signal, or the failure of another rank, is the cause; the interrupted
     * request is not. */
    if (err->code == ERR_INTERRUPTED && background_poll(&s->run.ranks, &cause) < 0)
        *err = cause;
    return -1;
}

/* The Hub is out of reach: what was published counts, as for its library. err stays unless
 * that can be listed. */
static int list_published(struct session *s, const struct source_config *config,
                          struct err *err)
{
    struct run *run = &s->run;
    struct err why = { 0 };
    int rc;

    if (run->opt.force)
        return -1;
    snprintf(s->seen, sizeof(s->seen), "%s", plan_text(&run->plan, run->plan.revision));
    plan_release(&run->plan);
    plan_release(&s->whole);
    s->offline = "the Hub is out of reach";
    rc = run->opt.cache ? offline_list(s, config, &why)
                        : offline_list_dir(s, config, &why);
    if (rc == 0)
        rc = plan_seal(&run->plan, &why);
    if (rc == 0)
        err_clear(err);
    else
        s->offline = NULL;
    return rc;
}

/* Nothing is asked: DEST has all of it, or it is an error. */
static int list_offline(struct session *s, const struct source_config *config,
                        struct err *err)
{
    int rc;

    if (s->run.opt.refetch)
        return err_set_why(err, ERR_SOURCE, REASON_OFFLINE,
                           "cannot fetch '%s' again: %s is set, unset it, or do without "
                           "--force-download",
                           s->options->source, s->offline);
    rc = s->run.opt.cache ? offline_list(s, config, err)
                          : offline_list_dir(s, config, err);
    return rc < 0 ? -1 : plan_seal(&s->run.plan, err);
}

int listing_make(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct source_config config = config_of(s);
    struct source_record record = { .run = run };
    enum source_kind kind;
    const char *offline;
    int rc;

    if (set_endpoint(run, s->options, err) < 0)
        return -1;
    config.endpoint = run->access.endpoint;
    if (source_kind(&config, &kind, err) < 0)
        return -1;
    if (run->opt.cache && kind != SOURCE_HUB)
        return err_set(err, ERR_USAGE, "--layout hf-cache requires an hf:// source");
    if (kind != SOURCE_HUB) {
        free(run->access.endpoint);
        config.endpoint = run->access.endpoint = NULL;
    }
    offline = kind != SOURCE_HUB    ? NULL
              : s->options->offline ? "offline"
                                    : hub_env_offline();
    s->offline = offline && (run->opt.cache || s->options->offline) ? offline : NULL;
    if (s->offline)
        return list_offline(s, &config, err);
    if (kind == SOURCE_HUB && set_hub(s, offline, err) < 0)
        return -1;
    config.token = run->access.bearer;
    config.record_open = source_record_open;
    config.record_has = source_record_has;
    config.record_arg = &record;
    rc = ask_source(s, &config, err);
    source_record_release(&record);
    if (rc < 0 && kind == SOURCE_HUB && s->unreachable.code != ERR_NONE)
        return list_published(s, &config, err);
    return rc;
}

/* Whether the file exists, will be fetched, must be hashed to tell, or only needs an entry
 * in a snapshot. */
static const char *fate_of(const struct session *s, size_t i)
{
    const struct target *target = &s->target;

    if (target->existing->file[i].unsure)
        return "check";
    if (!target->existing->file[i].there)
        return "fetch";
    if (!target_shows(target, i))
        return "link ";
    return "there";
}

enum { PART_BYTES = 64 << 10 }; /* of the text: that of a million files is never whole */

struct showing {
    const struct session *s;
    size_t file; /* the next one */
    uint64_t missing_bytes;
    size_t missing_files;
};

static void add_file(struct showing *showing, size_t i, struct strbuf *text)
{
    const struct session *s = showing->s;
    const struct plan *plan = &s->run.plan;
    const struct existing_file *known = &s->target.existing->file[i];

    strbuf_addf(text, "%s %12llu %s\n", fate_of(s, i),
                (unsigned long long)plan->files[i].size, plan_path(plan, i));
    if (known->there || known->unsure)
        return;
    showing->missing_files++;
    showing->missing_bytes += plan->files[i].size;
}

static bool add_part(void *arg, struct strbuf *text)
{
    struct showing *showing = arg;
    const struct session *s = showing->s;
    const struct plan *plan = &s->run.plan;
    char all[32], fetch[32];

    if (showing->file == 0 && s->sources > 1)
        strbuf_addf(text, "%s%s%s:\n", plan_text(plan, plan->source),
                    s->run.published ? " to " : "",
                    s->run.published ? s->run.published : "");
    while (showing->file < plan->nfiles && text->len < PART_BYTES && !text->failed)
        add_file(showing, showing->file++, text);
    if (showing->file < plan->nfiles)
        return true;
    strbuf_addf(text, "%zu files, %s; to fetch: %zu files, %s\n", plan->nfiles,
                text_bytes(all, sizeof(all), plan->nbytes), showing->missing_files,
                text_bytes(fetch, sizeof(fetch), showing->missing_bytes));
    return false;
}

int listing_show(struct session *s, struct err *err)
{
    struct showing showing = { .s = s };
    int rc =
        s->run.ranks.rank == 0 ? printout(&s->run.ranks, add_part, &showing, err) : 0;

    return agree_step(&s->run.ranks, rc, err);
}

static bool add_sums(void *arg, struct strbuf *text)
{
    const struct listing_sums *sums = arg;
    char all[32], fetch[32];

    strbuf_addf(text, "%zu sources: %llu files, %s; to fetch: %llu files, %s\n",
                sums->sources, (unsigned long long)sums->files,
                text_bytes(all, sizeof(all), sums->bytes),
                (unsigned long long)sums->missing_files,
                text_bytes(fetch, sizeof(fetch), sums->missing_bytes));
    return false;
}

int listing_show_sums(struct ranks *ranks, struct listing_sums *sums, struct err *err)
{
    return printout(ranks, add_sums, sums, err);
}
