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

static struct blocks segment_blocks(const struct run *run, uint32_t segment,
                                    const struct pool *pool)
{
    struct range range = segment_range(&run->segments, segment);

    return (struct blocks){ .dir = &run->staging.tree,
                            .name = staging_name(run, run->segments.file[segment]),
                            .next = range.begin,
                            .end = range.end,
                            .pool = pool };
}

static int hash_segment(struct blocks *in, struct checksum *sum, struct midstate *state,
                        uint8_t *digest, struct err *err)
{
    int rc;

    if (blocks_open(in, err) < 0)
        return -1;
    while ((rc = blocks_next(in, err)) > 0) {
        checksum_feed(sum, in->bytes, in->len);
        if (digest && in->next == in->end)
            sha256_end(state, in->bytes, in->len, digest);
        else
            sha256_blocks(state, in->bytes, in->len);
    }
    blocks_close(in);
    return rc;
}

int recheck_file(const struct run *run, uint32_t file, const struct pool *pool,
                 uint64_t *sum, uint8_t sha256[32], struct err *err)
{
    uint32_t first = run->segments.first[file];
    uint32_t end = first + segments_of(&run->segments, file);
    struct checksum *checksum = checksum_create();
    struct midstate state = midstate_start();
    int rc = checksum ? 0 : err_memory(err, "a checksum");

    for (uint32_t s = first; s < end && rc == 0; s++) {
        struct blocks in = segment_blocks(run, s, pool);

        checksum_restart(checksum);
        rc = hash_segment(&in, checksum, &state, s + 1 == end ? sha256 : NULL, err);
        sum[s] = checksum_value(checksum);
    }
    checksum_destroy(checksum);
    return rc;
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
    for (uint32_t s = part->segment; s < part->segment + part->segments; s++) {
        struct blocks in = segment_blocks(run, s, pool);

        if (blocks_sum(&in, &recheck->sum[s], err) < 0)
            return -1;
    }
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
