#include "fetch/recheck.h"

#include <stdlib.h>

#include "io/fs/blocks.h"
#include "io/fs/fs.h"
#include "resume/journal.h"
#include "resume/resume.h"
#include "staging/local_metadata.h"
#include "staging/staging.h"

static int list_parts(struct recheck *recheck, struct err *err)
{
    const struct run *run = recheck->run;
    uint32_t segments = run->segments.count;

    if (!run->staging.resume)
        return 0;
    recheck->part = calloc(segments + (size_t)1, sizeof(*recheck->part));
    if (!recheck->part)
        return err_memory(err, "the data of earlier runs");
    for (uint32_t s = 0; s < segments;) {
        struct msg_item *item = &recheck->part[recheck->count];

        *item = (struct msg_item){ .segment = s, .segments = 1 };
        recheck->count += resume_held(run->staging.resume, s, item);
        s += item->segments;
    }
    return 0;
}

int recheck_open(struct recheck *recheck, struct run *run, uint64_t *sum, bool *good,
                 struct err *err)
{
    *recheck = (struct recheck){ .run = run, .store = { .run = run } };
    recheck->sum = sum;
    recheck->good = good;
    return list_parts(recheck, err) < 0 ? -1
                                        : journal_open(&recheck->store.journal, run, err);
}

void recheck_close(struct recheck *recheck)
{
    journal_close(recheck->store.journal);
    free(recheck->part);
    *recheck = (struct recheck){ 0 };
}

int recheck_sum(const struct run *run, uint32_t segment, const struct pool *pool,
                uint64_t *sum, struct err *err)
{
    struct range range = segment_range(&run->segments, segment);
    struct blocks in = { .dir = &run->staging.tree,
                         .name = staging_name(run, run->segments.file[segment]),
                         .next = range.begin,
                         .end = range.end,
                         .pool = pool };

    return blocks_sum(&in, sum, err);
}

/* Each rank that lands a file of one segment does so. */
static int finish_file(const struct recheck *recheck, uint32_t file, struct err *err)
{
    const struct run *run = recheck->run;
    struct store_place final;

    if (segments_of(&run->segments, file) > 1)
        return 0;
    store_final(&recheck->store, file, &final);
    if (fs_set_mtime(final.dir, final.name, run->mtime * 1000000000, err) < 0)
        return -1;
    return local_metadata_write_file(run, file, err);
}

static int verify(struct recheck *recheck, const struct msg_item *part,
                  const struct pool *pool, struct err *err)
{
    const struct run *run = recheck->run;

    if (store_recheck(&recheck->store, part->segment, part->segments, part->where,
                      part->checksum, pool, err) < 0)
        return -1;
    /* What the whole of it has is known to be right; others are sent its segments. */
    for (uint32_t s = part->segment; s < part->segment + part->segments; s++)
        if (recheck_sum(run, s, pool, &recheck->sum[s], err) < 0)
            return -1;
    return finish_file(recheck, run->segments.file[part->segment], err);
}

int recheck_one(struct recheck *recheck, size_t i, const struct pool *pool,
                struct err *err)
{
    const struct msg_item *part = &recheck->part[i];
    const struct run *run = recheck->run;
    struct err why = { 0 };

    if (verify(recheck, part, pool, &why) < 0) {
        if (why.code != ERR_SOURCE || why.unsure > 0) {
            journal_doubt(run, &why);
            return err_copy(err, &why);
        }
        log_line(&run->ranks.log, LOG_INFO, "%s: fetching it again", why.text);
        return 0;
    }
    for (uint32_t s = part->segment; s < part->segment + part->segments; s++)
        recheck->good[s] = true;
    journal_note(recheck->store.journal, run, part->segment, part->segments,
                 part->checksum);
    return 0;
}
