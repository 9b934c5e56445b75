#include "app/rehash.h"

#include <stdlib.h>
#include <string.h>

#include "core/hub/hub_cache.h"
#include "io/fs/blocks.h"
#include "io/fs/fs.h"
#include "ranks/fan.h"
#include "ranks/share.h"
#include "ranks/wants.h"
#include "staging/staging.h"

static int set_up(struct session *s, const char *tree, bool by_etag, struct err *err)
{
    struct run *run = &s->run;

    run->mode = RUN_REHASH;
    run->layout = by_etag ? RUN_BLOBS : RUN_PATHS;
    run->staging.hashed = strdup(tree);
    return run->staging.hashed ? session_cut(s, err) : err_memory(err, "a path");
}

static void take_down(struct session *s)
{
    struct run *run = &s->run;

    worker_destroy(s->worker);
    s->worker = NULL;
    coordinator_destroy(s->coordinator);
    s->coordinator = NULL;
    segments_release(&run->segments);
    staging_close(run);
    run->mode = RUN_FETCH;
    run->layout = RUN_PATHS;
}

int rehash_run(struct session *s, const char *tree, bool by_etag,
               struct existing_file *skip, struct err *err)
{
    struct run *run = &s->run;
    int rc = run->ranks.rank == 0 ? set_up(s, tree, by_etag, err) : 0;

    if (agree_step(&run->ranks, rc, err) < 0 || share_run(run, err) < 0)
        return -1;
    rc = agree_step(&run->ranks, session_make_parts(s, skip, err), err);
    if (rc == 0)
        rc = agree_step(&run->ranks, worker_run(s->worker, err), err);
    take_down(s);
    return rc;
}

/* The opposite of what is to be hashed: that is skipped. */
static struct existing_file *others(const struct session *s, struct err *err)
{
    size_t count = s->run.plan.nfiles;
    struct existing_file *skip = malloc((count + 1) * sizeof(*skip));

    if (!skip) {
        err_memory(err, "the list of files");
        return NULL;
    }
    memcpy(skip, s->target.existing->file, count * sizeof(*skip));
    for (size_t i = 0; i < count; i++)
        skip[i].there =
            !(skip[i].unsure || (s->run.opt.check && target_found(&s->target, i) &&
                                 wants_file(&s->run, i)));
    return skip;
}

static void take_result(struct session *s, size_t i, const struct existing_file *hashed)
{
    struct run *run = &s->run;
    struct existing_file *known = &s->target.existing->file[i];

    known->wrong = hashed->wrong;
    if (!hashed->wrong && known->unsure)
        memcpy(known->sha256, hashed->sha256, sizeof(known->sha256));
    if (hashed->wrong && known->there)
        log_line(&run->ranks.log, LOG_WARN,
                 "'%s' has changed since it was published: fetching it again",
                 plan_path(&run->plan, i));
}

static int take_results(struct session *s, const struct existing_file *skip,
                        struct err *err)
{
    for (size_t i = 0; skip && i < s->run.plan.nfiles; i++)
        if (!skip[i].there)
            take_result(s, i, &skip[i]);
    return target_drop_wrong(&s->target, err) < 0 ? -1 : target_settle(&s->target, err);
}

struct reading {
    struct run *run;
    const char *tree;
    struct existing_file *skip;
};

/* As the source says, or else as known. */
static bool differs(const struct digest *want, const struct existing_file *known,
                    const uint8_t sha256[32], const uint8_t git[20])
{
    if (want->kind == DIGEST_GIT_BLOB)
        return memcmp(want->bytes, git, 20) != 0;
    return memcmp(want->kind == DIGEST_SHA256 ? want->bytes : known->sha256, sha256,
                  32) != 0;
}

static int read_file(void *arg, size_t i, const struct pool *pool, struct err *err)
{
    struct reading *reading = arg;
    const struct plan *plan = &reading->run->plan;
    const struct digest *want = &plan->files[i].want;
    struct blocks in = { .end = plan->files[i].size, .pool = pool };
    uint8_t sha256[32], git[20] = { 0 };
    struct midstate state = midstate_start();
    struct git_blob *blob = NULL;
    char name[FS_NAME];

    if (reading->skip[i].there)
        return 0;
    in.name = fs_format(name, "%s/%s", reading->tree, plan_path(plan, i));
    sha256_bytes("", 0, sha256);
    if (want->kind == DIGEST_GIT_BLOB && git_blob_begin(&blob, in.end, err) < 0)
        return -1;
    if (blocks_hash(&in, &state, sha256, blob, err) < 0 ||
        (blob && git_blob_end(&blob, git, err) < 0)) {
        git_blob_destroy(blob);
        return -1;
    }
    reading->skip[i].wrong = differs(want, &reading->skip[i], sha256, git);
    if (!reading->skip[i].wrong)
        memcpy(reading->skip[i].sha256, sha256, sizeof(sha256));
    return 0;
}

int rehash_alone(struct run *run, const char *tree, struct existing_file *skip,
                 struct err *err)
{
    struct reading reading = { run, tree, skip };

    return fan_out(&run->ranks, run->plan.nfiles, read_file, &reading, err);
}

int rehash_node(struct session *s, struct err *err)
{
    struct existing_file *skip = others(s, err);
    int rc = skip ? rehash_alone(&s->run, target_root(&s->target), skip, err) : -1;

    if (rc == 0)
        rc = take_results(s, skip, err);
    free(skip);
    return rc;
}

int rehash_found(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    bool cache = run->opt.cache;
    const char *tree = run->ranks.rank == 0 ? target_root(&s->target) : "";
    struct existing_file *skip = run->ranks.rank == 0 ? others(s, err) : NULL;
    int rc = agree_step(&run->ranks, run->ranks.rank == 0 && !skip ? -1 : 0, err);

    if (rc == 0)
        rc = rehash_run(s, tree, cache, skip, err);
    if (rc == 0)
        rc = agree_step(&run->ranks,
                        run->ranks.rank == 0 ? take_results(s, skip, err) : 0, err);
    free(skip);
    return rc;
}
