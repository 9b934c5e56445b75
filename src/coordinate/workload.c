#include "coordinate/workload.h"

#include "coordinate/mismatch.h"
#include "resume/resume.h"

/* What a former run left has one checksum, so it is granted as it is. */
static void tie_held(const struct dispatch *dispatch, uint32_t file)
{
    const uint32_t *first = dispatch->run->segments.first;
    struct msg_item item = { 0 };

    for (uint32_t s = first[file]; s < first[file + 1]; s++)
        if (resume_held(dispatch->resume, s, &item)) {
            sched_tie(dispatch->sched, s, item.segments);
            s += item.segments - 1;
        }
}

/* It is not to be fetched: it exists; or with --per-node, some node has all of it. */
static bool is_there(const struct digests *digests, uint32_t file)
{
    const uint32_t *first = digests->dispatch->run->segments.first;

    if (!digests->spreading)
        return digests->existing[file].there;
    for (uint32_t s = first[file]; s < first[file + 1]; s++)
        if (spreading_lacks(digests->spreading, s))
            return false;
    return first[file] < first[file + 1];
}

static uint64_t missing_of(const struct digests *digests, uint32_t file)
{
    const struct segments *segments = &digests->dispatch->run->segments;
    uint64_t bytes = 0;

    for (uint32_t s = segments->first[file]; s < segments->first[file + 1]; s++)
        if (!digests->spreading || spreading_lacks(digests->spreading, s))
            bytes += segment_bytes(segments, s);
    return bytes;
}

static void take_existing(const struct digests *digests, uint32_t file)
{
    const struct dispatch *dispatch = digests->dispatch;
    const uint32_t *first = dispatch->run->segments.first;

    if (!digests->spreading)
        relay_skip(dispatch->relay, file);
    for (uint32_t s = first[file]; s < first[file + 1]; s++)
        sched_have(dispatch->sched, s);
}

int workload_take(struct workload *workload, struct digests *digests, struct err *err)
{
    const struct run *run = digests->dispatch->run;
    uint8_t sha256[32];

    *workload = (struct workload){ 0 };
    for (uint32_t f = 0; f < run->plan.nfiles; f++) {
        bool wrong;

        if (is_there(digests, f)) {
            take_existing(digests, f);
            continue;
        }
        workload->files++;
        workload->bytes += missing_of(digests, f);
        tie_held(digests->dispatch, f);
        if (run->plan.files[f].size > 0)
            continue;
        if (mismatch_empty(run, f, sha256, &wrong, err) < 0 ||
            digests_hear(digests, f, sha256, wrong, -1, err) < 0)
            return -1;
    }
    return 0;
}
