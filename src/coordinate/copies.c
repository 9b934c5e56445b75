#include "coordinate/copies.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "ranks/nodes.h"
#include "ranks/wants.h"

static const struct segments *segments_in(const struct copies *copies)
{
    return &copies->dispatch->run->segments;
}

int copies_open(struct copies *copies, struct dispatch *dispatch, struct spread *spread,
                const struct proofs *proofs, const struct demand *demand, struct err *err)
{
    int nodes = nodes_count(&dispatch->run->ranks);

    *copies = (struct copies){
        .dispatch = dispatch, .spread = spread, .proofs = proofs, .demand = demand
    };
    copies->unwanted = calloc(dispatch->run->plan.nfiles + 1, sizeof(*copies->unwanted));
    copies->stored = calloc((size_t)dispatch->run->segments.count + 1, 1);
    copies->fenced =
        calloc((size_t)dispatch->run->segments.count + 1, sizeof(*copies->fenced));
    copies->complete = calloc((size_t)nodes, sizeof(*copies->complete));
    return copies->unwanted && copies->stored && copies->fenced && copies->complete
               ? 0
               : err_memory(err, "what the nodes have");
}

void copies_release(struct copies *copies)
{
    free(copies->unwanted);
    free(copies->stored);
    free(copies->fenced);
    free(copies->complete);
    *copies = (struct copies){ 0 };
}

static void have(struct copies *copies, int node, uint32_t first, uint32_t count)
{
    spread_have(copies->spread, node, first, count);
    if (copies->complete[node] == 0 && spread_complete(copies->spread, node))
        copies->complete[node] = clock_now();
}

/* What was to be hashed for all by a rank that does not have it any more: by a keeper that
 * does. */
static void find_hashers(struct copies *copies, uint32_t first, uint32_t count)
{
    struct relay *relay = copies->dispatch->relay;

    for (uint32_t i = first; i < first + count; i++) {
        int node = relay_lacks(relay, i) ? spread_holder(copies->spread, i) : -1;

        if (node >= 0)
            relay_stored(relay, i, nodes_keeper(&copies->dispatch->run->ranks, node));
    }
}

void copies_stored(struct copies *copies, int node, uint32_t first, uint32_t count)
{
    memset(copies->stored + first, 1, count);
    have(copies, node, first, count);
}

/* Of what is recalled it says that it forgot it next. */
void copies_got(struct copies *copies, int node, uint32_t first, uint32_t count)
{
    const struct segments *segments = segments_in(copies);
    uint32_t end = first + count;

    for (uint32_t next, file; first < end; first = next) {
        file = segments->file[first];
        next = segments->first[file + 1] < end ? segments->first[file + 1] : end;
        if (proofs_recalls(copies->proofs, file))
            continue;
        have(copies, node, first, next - first);
        find_hashers(copies, first, next - first);
    }
}

/* What was hashed for all is not what comes instead. */
static void hash_anew(struct copies *copies, uint32_t segment)
{
    const struct segments *segments = segments_in(copies);
    uint32_t file = segments->file[segment];

    if (!nodes_prove(copies->dispatch->run, file) &&
        relay_redo(copies->dispatch->relay, segment))
        find_hashers(copies, segments->first[file], segments_of(segments, file));
}

/* Before all have forgotten what is recalled, they would forget what has come. */
static bool is_lost(const struct copies *copies, uint32_t segment)
{
    uint32_t file = segments_in(copies)->file[segment];

    return copies->stored[segment] && copies_lacks(copies, segment) &&
           !copies->unwanted[file] && !proofs_recalls(copies->proofs, file) &&
           !sched_is_withdrawn(copies->dispatch->sched, file);
}

bool copies_next_lost(struct copies *copies, uint32_t *first, uint32_t *count)
{
    uint32_t all = segments_in(copies)->count, at = *first + *count;

    while (at < all && !is_lost(copies, at))
        at++;
    *first = at;
    for (; at < all && is_lost(copies, at); at++)
        copies->fenced[at] = true;
    *count = at - *first;
    return *count > 0;
}

void copies_fetch_lost(struct copies *copies)
{
    const struct segments *segments = segments_in(copies);
    const uint32_t *file = segments->file;

    for (uint32_t next, first = 0; first < segments->count; first = next) {
        next = first;
        while (next < segments->count && file[next] == file[first] &&
               copies->fenced[next] && is_lost(copies, next))
            copies->stored[next++] = 0;
        if (next > first) {
            hash_anew(copies, first);
            sched_restart(copies->dispatch->sched, first, next - first, -1);
        }
        next += next == first;
    }
    memset(copies->fenced, 0, segments->count * sizeof(*copies->fenced));
}

void copies_lack(struct copies *copies, int node, uint32_t first, uint32_t count)
{
    struct relay *relay = copies->dispatch->relay;

    copies->complete[node] = 0;
    spread_lack(copies->spread, node, first, count);
    for (uint32_t i = first; i < first + count; i++) {
        int rank = relay_owner(relay, i);

        if (rank >= 0 && nodes_of(&copies->dispatch->run->ranks, rank) == node)
            relay_lose(relay, i);
    }
    find_hashers(copies, first, count);
    copies->lost = true;
}

void copies_drop(struct copies *copies)
{
    find_hashers(copies, 0, segments_in(copies)->count);
    copies->lost = true;
}

void copies_whole(struct copies *copies, uint32_t file)
{
    const uint32_t *first = segments_in(copies)->first;

    memset(copies->stored + first[file], 0, first[file + 1] - first[file]);
    spread_whole(copies->spread, file);
}

bool copies_lacks(const struct copies *copies, uint32_t segment)
{
    return demand_has(copies->demand, segments_in(copies)->file[segment]) &&
           !spread_anywhere(copies->spread, segment);
}

uint64_t copies_wanted_by(const struct copies *copies, int node)
{
    const struct run *run = copies->dispatch->run;
    const struct segments *segments = segments_in(copies);
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < segments->count; i++)
        if (wants_of(run, node, segments->file[i]) &&
            demand_is_of_one(copies->demand, segments->file[i]) &&
            copies_lacks(copies, i))
            bytes += segment_bytes(segments, i);
    return bytes;
}

bool copies_exist(const struct copies *copies, uint32_t file)
{
    const uint32_t *first = segments_in(copies)->first;
    uint32_t i = first[file];

    while (i < first[file + 1] && !spread_anywhere(copies->spread, i))
        i++;
    return i < first[file + 1];
}
