#include "app/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "app/node_parts.h"
#include "app/rehash.h"
#include "core/hub/hub_cache.h"
#include "io/account.h"
#include "io/fs/fs.h"
#include "publish/commit_record.h"
#include "ranks/background.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "staging/foreign_files.h"
#include "staging/record.h"
#include "staging/trust.h"

/* Rank 0. */
struct inspection {
    struct session *s;
    bool snapshot;            /* of a cache; else a published directory */
    struct manifest manifest; /* of the directory */
    struct glob_list allow, deny;
    struct existing_file *existing; /* of each file of the plan: there if it is skipped */
    unsigned long long wrong, missing, more, seen;
    bool bare;   /* no rule of the map is for the node, and it has no record */
    bool *bares; /* of each node */
};

enum { INSPECT_POLL = 1000 }; /* files between two checks for signals */

static bool is_kept(const struct inspection *look, const char *path)
{
    return glob_keep(&look->allow, &look->deny, path);
}

static int add_entry(void *arg, const struct plan_entry *entry, struct err *err)
{
    struct inspection *look = arg;

    return is_kept(look, entry->path) ? plan_add(&look->s->run.plan, entry, err) : 0;
}

/* What agrees with the record of a stranger is what the stranger says of it. */
static int check_owner(const struct inspection *look, struct err *err)
{
    const struct run *run = &look->s->run;
    uint32_t uid = look->manifest.uid;
    struct trust trust = { 0 };
    char owner[ACCOUNT_TEXT];
    int rc = trust_start(&trust, run, run->opt.dest, err);

    if (rc == 0 && !trust_has(&trust, uid))
        log_line(&run->ranks.log, LOG_WARN,
                 "the record of '%s' belongs to %s, who is not trusted: files that agree "
                 "with it need not be those of the source (see --trust)",
                 run->opt.dest, account_text(uid, owner));
    trust_release(&trust);
    return rc;
}

static int list_manifest(struct inspection *look, struct err *err)
{
    const struct manifest *manifest = &look->manifest;
    int rc = record_load_dest(&look->manifest, look->s->run.opt.dest, NULL, err);

    if (rc == 0)
        rc = check_owner(look, err);
    for (size_t i = 0; rc == 0 && i < manifest->nfiles; i++) {
        struct plan_entry entry = { .path = manifest->file[i].path,
                                    .size = manifest->file[i].size,
                                    .want = { .kind = DIGEST_SHA256 } };

        memcpy(entry.want.bytes, manifest->file[i].sha256, sizeof(entry.want.bytes));
        rc = add_entry(look, &entry, err);
    }
    return rc;
}

static int list_commit(struct inspection *look, size_t folder, const char *commit,
                       struct err *err)
{
    struct strbuf path = { 0 };
    int rc;

    look->s->run.plan.bare = true;
    strbuf_addf(&path, "%.*s/trees/%s.json", (int)folder, look->s->run.opt.dest, commit);
    rc = path.failed ? err_memory(err, "a path")
                     : commit_record_load(path.data, add_entry, look, err);
    strbuf_release(&path);
    return rc;
}

static int list(struct inspection *look, struct err *err)
{
    struct session *s = look->s;
    size_t folder = 0;
    char commit[41];
    int rc;

    look->allow = session_globs(s->options->include);
    look->deny = session_globs(s->options->exclude);
    look->snapshot = hub_cache_is_snapshot(s->run.opt.dest, &folder, commit);
    rc = look->snapshot ? list_commit(look, folder, commit, err)
                        : list_manifest(look, err);
    if (rc == 0 && plan_seal(&s->run.plan, err) < 0) {
        err->code = ERR_DEST; /* local damage, not the fault of a source */
        rc = -1;
    }
    if (rc < 0 && err->code == ERR_DEST)
        err_wrap(err, "cannot verify '%s' without a record of its files",
                 s->run.opt.dest);
    if (rc < 0)
        return -1;
    /* A repository that is still empty is published as such. */
    if (s->run.plan.nfiles == 0 && (look->allow.pattern || look->deny.pattern))
        return err_set(err, ERR_USAGE, "no file of '%s' to verify", s->run.opt.dest);
    s->run.published = strdup(s->run.opt.dest);
    look->existing = calloc(s->run.plan.nfiles + 1, sizeof(*look->existing));
    return look->existing && s->run.published ? 0 : err_memory(err, "the list of files");
}

/* Of several trees it says in which. */
static void tell_file(const struct inspection *look, const char *path, const char *what)
{
    const struct run *run = &look->s->run;
    bool several = look->s->sources > 1;

    log_line(&run->ranks.log, LOG_ERROR, "'%s%s%s': %s", several ? run->opt.dest : "",
             several ? "/" : "", path, what);
}

/* Wrong files that are found without reading them. */
static void note_odd(struct inspection *look, size_t i, const struct fs_info *info)
{
    struct plan *plan = &look->s->run.plan;
    bool missing = info->kind == FS_MISSING;

    look->existing[i].there = true;
    look->missing += missing;
    look->wrong += !missing;
    tell_file(look, plan_path(plan, i),
              missing                 ? "missing"
              : info->kind == FS_FILE ? "size differs from the record"
                                      : "not a regular file");
    /* It gets no segment, whatever size its record claims. */
    plan->nbytes -= plan->files[i].size;
    plan->files[i].size = 0;
}

static int look_at_file(struct inspection *look, size_t i, struct strbuf *path,
                        struct err *err)
{
    struct run *run = &look->s->run;
    struct fs_info info;

    strbuf_clear(path);
    strbuf_addf(path, "%s/%s", run->opt.dest, plan_path(&run->plan, i));
    if (path->failed)
        return err_memory(err, "a path");
    if (fs_look_through(NULL, path->data, &info, err) < 0)
        return -1;
    if (info.kind != FS_FILE || info.size != run->plan.files[i].size)
        note_odd(look, i, &info);
    return i % INSPECT_POLL == 0 ? background_poll(&run->ranks, err) : 0;
}

static int look_at_files(struct inspection *look, struct err *err)
{
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < look->s->run.plan.nfiles; i++)
        rc = look_at_file(look, i, &path, err);
    strbuf_release(&path);
    return rc;
}

static int look_for_more(void *arg, const char *path, const struct fs_info *info,
                         struct err *err)
{
    struct inspection *look = arg;

    (void)info;
    if (look->seen++ % INSPECT_POLL == 0 && background_poll(&look->s->run.ranks, err) < 0)
        return -1;
    if (plan_find(&look->s->run.plan, path, NULL) || !is_kept(look, path) ||
        (!look->snapshot && !foreign_files_is_one(&look->manifest, path)))
        return 0;
    look->more++;
    tell_file(look, path, "not in the record");
    return 0;
}

static int look_around(void *arg, struct err *err)
{
    struct inspection *look = arg;
    struct strbuf dir = { 0 };
    int rc;

    if (list(look, err) < 0 || look_at_files(look, err) < 0)
        return -1;
    strbuf_addf(&dir, "%s/", look->s->run.opt.dest);
    rc = dir.failed ? err_memory(err, "a path")
                    : fs_walk(NULL, dir.data, look_for_more, look, err);
    if (rc < 0 && err->code == ERR_SOURCE)
        err->code = ERR_DEST;
    strbuf_release(&dir);
    return rc;
}

/* Another run may have published meanwhile: then the old record was compared with
 * the new files. */
static bool was_replaced(const struct inspection *look)
{
    struct manifest head = { 0 };
    bool was = !look->snapshot &&
               record_load_dest_head(&head, look->s->run.opt.dest, NULL, NULL) == 0 &&
               strcmp(head.content_id, look->manifest.content_id) != 0;

    manifest_release(&head);
    return was;
}

static void add_count(struct strbuf *text, unsigned long long count, const char *what)
{
    if (count > 0)
        strbuf_addf(text, "%s%llu %s", text->len > 0 ? ", " : "", count, what);
}

/* One sentence that sums up what tell_file() has logged. */
static int refuse_tree(const struct inspection *look, struct err *err)
{
    const struct run *run = &look->s->run;
    struct strbuf counts = { 0 };

    add_count(&counts, look->wrong, "wrong");
    add_count(&counts, look->missing, "missing");
    add_count(&counts, look->more, "not in the record");
    err_set(err, ERR_DIGEST, "'%s' failed verification: of %zu file%s %s%s",
            run->opt.dest, run->plan.nfiles, run->plan.nfiles == 1 ? "" : "s",
            counts.data ? counts.data : "",
            look->snapshot && look->missing > 0
                ? " (if only a part was fetched, verify with the same --include)"
                : "");
    strbuf_release(&counts);
    return -1;
}

static int sum_up(struct inspection *look, struct err *err)
{
    const struct run *run = &look->s->run;

    if (was_replaced(look))
        return err_set(err, ERR_DEST, "'%s' was replaced during verification: run again",
                       run->opt.dest);
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        if (!look->existing || !look->existing[i].wrong)
            continue;
        look->wrong++;
        tell_file(look, plan_path(&run->plan, i),
                  run->plan.files[i].want.kind == DIGEST_GIT_BLOB
                      ? "git blob id differs from the record"
                      : "SHA-256 differs from the record");
    }
    look->s->report.verified = look->wrong + look->missing + look->more == 0;
    if (look->s->report.verified)
        return 0;
    return refuse_tree(look, err);
}

/* What it has all the same, of an earlier map, is verified; so a record that cannot be read
 * is one. */
static bool is_bare(const struct session *s)
{
    const char *dest = s->run.opt.dest;
    struct manifest head = { 0 };
    char name[FS_NAME];
    bool bare = s->run.opt.per_node_parts && !node_parts_has_rule(s) &&
                record_load_dest_head(&head, dest, NULL, NULL) < 0 &&
                !fs_is_there(NULL, fs_format(name, "%s/" RECORD_HUB_NAME, dest)) &&
                !fs_is_there(NULL, fs_format(name, "%s/" RECORD_INSIDE_NAME, dest));

    manifest_release(&head);
    return bare;
}

static int look_here(void *arg, struct err *err)
{
    struct inspection *look = arg;
    struct run *run = &look->s->run;

    look->bare = is_bare(look->s);
    if (look->bare)
        return 0;
    if (look_around(look, err) < 0 ||
        rehash_alone(run, run->opt.dest, look->existing, err) < 0)
        return -1;
    return sum_up(look, err);
}

/* What a node's copy came to, with the class in front; none: it has no copy to have. */
static int take_verdict(void *arg, int rank, const void *bytes, size_t len,
                        struct err *err)
{
    struct inspection *look = arg;
    struct run *run = &look->s->run;
    int node = nodes_of(&run->ranks, rank);
    int32_t code = 0;

    (void)err;
    if (len < sizeof(code))
        return 0;
    memcpy(&code, bytes, sizeof(code));
    if (code == ERR_NONE) {
        look->bares[node] = true;
        return 0;
    }
    run->nodes.failed[node] = true;
    return err_set(&run->nodes.err[node], (enum err_code)code, "%.*s",
                   (int)(len - sizeof(code)), (const char *)bytes + sizeof(code)) < 0
               ? 0
               : -1;
}

static int pack_verdict(struct strbuf *bytes, const struct err *why)
{
    int32_t code = (int32_t)why->code;

    strbuf_add(bytes, &code, sizeof(code));
    strbuf_adds(bytes, why->text);
    return bytes->failed ? -1 : 0;
}

/* Each keeper the copy of its node. One outcome: all are right, or which are not. */
static int inspect_nodes(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct inspection look = { .s = s };
    struct strbuf bytes = { 0 };
    struct err why = { 0 };
    int rc;

    look.bares = calloc((size_t)nodes_count(&run->ranks), sizeof(*look.bares));
    rc = agree_step(&run->ranks, look.bares ? 0 : err_memory(err, "the list of nodes"),
                    err);
    if (rc < 0) {
        free(look.bares);
        return -1;
    }
    rc = run->keeper ? background_run(&run->ranks, look_here, &look, &why) : 0;
    if (rc < 0 && why.code == ERR_INTERRUPTED)
        err_copy(err, &why);
    else
        rc = rc < 0 || look.bare ? pack_verdict(&bytes, &why) : 0;
    if (agree_gather(&run->ranks, MSG_SEEN, bytes.data, bytes.len, take_verdict, &look,
                     rc < 0 ? NULL : err) < 0)
        rc = -1;
    if (rc == 0 && run->ranks.rank == 0 && outcome_failed(run) > 0)
        rc = outcome_tell(run, "is not as it should be", err);
    if (run->ranks.rank == 0 && run->opt.per_node_parts)
        node_parts_tell_bare(s, look.bares);
    s->report.verified = rc == 0;
    free(look.bares);
    strbuf_release(&bytes);
    manifest_release(&look.manifest);
    free(look.existing);
    return agree_step(&run->ranks, rc, err);
}

int inspect(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct inspection look = { .s = s };
    int rc;

    if (nodes_spread(run))
        return inspect_nodes(s, err);
    rc = agree_step(
        &run->ranks,
        run->ranks.rank == 0 ? background_run(&run->ranks, look_around, &look, err) : 0,
        err);

    if (rc == 0)
        rc = rehash_run(s, run->opt.dest, false, look.existing, err);
    if (rc == 0)
        rc = agree_step(&run->ranks, run->ranks.rank == 0 ? sum_up(&look, err) : 0, err);
    manifest_release(&look.manifest);
    free(look.existing);
    return rc;
}
