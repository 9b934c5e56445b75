#include "resume/resume.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "resume/claim.h"
#include "resume/journal.h"
#include "resume/leftovers.h"
#include "resume/owner_watch.h"
#include "staging/staging.h"

enum { NOWHERE = CLAIM_LAYERS + 1, LAYERS = CLAIM_LAYERS + 2 };

struct resume {
    struct run *run;
    struct journal_entry *entry; /* sorted; layer 0 is this run's own tree, N is old-N */
    size_t count;
    unsigned layers;
    bool gone[LAYERS], ours[LAYERS]; /* of each layer */
    uint64_t segment_size, bytes;
    size_t *of; /* of each segment: the number of its entry from 1, or 0 */
};

static char *layer_path(const struct run *run, unsigned layer)
{
    struct strbuf path = { 0 };

    strbuf_addf(&path, "%s/old-%u", run->staging.path, layer);
    return strbuf_steal(&path);
}

static int look_at_layer(struct resume *resume, unsigned layer, struct err *err)
{
    char *staging = layer_path(resume->run, layer);
    int rc;

    if (!staging)
        return err_memory(err, "a path");
    resume->gone[layer] = owner_watch_is_gone(staging);
    leftovers_put_back(resume->run->opt.dest, staging);
    resume->ours[layer] = leftovers_is_ours(staging);
    rc = resume->ours[layer]
             ? journal_read(staging, layer, &resume->entry, &resume->count, err)
             : 0;
    free(staging);
    return rc;
}

/* NULL: there are none. */
static struct journal_entry *entries_of(const struct resume *resume, size_t file,
                                        size_t *count)
{
    const struct journal_entry *found = NULL;
    uint64_t key;

    *count = 0;
    if (journal_key(resume->run, file, &key))
        *count = journal_of(resume->entry, resume->count, key, &found);
    return *count > 0 ? resume->entry + (found - resume->entry) : NULL;
}

/* The last segment of a file is shorter, and a file of one segment tells nothing. */
static void measure(struct resume *resume)
{
    const struct plan *plan = &resume->run->plan;

    for (size_t i = 0; i < plan->nfiles; i++) {
        size_t count;
        struct journal_entry *entry = entries_of(resume, i, &count);

        for (size_t k = 0; entry && k < count; k++) {
            /* A segment that was taken over before is noted in each layer. */
            if (resume->gone[entry[k].layer] &&
                (k == 0 || entry[k].offset != entry[k - 1].offset))
                resume->bytes += entry[k].len;
            if (entry[k].len < plan->files[i].size && entry[k].len % SEGMENT_ALIGN == 0 &&
                entry[k].len > resume->segment_size)
                resume->segment_size = entry[k].len;
        }
    }
}

int resume_read(struct resume **out, struct run *run, struct err *err)
{
    struct resume *resume = calloc(1, sizeof(*resume));

    *out = NULL;
    if (!resume)
        return err_memory(err, "the data of earlier runs");
    resume->run = run;
    resume->layers = claim_layers(run);
    for (unsigned layer = 1; layer <= resume->layers; layer++)
        if (look_at_layer(resume, layer, err) < 0) {
            resume_release(resume);
            return -1;
        }
    if (resume->count == 0) {
        resume_release(resume);
        return 0;
    }
    journal_sort(resume->entry, resume->count);
    measure(resume);
    *out = resume;
    return 0;
}

uint64_t resume_segment_size(const struct resume *resume)
{
    return resume ? resume->segment_size : 0;
}

uint64_t resume_bytes(const struct resume *resume)
{
    return resume ? resume->bytes : 0;
}

/* The file in the tree of a layer, to be freed; NULL: it is not there as it should be. */
static char *find_file(const struct resume *resume, unsigned layer, uint32_t file,
                       struct fs_info *info)
{
    const struct run *run = resume->run;
    struct strbuf path = { 0 };
    char *text;

    staging_layer_place(run, layer, file, &path);
    text = strbuf_steal(&path);
    if (text && fs_look(text, info, NULL) == 0 && info->kind == FS_FILE &&
        info->size == run->plan.files[file].size)
        return text;
    free(text);
    return NULL;
}

/* The first layer that has it, and what it is there: a run that was taken over had taken
 * it from a later one. */
static unsigned first_layer(const struct resume *resume, uint32_t file, bool has[LAYERS],
                            struct fs_info *info)
{
    unsigned first = NOWHERE;

    for (unsigned layer = resume->layers; layer > 0; layer--) {
        struct fs_info found;
        char *path = resume->ours[layer] ? find_file(resume, layer, file, &found) : NULL;

        has[layer] = path != NULL;
        if (path) {
            first = layer;
            *info = found;
        }
        free(path);
    }
    return first;
}

/* Only where nobody else can have it open for writing, or sees it under another name. The
 * target is in this run's own fresh tree. */
static bool move(const struct resume *resume, unsigned layer, uint32_t file,
                 const struct fs_info *info, const char *to)
{
    struct strbuf from = { 0 };
    bool moved = false;

    if (layer > CLAIM_LAYERS || !resume->gone[layer] || info->links != 1 ||
        !fs_is_mine(info))
        return false;
    staging_layer_place(resume->run, layer, file, &from);
    moved = !from.failed && fs_rename(from.data, to, FS_RENAME_REPLACE, NULL) == 0;
    strbuf_release(&from);
    return moved;
}

bool resume_place(struct resume *resume, uint32_t file, const char *path)
{
    bool has[LAYERS] = { false }, placed = false;
    size_t count = 0;
    struct journal_entry *entry = resume ? entries_of(resume, file, &count) : NULL;
    struct fs_info info = { 0 };
    unsigned first;

    if (!entry)
        return false;
    first = first_layer(resume, file, has, &info);
    placed = move(resume, first, file, &info, path);
    for (size_t i = 0; i < count; i++) {
        unsigned layer = has[entry[i].layer] ? entry[i].layer : first;

        entry[i].layer = placed && layer == first ? 0 : layer;
        if (layer == NOWHERE)
            entry[i].len = 0; /* matches no segment */
    }
    return placed;
}

static void note_held(struct resume *resume, uint32_t segment,
                      const struct journal_entry *entry)
{
    resume->of[segment] = entry ? (size_t)(entry - resume->entry) + 1 : 0;
}

int resume_settle(struct resume *resume, struct err *err)
{
    const struct segments *segments;

    if (!resume)
        return 0;
    segments = &resume->run->segments;
    resume->of = calloc(segments->count + (size_t)1, sizeof(*resume->of));
    if (!resume->of)
        return err_memory(err, "the data of earlier runs");
    for (uint32_t f = 0; f < resume->run->plan.nfiles; f++) {
        size_t count;
        struct journal_entry *entry = entries_of(resume, f, &count);

        for (uint32_t s = segments->first[f]; entry && s < segments->first[f + 1]; s++)
            note_held(resume, s, journal_find(entry, count, segment_range(segments, s)));
    }
    return 0;
}

bool resume_held(const struct resume *resume, uint32_t segment, struct msg_item *item)
{
    const struct journal_entry *entry;

    if (!resume || resume->of[segment] == 0)
        return false;
    entry = &resume->entry[resume->of[segment] - 1];
    item->flags |= MSG_ITEM_HELD;
    item->layer = entry->layer;
    item->checksum = entry->sum;
    return true;
}

void resume_forget(struct resume *resume, uint32_t segment)
{
    if (resume && resume->of)
        resume->of[segment] = 0;
}

void resume_release(struct resume *resume)
{
    if (!resume)
        return;
    free(resume->entry);
    free(resume->of);
    free(resume);
}
