#include "fetch/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/fs/blocks.h"
#include "io/fs/file_copy.h"
#include "io/fs/fs.h"
#include "resume/journal.h"
#include "staging/staging.h"
#include "staging/twin.h"

enum {
    STORE_DIRECT = 8 << 20 /* a file of fewer bytes is not worth waiting for the disk */
};

/* What readers see, and where it lies for a snapshot that does not have it yet. */
static int open_hashed(struct store *store, struct err *err)
{
    struct run *run = store->run;
    char name[FS_NAME];

    if (staging_open_hashed(run, err) < 0)
        return -1;
    if (run->layout != RUN_BLOBS)
        return 0;
    fs_format(name, "snapshots/%s", plan_text(&run->plan, run->plan.revision));
    return fs_dir_below(&store->snapshot, &run->staging.tree, name, err) < 0
               ? -1
               : fs_dir_below(&store->blobs, &run->staging.tree, "blobs", err);
}

int store_open(struct store *store, struct run *run, struct err *err)
{
    *store = (struct store){ .run = run };
    store->at = calloc(run->segments.count + (size_t)1, sizeof(*store->at));
    store->kept_with = calloc(run->segments.count + (size_t)1, sizeof(*store->kept_with));
    store->scratched = calloc(run->segments.count + (size_t)1, sizeof(bool));
    if (!store->at || !store->kept_with || !store->scratched)
        return err_memory(err, "the list of segments");
    if (run->mode == RUN_REHASH)
        return open_hashed(store, err);
    if (run->staging.path && !run->keeper && staging_open(run, err) < 0)
        return -1;
    if (journal_open(&store->journal, run, err) < 0)
        return -1;
    return scratch_open(&store->scratch, run, err);
}

void store_close(struct store *store)
{
    scratch_close(&store->scratch);
    journal_close(store->journal);
    fs_dir_close(&store->snapshot);
    fs_dir_close(&store->blobs);
    free(store->at);
    free(store->kept_with);
    free(store->scratched);
    *store = (struct store){ 0 };
}

bool store_copies(const struct store *store, uint32_t first)
{
    return store->scratched[first];
}

static void count_out(struct store *store, uint32_t segment)
{
    if (store->at[segment] == STORE_KEPT)
        store->kept -= segment_bytes(&store->run->segments, segment);
    store->at[segment] = STORE_FINAL;
}

static void remove_home(const struct store *store, uint32_t first)
{
    struct store_place home;

    if (!store_copies(store, first))
        return;
    store_home(store, first, &home);
    fs_unlink(home.dir, home.name, NULL);
}

static bool is_kept_with(const struct store *store, uint32_t segment, uint32_t first)
{
    return segment < store->run->segments.count && store->at[segment] == STORE_KEPT &&
           store->kept_with[segment] == first;
}

/* The whole file that the segment is kept in: what is fetched again was wrong in all. */
static void forget_kept(struct store *store, uint32_t segment)
{
    uint32_t first = store->kept_with[segment];

    if (store->at[segment] != STORE_KEPT)
        return;
    for (segment = first; !is_kept_with(store, segment, first); segment++)
        ;
    for (; is_kept_with(store, segment, first); segment++)
        count_out(store, segment);
    remove_home(store, first);
}

void store_begin(struct store *store, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        forget_kept(store, first + i);
    store->scratched[first] = store->scratch.dir.path && !atomic_load(&store->full);
}

static bool is_shown(const struct store *store, uint32_t file)
{
    const struct plan *plan = &store->run->plan;
    struct fs_info info;

    return fs_look_through(&store->snapshot, plan_path(plan, file), &info, NULL) == 0 &&
           info.kind == FS_FILE && info.size == plan->files[file].size;
}

void store_final(const struct store *store, uint32_t file, struct store_place *final)
{
    const struct run *run = store->run;

    final->offset = 0;
    final->dir = store->blobs.path ? &store->blobs : &run->staging.tree;
    final->name = staging_name(run, file);
    if (store->snapshot.path && is_shown(store, file)) {
        final->dir = &store->snapshot;
        final->name = plan_path(&run->plan, file);
    }
}

void store_home(const struct store *store, uint32_t first, struct store_place *home)
{
    const struct run *run = store->run;

    if (!store_copies(store, first)) {
        store_final(store, run->segments.file[first], home);
        home->offset = segment_range(&run->segments, first).begin;
        return;
    }
    home->dir = &store->scratch.dir;
    home->name = home->text;
    home->offset = 0;
    snprintf(home->text, sizeof(home->text), "segment-%u", (unsigned)first);
}

int store_open_final(const struct store *store, uint32_t file,
                     const struct store_place *final, struct err *err)
{
    struct err why = { 0 };
    int fd;

    if (segments_of(&store->run->segments, file) > 1)
        return fs_open_write(final->dir, final->name, err);
    fd = fs_open_new(final->dir, final->name, &why);
    if (fd >= 0)
        return fd;
    if (errno != EEXIST)
        return err_copy(err, &why);
    return twin_check(store->run, final->dir, final->name, err) < 0
               ? -1
               : fs_open_write(final->dir, final->name, err);
}

int store_open_home(const struct store *store, uint32_t first,
                    const struct store_place *home, struct err *err)
{
    return store_copies(store, first)
               ? fs_open_write(home->dir, home->name, err)
               : store_open_final(store, store->run->segments.file[first], home, err);
}

/* Before bytes are copied there. */
static int make_final(const struct store *store, uint32_t file,
                      const struct store_place *final, struct err *err)
{
    int fd;

    if (segments_of(&store->run->segments, file) > 1)
        return 0;
    fd = store_open_final(store, file, final, err);
    return fd < 0 ? -1 : fs_close(fd, final->dir, final->name, err);
}

bool store_leave(struct store *store, uint32_t first, uint64_t done)
{
    const struct run *run = store->run;
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    struct store_place from, to;

    if (!is_full || run->opt.scratch || !store->scratched[first])
        return false;
    store_home(store, first, &from);
    store->scratched[first] = false;
    store_home(store, first, &to);
    if (!atomic_exchange(&store->full, true))
        log_line(&run->ranks.log, LOG_WARN,
                 "scratch '%s' is full: writing directly to staging from here on",
                 store->scratch.dir.path);

    const struct file_copy copy = { .from_dir = from.dir,
                                    .from = from.name,
                                    .to_dir = to.dir,
                                    .to = to.name,
                                    .to_at = to.offset,
                                    .len = done };
    bool moved =
        done == 0 || (make_final(store, run->segments.file[first], &to, NULL) == 0 &&
                      file_copy(&copy, NULL) == 0);

    fs_unlink(from.dir, from.name, NULL);
    return moved;
}

uint32_t store_source(const struct store *store, uint32_t segment, uint32_t count,
                      struct store_place *source)
{
    const struct segments *segments = &store->run->segments;
    uint64_t begin = segment_range(segments, segment).begin;
    uint32_t first = store->kept_with[segment], n = 1;

    if (store->at[segment] == STORE_KEPT) {
        store_home(store, first, source);
        source->offset = begin - segment_range(segments, first).begin;
        while (n < count && is_kept_with(store, segment + n, first))
            n++;
        return n;
    }
    store_final(store, segments->file[segment], source);
    source->offset = begin;
    while (n < count && store->at[segment + n] != STORE_KEPT)
        n++;
    return n;
}

int store_check(const struct store *store, uint32_t first, struct err *err)
{
    return store_copies(store, first) ? 0 : fs_dir_same(&store->run->staging.dir, err);
}

bool store_direct(const struct store *store, uint32_t segment)
{
    const struct run *run = store->run;

    return run->mode != RUN_REHASH && !atomic_load(&store->buffered) &&
           run->plan.files[run->segments.file[segment]].size >= STORE_DIRECT;
}

void store_refused(struct store *store, const struct store_place *place)
{
    if (!atomic_exchange(&store->buffered, true))
        log_line(&store->run->ranks.log, LOG_INFO,
                 "cannot write '%s/%s' with direct I/O: writing through the page cache",
                 place->dir->path, place->name);
}

/* Through memory, not inside the kernel: each byte is looked at once more, because the
 * copy is what will be published. */
int store_land(const struct store *store, uint32_t first, uint32_t count,
               uint64_t checksum, struct err *err)
{
    const struct segments *segments = &store->run->segments;
    struct range range = segments_range(segments, first, count);
    struct store_place from, to;
    uint64_t found = 0;

    store_home(store, first, &from);
    store_final(store, segments->file[first], &to);

    struct file_copy copy = { .from_dir = from.dir,
                              .from = from.name,
                              .from_at = from.offset,
                              .to_dir = to.dir,
                              .to = to.name,
                              .to_at = range.begin,
                              .len = range.end - range.begin,
                              .direct = store_direct(store, first) };

    if (make_final(store, segments->file[first], &to, err) < 0 ||
        file_copy_sum(&copy, &found, err) < 0)
        return -1;
    if (found == checksum)
        return 0;
    return err_set(err, ERR_DEST,
                   "'%s/%s' does not read back as it was written: the disk may "
                   "be faulty, choose another --scratch",
                   from.dir->path, from.name);
}

void store_landed(struct store *store, uint32_t first, uint32_t count)
{
    const struct segments *segments = &store->run->segments;
    uint64_t bytes = segments_bytes(segments, first, count);
    bool hashed_later = segments_of(segments, segments->file[first]) > 1;
    bool keep = store->scratched[first] && hashed_later &&
                store->kept + bytes <= store->scratch.budget;

    for (uint32_t i = first; i < first + count; i++) {
        count_out(store, i); /* it may be fetched a second time */
        store->at[i] = keep ? STORE_KEPT : STORE_FINAL;
        store->kept_with[i] = first;
    }
    if (keep)
        store->kept += bytes;
    else
        remove_home(store, first);
}

void store_found(struct store *store, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        count_out(store, i);
}

/* From where a former run left it. */
static int bring(const struct store *store, uint32_t file, struct range range,
                 uint32_t where, const struct store_place *final, struct err *err)
{
    const struct run *run = store->run;
    char name[FS_NAME];
    struct file_copy copy = { .from_dir = &run->staging.dir,
                              .from = staging_kept_name(run, where, file, name),
                              .to_dir = final->dir,
                              .to = final->name,
                              .from_at = range.begin,
                              .to_at = range.begin,
                              .len = range.end - range.begin };

    return make_final(store, file, final, err) < 0 ? -1 : file_copy(&copy, err);
}

int store_recheck(const struct store *store, uint32_t first, uint32_t count,
                  uint32_t where, uint64_t checksum, const struct pool *pool,
                  struct err *err)
{
    const struct segments *segments = &store->run->segments;
    struct range range = segments_range(segments, first, count);
    uint32_t file = segments->file[first];
    struct blocks in = { .next = range.begin,
                         .end = range.end,
                         .pool = pool,
                         .direct = store_direct(store, first) };
    struct store_place final;
    uint64_t found = 0;
    int rc;

    store_final(store, file, &final);
    in.dir = final.dir;
    in.name = final.name;
    rc = where != STAGING_TREE ? bring(store, file, range, where, &final, err) : 0;
    if (rc == 0)
        rc = blocks_sum(&in, &found, err);
    if (rc == 0 && found != checksum)
        rc = err_set(err, ERR_SOURCE, "'%s': the data left by an earlier run is corrupt",
                     plan_path(&store->run->plan, file));
    if (rc < 0 && err->code != ERR_INTERRUPTED && err->unsure == 0)
        err->code = ERR_SOURCE;
    return rc;
}

void store_drop(struct store *store, uint32_t first)
{
    remove_home(store, first);
}

void store_hashed(struct store *store, uint32_t segment)
{
    uint32_t first = store->kept_with[segment];

    if (store->at[segment] != STORE_KEPT)
        return;
    count_out(store, segment);
    if (!is_kept_with(store, segment + 1, first))
        remove_home(store, first);
}
