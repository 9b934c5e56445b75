#include "fetch/store.h"

#include <stdlib.h>

#include "base/text.h"
#include "io/append.h"
#include "io/fs/blocks.h"
#include "io/fs/file_copy.h"
#include "io/fs/fs.h"
#include "io/process.h"
#include "resume/journal.h"
#include "staging/staging.h"

enum { STORE_INODES = 16 /* beside the segments: directories */ };

/* What a rank needs at the least: a segment for each transfer, and as many on their way
 * into staging. */
static uint64_t least_room(const struct run *run)
{
    return 2 * (uint64_t)run->slots * run->segments.size;
}

static bool none(const char *scratch)
{
    return text_starts(scratch, "none") && scratch[4] == '\0';
}

/* The first directory of the usual ones that exists, or NULL. */
static const char *default_scratch(void)
{
    const char *const candidates[] = { getenv("SLURM_TMPDIR"), getenv("TMPDIR"), "/tmp" };
    struct fs_info info;

    for (size_t i = 0; i < countof(candidates); i++)
        if (candidates[i] && *candidates[i] && fs_look(candidates[i], &info, NULL) == 0 &&
            info.kind == FS_DIRECTORY)
            return candidates[i];
    return NULL;
}

static bool same_file_system(const char *a, const char *b)
{
    struct fs_info left, right;

    return fs_look(a, &left, NULL) == 0 && fs_look(b, &right, NULL) == 0 &&
           left.device == right.device;
}

/* The room that this rank may count on: scratch is shared with the others of its node. */
static int measure_scratch(struct store *store, const char *dir, struct err *err)
{
    const struct run *run = store->run;
    int node = comm_node(run->ranks.comm, run->ranks.rank);
    unsigned local = (unsigned)comm_node_size(run->ranks.comm, node);
    char need[32], have[32];
    struct fs_space space;

    if (fs_space(dir, &space, err) < 0)
        return -1;
    if (space.bytes / local < least_room(run))
        return err_set(err, ERR_DEST,
                       "not enough space in scratch '%s': %s free, %u ranks of this node "
                       "need %s; free some space, or use --scratch none",
                       dir, text_bytes(have, sizeof(have), space.bytes), local,
                       text_bytes(need, sizeof(need), local * least_room(run)));
    if (space.inodes / local < 4 * (uint64_t)run->slots + STORE_INODES)
        return err_set(err, ERR_DEST,
                       "not enough inodes in scratch '%s': %llu free, too few for %u "
                       "ranks of this node; free some, or use --scratch none",
                       dir, (unsigned long long)space.inodes, local);
    /* Scratch may be memory, and only what waits for its turn to be hashed need stay. */
    store->budget = 2 * least_room(run);
    if (store->budget > (space.bytes / local - least_room(run)) / 2)
        store->budget = (space.bytes / local - least_room(run)) / 2;
    return 0;
}

static int make_scratch(struct store *store, const char *dir, struct err *err)
{
    struct strbuf path = { 0 };

    if (measure_scratch(store, dir, err) < 0 ||
        fs_private_dir(dir, "mpifetch-", &path, err) < 0) {
        strbuf_release(&path);
        return -1;
    }
    if (process_sign(path.data, false, err) < 0) {
        fs_remove_tree(path.data, NULL);
        strbuf_release(&path);
        return -1;
    }
    store->scratch = strbuf_steal(&path);
    return store->scratch ? 0 : err_memory(err, "scratch");
}

int store_open(struct store *store, struct run *run, struct err *err)
{
    const char *asked = run->opt.scratch;
    const char *dir = asked ? asked : default_scratch();

    *store = (struct store){ .run = run };
    store->at = calloc(run->segments.count + (size_t)1, sizeof(*store->at));
    if (!store->at)
        return err_memory(err, "the list of segments");
    if (journal_open(&store->journal, run, err) < 0)
        return -1;
    if (run->slots == 0 || run->mode == RUN_REHASH || !dir || none(dir))
        return 0;
    if (asked)
        return make_scratch(store, dir, err);
    if (!same_file_system(dir, run->staging.path) && make_scratch(store, dir, NULL) < 0)
        log_line(&run->ranks.log, LOG_INFO,
                 "cannot use scratch '%s': writing directly to staging", dir);
    return 0;
}

void store_close(struct store *store)
{
    if (store->scratch)
        fs_remove_tree(store->scratch, NULL);
    append_close(store->journal);
    free(store->scratch);
    free(store->at);
    *store = (struct store){ 0 };
}

bool store_copies(const struct store *store, bool duplicate)
{
    return store->scratch || duplicate;
}

/* What readers see; or, where the snapshot does not have it yet, the blob. */
static void final_path_in_cache(const struct run *run, uint32_t file, struct strbuf *path)
{
    const struct plan *plan = &run->plan;
    struct fs_info info;

    strbuf_addf(path, "%s/snapshots/%s/%s", run->staging.tree,
                plan_text(plan, plan->revision), plan_path(plan, file));
    if (path->failed || (fs_look_through(path->data, &info, NULL) == 0 &&
                         info.kind == FS_FILE && info.size == plan->files[file].size))
        return;
    strbuf_clear(path);
    strbuf_addf(path, "%s/blobs/%s", run->staging.tree,
                plan_text(plan, plan->files[file].etag));
}

int store_final_path(const struct store *store, uint32_t file, struct strbuf *path,
                     struct err *err)
{
    const struct run *run = store->run;

    strbuf_clear(path);
    if (run->layout == RUN_BLOBS && run->mode == RUN_REHASH)
        final_path_in_cache(run, file, path);
    else
        strbuf_addf(path, "%s/%s", run->staging.tree, staging_name(run, file));
    return path->failed ? err_memory(err, "a path") : 0;
}

int store_home(const struct store *store, uint32_t segment, bool duplicate,
               struct strbuf *path, uint64_t *offset, struct err *err)
{
    const struct run *run = store->run;

    *offset = 0;
    strbuf_clear(path);
    if (store->scratch) {
        strbuf_addf(path, "%s/segment-%u", store->scratch, (unsigned)segment);
    } else if (duplicate) {
        strbuf_addf(path, "%s/%d-%u", run->staging.private_dir, run->ranks.rank,
                    (unsigned)segment);
    } else {
        *offset = segment_range(&run->segments, segment).begin;
        return store_final_path(store, run->segments.file[segment], path, err);
    }
    return path->failed ? err_memory(err, "a path") : 0;
}

int store_source(const struct store *store, uint32_t segment, struct strbuf *path,
                 uint64_t *offset, struct err *err)
{
    if (store->at[segment] == STORE_KEPT)
        return store_home(store, segment, false, path, offset, err);
    *offset = segment_range(&store->run->segments, segment).begin;
    return store_final_path(store, store->run->segments.file[segment], path, err);
}

/* Through memory, not inside the kernel: each byte is looked at once more, because the
 * copy is what will be published. */
int store_land(const struct store *store, uint32_t segment, bool duplicate,
               uint64_t checksum, struct err *err)
{
    const struct segments *segments = &store->run->segments;
    struct strbuf from = { 0 }, to = { 0 };
    struct file_copy copy = { .to_at = segment_range(segments, segment).begin,
                              .len = segment_bytes(segments, segment) };
    uint64_t found = 0;
    int rc = -1;

    if (store_home(store, segment, duplicate, &from, &copy.from_at, err) < 0 ||
        store_final_path(store, segments->file[segment], &to, err) < 0)
        goto out;
    copy.from = from.data;
    copy.to = to.data;
    if (file_copy_sum(&copy, &found, err) < 0)
        goto out;
    if (found == checksum)
        rc = 0;
    else
        err_set(err, ERR_DEST,
                "'%s' does not read back as it was written: the disk may "
                "be faulty, choose another --scratch",
                from.data);
out:
    strbuf_release(&from);
    strbuf_release(&to);
    return rc;
}

static void remove_home(const struct store *store, uint32_t segment, bool duplicate)
{
    struct strbuf path = { 0 };
    uint64_t offset;

    if (store_copies(store, duplicate) &&
        store_home(store, segment, duplicate, &path, &offset, NULL) == 0)
        fs_unlink(path.data, NULL);
    strbuf_release(&path);
}

static void count_out(struct store *store, uint32_t segment)
{
    if (store->at[segment] == STORE_KEPT)
        store->kept -= segment_bytes(&store->run->segments, segment);
    store->at[segment] = STORE_FINAL;
}

void store_landed(struct store *store, uint32_t segment, bool duplicate)
{
    uint64_t bytes = segment_bytes(&store->run->segments, segment);
    bool hashed_later =
        segments_of(&store->run->segments, store->run->segments.file[segment]) > 1;

    count_out(store, segment); /* it may be fetched a second time */
    if (store->scratch && hashed_later && store->kept + bytes <= store->budget) {
        store->at[segment] = STORE_KEPT;
        store->kept += bytes;
    } else {
        remove_home(store, segment, duplicate);
    }
}

void store_found(struct store *store, uint32_t segment)
{
    count_out(store, segment);
}

/* From where a former run left it. */
static int bring(const struct store *store, uint32_t segment, uint32_t where,
                 const char *final, struct err *err)
{
    const struct segments *segments = &store->run->segments;
    struct range range = segment_range(segments, segment);
    struct strbuf path = { 0 };
    struct file_copy copy = { .to = final,
                              .from_at = range.begin,
                              .to_at = range.begin,
                              .len = range.end - range.begin };
    int rc;

    staging_kept_path(store->run, where, segments->file[segment], &path);
    copy.from = path.data;
    rc = path.failed ? err_memory(err, "a path") : file_copy(&copy, err);
    strbuf_release(&path);
    return rc;
}

int store_recheck(const struct store *store, uint32_t segment, uint32_t where,
                  uint64_t checksum, const struct pool *pool, struct err *err)
{
    const struct segments *segments = &store->run->segments;
    struct range range = segment_range(segments, segment);
    struct strbuf path = { 0 };
    struct blocks in = { .next = range.begin, .end = range.end, .pool = pool };
    uint64_t found = 0;
    int rc = store_final_path(store, segments->file[segment], &path, err);

    if (rc == 0 && where != STAGING_TREE)
        rc = bring(store, segment, where, path.data, err);
    in.path = path.data;
    if (rc == 0)
        rc = blocks_sum(&in, &found, err);
    if (rc == 0 && found != checksum)
        rc = err_set(err, ERR_SOURCE, "'%s': the data left by an earlier run is corrupt",
                     plan_path(&store->run->plan, segments->file[segment]));
    if (rc < 0 && err->code != ERR_INTERRUPTED && !err->unsure)
        err->code = ERR_SOURCE;
    strbuf_release(&path);
    return rc;
}

void store_drop(struct store *store, uint32_t segment, bool duplicate)
{
    if (store->at[segment] == STORE_KEPT)
        count_out(store, segment);
    remove_home(store, segment, duplicate);
}
