#include "publish/cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/hub/hub_cache.h"
#include "core/hub/hub_name.h"
#include "core/plan/path_rules.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "publish/access.h"
#include "publish/cache_ref.h"
#include "publish/commit_record.h"
#include "ranks/background.h"

enum {
    CACHE_POLL = 1000, /* files between two checks for signals */
    HOPS = 40          /* links in a row, as the kernel has it */
};

static const struct plan_file *file_of(const struct cache *cache, size_t i)
{
    return &cache->run->plan.files[i];
}

/* NULL and *err if out of memory. */
static char *joined(const char *dir, const char *kind, const char *name, const char *end,
                    struct err *err)
{
    struct strbuf path = { 0 };
    char *text;

    strbuf_addf(&path, "%s/%s%s%s", dir, kind, name, end);
    text = strbuf_steal(&path);
    if (!text)
        err_memory(err, "a path");
    return text;
}

static int set_names(struct cache *cache, struct err *err)
{
    struct run *run = cache->run;
    const char *ref = plan_text(&run->plan, run->plan.ref);
    const char *commit = plan_text(&run->plan, run->plan.revision);
    const char *fault = path_rules_fault(ref);
    struct strbuf folder = { 0 };

    if (fault)
        return err_set(err, ERR_SOURCE, "revision '%.200s': %s", ref, fault);
    hub_cache_folder(plan_text(&run->plan, run->plan.repo), &folder);
    cache->folder = joined(run->opt.dest, "", folder.data ? folder.data : "", "", err);
    strbuf_release(&folder);
    if (!cache->folder)
        return -1;
    run->published = joined(cache->folder, "snapshots/", commit, "", err);
    if (cache->whole &&
        !(cache->trees = joined(cache->folder, "trees/", commit, ".json", err)))
        return -1;
    if (!hub_name_is_commit(ref) &&
        !(cache->ref = joined(cache->folder, "refs/", ref, "", err)))
        return -1;
    return run->published ? 0 : -1;
}

static const char *entry_of(const struct cache *cache, size_t i, char path[FS_NAME])
{
    const struct run *run = cache->run;

    return fs_format(path, "%s/%s", run->published, plan_path(&run->plan, i));
}

static const char *blob_of(const struct cache *cache, size_t i, char path[FS_NAME])
{
    return fs_format(path, "%s/blobs/%s", cache->folder,
                     plan_text(&cache->run->plan, file_of(cache, i)->etag));
}

static const char *path_of(const struct cache *cache, size_t i, enum cache_state where,
                           char path[FS_NAME])
{
    return where == CACHE_SHOWN ? entry_of(cache, i, path) : blob_of(cache, i, path);
}

static bool is_file_of(const char *path, uint64_t size, struct fs_info *info)
{
    return fs_look_through(NULL, path, info, NULL) == 0 && info->kind == FS_FILE &&
           info->size == size;
}

/* Where a link leads, as a path. */
static bool follow(char at[FS_NAME])
{
    struct strbuf target = { 0 };
    char from[FS_NAME];
    bool good = fs_readlink(NULL, at, &target, NULL) == 0 && target.len > 0;

    if (good) {
        memcpy(from, at, sizeof(from));
        fs_format(at, "%.*s%s",
                  *target.data == '/' ? 0 : (int)(strrchr(from, '/') + 1 - from), from,
                  target.data);
    }
    strbuf_release(&target);
    return good;
}

/* Whose it is, and who made each of the names that lead to it, counts. */
static bool is_believed(const struct cache *cache, const char *path,
                        const struct fs_info *info)
{
    struct fs_info link;
    char at[FS_NAME];

    fs_format(at, "%s", path);
    for (unsigned hops = 0; hops < HOPS; hops++) {
        if (fs_look(NULL, at, &link, NULL) < 0 || !trust_has(&cache->trust, link.uid))
            return false;
        if (link.kind != FS_SYMLINK)
            return trust_has(&cache->trust, info->uid);
        if (!follow(at))
            return false;
    }
    return false;
}

bool cache_finds(const struct cache *cache, size_t i, enum cache_state where,
                 bool believed)
{
    char path[FS_NAME];
    struct fs_info info;

    return is_file_of(path_of(cache, i, where, path), file_of(cache, i)->size, &info) &&
           (!believed || is_believed(cache, path, &info));
}

/* The content of a twin comes with that of another file. */
static bool counts(enum cache_state state)
{
    return state == CACHE_BLOB || state == CACHE_SHOWN;
}

static void find(struct cache *cache, size_t i, enum cache_state state)
{
    cache->state[i] = (uint8_t)state;
    cache->existing.file[i].there = state != CACHE_FETCH;
    if (!counts(state))
        return;
    cache->existing.files++;
    cache->existing.bytes += file_of(cache, i)->size;
}

void cache_unfind(struct cache *cache, size_t i)
{
    if (counts((enum cache_state)cache->state[i])) {
        cache->existing.files--;
        cache->existing.bytes -= file_of(cache, i)->size;
    }
    cache->state[i] = CACHE_FETCH;
    cache->existing.file[i].there = false;
    cache->existing.unchanged = false;
}

bool cache_has(const char *dir, const char *name)
{
    char path[FS_NAME];
    struct fs_info info;

    fs_format(path, "%s%s", dir, name);
    fs_look_through(NULL, path, &info, NULL);
    return info.kind == FS_DIRECTORY;
}

/* What is not believed counts if this user has read it before. */
static void weigh(struct cache *cache, size_t i, enum cache_state state, const char *path,
                  const struct fs_info *info)
{
    struct existing_file *known = &cache->existing.file[i];

    existing_note(known, info);
    known->foreign = !is_believed(cache, path, info);
    if (!known->foreign ||
        hash_note_has(&cache->note, &cache->run->plan, i, info, known->sha256)) {
        find(cache, i, state);
        return;
    }
    known->unsure = true;
    cache->maybe[i] = (uint8_t)state;
    cache->existing.unsure++;
}

/* Whoever may not read it cannot use it, whatever is shown. */
static int find_one(struct cache *cache, size_t i, bool snapshot, bool blobs,
                    struct err *err)
{
    uint64_t size = file_of(cache, i)->size;
    enum cache_state state = CACHE_FETCH;
    char path[FS_NAME];
    struct fs_info info;

    if (snapshot && is_file_of(entry_of(cache, i, path), size, &info))
        state = CACHE_SHOWN;
    else if (blobs && is_file_of(blob_of(cache, i, path), size, &info))
        state = CACHE_BLOB;
    if (state == CACHE_FETCH)
        return 0;
    weigh(cache, i, state, path, &info);
    return access_check(NULL, path, &info, err);
}

static int find_files(struct cache *cache, struct err *err)
{
    bool snapshot = cache_has(cache->run->published, "");
    bool blobs = cache_has(cache->folder, "/blobs");

    for (size_t i = 0; i < cache->run->plan.nfiles; i++) {
        const char *etag = plan_text(&cache->run->plan, file_of(cache, i)->etag);

        if (!hub_cache_is_etag(etag))
            return err_set(err, ERR_SOURCE,
                           "'%s': the ETag '%.80s' is not a valid blob name",
                           plan_path(&cache->run->plan, i), etag);
        if (i % CACHE_POLL == 0 && background_poll(&cache->run->ranks, err) < 0)
            return -1;
        if (find_one(cache, i, snapshot, blobs, err) < 0)
            return -1;
    }
    return 0;
}

static int by_etag(const void *a, const void *b, void *arg)
{
    const struct plan *plan = arg;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int order = strcmp(plan_text(plan, plan->files[left].etag),
                       plan_text(plan, plan->files[right].etag));

    return order ? order : left < right ? -1 : left > right;
}

int cache_find_twins(struct cache *cache, struct err *err)
{
    struct plan *plan = &cache->run->plan;
    uint32_t *order = malloc((plan->nfiles + 1) * sizeof(*order));
    size_t count = 0;

    if (!order)
        return err_memory(err, "the list of files");
    for (size_t i = 0; i < plan->nfiles; i++)
        if (cache->state[i] == CACHE_FETCH && !cache->existing.file[i].unsure)
            order[count++] = (uint32_t)i;
    qsort_r(order, count, sizeof(*order), by_etag, plan);
    for (size_t k = 1; k < count; k++) {
        const char *before = plan_text(plan, plan->files[order[k - 1]].etag);

        if (strcmp(plan_text(plan, plan->files[order[k]].etag), before) != 0)
            continue;
        cache->origin[order[k]] = cache->state[order[k - 1]] == CACHE_TWIN
                                      ? cache->origin[order[k - 1]]
                                      : order[k - 1];
        find(cache, order[k], CACHE_TWIN);
    }
    free(order);
    return 0;
}

static int count_entry(void *arg, const struct plan_entry *entry, struct err *err)
{
    (void)entry;
    (void)err;
    ++*(size_t *)arg;
    return 0;
}

/* A record that this rank cannot read is useless to others too: the library creates its
 * own readable by one user only. */
static bool has_good_trees(const struct cache *cache)
{
    size_t files = 0;

    return commit_record_load(cache->trees, count_entry, &files, NULL) == 0 &&
           files == cache->whole->nfiles;
}

static bool shows_all(const struct cache *cache)
{
    for (size_t i = 0; i < cache->run->plan.nfiles; i++)
        if (cache->state[i] != CACHE_SHOWN)
            return false;
    return true;
}

static void say_unsure(const struct cache *cache)
{
    unsigned long long count = cache->existing.unsure;

    if (count > 0)
        log_line(
            &cache->run->ranks.log, LOG_WARN,
            "'%s': %llu file%s must be hashed first, because %s owner is not trusted "
            "(see --trust)",
            cache->run->published, count, count == 1 ? "" : "s",
            count == 1 ? "its" : "their");
}

static void conclude(struct cache *cache)
{
    const struct run *run = cache->run;

    cache->existing.unchanged = cache->ref_good && shows_all(cache);
    if (cache->existing.unchanged && !cache->commit_record_good &&
        !fs_is_writable(NULL, cache->folder)) {
        log_line(&run->ranks.log, LOG_INFO,
                 "'%s' is missing or unreadable and the cache is read-only: some library "
                 "calls will contact the Hub",
                 cache->trees);
        cache->commit_record_good = true;
    }
    cache->existing.unchanged &= cache->commit_record_good;
}

static int find_all(struct cache *cache, struct err *err)
{
    struct run *run = cache->run;

    if (set_names(cache, err) < 0 ||
        trust_start(&cache->trust, run, run->opt.dest, err) < 0)
        return -1;
    hash_note_read(&cache->note, run->published);
    cache->began = clock_wall();
    return find_files(cache, err) < 0 ? -1 : cache_find_twins(cache, err);
}

int cache_look(struct cache *cache, struct run *run, const struct plan *whole,
               struct err *err)
{
    *cache = (struct cache){ .run = run, .whole = whole };
    cache->existing.file = calloc(run->plan.nfiles + 1, sizeof(*cache->existing.file));
    cache->state = calloc(run->plan.nfiles + 1, sizeof(*cache->state));
    cache->maybe = calloc(run->plan.nfiles + 1, sizeof(*cache->maybe));
    cache->origin = calloc(run->plan.nfiles + 1, sizeof(*cache->origin));
    if (!cache->existing.file || !cache->state || !cache->maybe || !cache->origin)
        return err_memory(err, "the list of files");
    if (find_all(cache, err) < 0)
        return -1;
    if (!run->opt.refetch)
        say_unsure(cache);
    cache->commit_record_good = !cache->trees || has_good_trees(cache);
    cache->ref_good =
        !cache->ref ||
        (cache_ref_read(cache->ref, cache->before) &&
         strcmp(cache->before, plan_text(&run->plan, run->plan.revision)) == 0);
    conclude(cache);
    return 0;
}

static void settle_one(struct cache *cache, size_t i)
{
    struct existing_file *known = &cache->existing.file[i];
    enum cache_state state = (enum cache_state)cache->maybe[i];
    char path[FS_NAME];
    struct fs_info info;

    known->unsure = false;
    known->wrong |=
        fs_look_through(NULL, path_of(cache, i, state, path), &info, NULL) < 0 ||
        !existing_is_still(known, file_of(cache, i)->size, &info);
    if (!known->wrong)
        find(cache, i, state);
}

int cache_settle(struct cache *cache, struct err *err)
{
    bool hashed = cache->existing.unsure > 0;

    for (size_t i = 0; i < cache->run->plan.nfiles; i++)
        if (cache->existing.file[i].unsure)
            settle_one(cache, i);
    cache->existing.unsure = 0;
    if (hashed)
        hash_note_write(cache->run->published, &cache->run->plan, cache->existing.file,
                        cache->began);
    if (cache_find_twins(cache, err) < 0)
        return -1;
    conclude(cache);
    return 0;
}

void cache_release(struct cache *cache)
{
    free(cache->existing.file);
    free(cache->state);
    free(cache->maybe);
    trust_release(&cache->trust);
    hash_note_release(&cache->note);
    free(cache->origin);
    free(cache->folder);
    free(cache->trees);
    free(cache->ref);
    *cache = (struct cache){ 0 };
}
