#include "coordinate/digests.h"

#include <stdlib.h>
#include <string.h>

#include "coordinate/mismatch.h"
#include "coordinate/nearby.h"

int digests_init(struct digests *digests, struct dispatch *dispatch,
                 struct recovery *recovery, struct spreading *spreading,
                 struct existing_file *existing, struct err *err)
{
    *digests = (struct digests){ .dispatch = dispatch,
                                 .recovery = recovery,
                                 .spreading = spreading,
                                 .existing = existing };
    digests->refetched = calloc(dispatch->run->plan.nfiles + 1, 1);
    digests->known = calloc(dispatch->run->plan.nfiles + 1, 1);
    return digests->refetched && digests->known
               ? 0
               : err_memory(err, "the digests of all files");
}

void digests_release(struct digests *digests)
{
    free(digests->refetched);
    free(digests->known);
    *digests = (struct digests){ 0 };
}

/* Fetch the file once more, all of it, since nobody can tell which part it was. */
static int fetch_again(struct digests *digests, uint32_t file, const uint8_t sha256[32],
                       int rank, struct err *err)
{
    const struct dispatch *dispatch = digests->dispatch;
    struct run *run = dispatch->run;
    uint32_t count = segments_of(&run->segments, file);

    if (!nearby_drop(run, file)) {
        if (digests->refetched[file])
            return mismatch(run, file, sha256, err);
        digests->refetched[file] = 1;
    }
    log_line(&run->ranks.log, LOG_WARN, "'%s' has the wrong digest: fetching it again",
             plan_path(&run->plan, file));
    if (digests->spreading && count > 1) {
        spreading_recall(digests->spreading, file);
        return 0;
    }
    if (count > 1)
        relay_restart(dispatch->relay, file);
    recovery_restart(digests->recovery, file);
    sched_restart(dispatch->sched, run->segments.first[file], count, rank);
    return 0;
}

/* Without an announced one it is compared with the record of the run that fetched the file,
 * if there is one. */
int digests_hear(struct digests *digests, uint32_t file, const uint8_t sha256[32],
                 bool bad, int rank, struct err *err)
{
    const struct run *run = digests->dispatch->run;
    struct existing_file *existing = &digests->existing[file];

    if (run->mode == RUN_REHASH && run->plan.files[file].want.kind == DIGEST_NONE)
        bad = memcmp(sha256, existing->sha256, 32) != 0;
    bad |= nearby_differs(run, file, sha256);
    if (bad && run->mode != RUN_REHASH)
        return fetch_again(digests, file, sha256, rank, err);
    if (bad)
        existing->wrong = true;
    else
        memcpy(existing->sha256, sha256, 32);
    digests->done += !digests->known[file];
    digests->known[file] = 1;
    locator_forget(digests->dispatch->locator, file);
    return 0;
}
