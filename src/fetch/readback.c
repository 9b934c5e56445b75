#include "fetch/readback.h"

#include <string.h>

#include "io/fs/blocks.h"
#include "ranks/nodes.h"

/* place: keeps the name as long as it is used. */
static struct blocks blocks_of(const struct store *store, const struct pool *pool,
                               uint32_t segment, uint32_t count,
                               struct store_place *place)
{
    const struct segments *segments = &store->run->segments;
    struct range range = segments_range(segments, segment, count);

    store_final(store, segments->file[segment], place);
    return (struct blocks){ .dir = place->dir,
                            .name = place->name,
                            .next = range.begin,
                            .end = range.end,
                            .pool = pool,
                            .direct = store_direct(store, segment) };
}

int readback_segments(const struct store *store, const struct pool *pool,
                      uint32_t segment, uint32_t count, struct midstate *state,
                      uint8_t *digest, struct err *err)
{
    struct store_place place;
    struct blocks in = blocks_of(store, pool, segment, count, &place);

    return blocks_hash(&in, state, digest, NULL, err);
}

/* One pass over the file for both digests. */
static int hash_both(struct blocks *in, uint64_t size, uint8_t sha256[32],
                     uint8_t sha1[20], struct err *err)
{
    struct midstate state = midstate_start();
    struct git_blob *git = NULL;
    int rc = -1;

    if (git_blob_begin(&git, size, err) < 0 ||
        blocks_hash(in, &state, sha256, git, err) < 0)
        goto out;
    rc = git_blob_end(&git, sha1, err);
out:
    git_blob_destroy(git);
    return rc;
}

int readback_file(const struct store *store, const struct pool *pool, uint32_t file,
                  uint8_t sha256[32], bool *wrong, struct err *err)
{
    const struct plan_file *planned = &store->run->plan.files[file];
    const struct digest *want = &planned->want;
    struct midstate state = midstate_start();
    struct store_place place;
    struct blocks in =
        blocks_of(store, pool, store->run->segments.first[file], 1, &place);
    uint8_t sha1[20];

    if (want->kind == DIGEST_GIT_BLOB) {
        if (hash_both(&in, planned->size, sha256, sha1, err) < 0)
            return -1;
        *wrong = memcmp(sha1, want->bytes, sizeof(sha1)) != 0;
        return 0;
    }
    if (blocks_hash(&in, &state, sha256, NULL, err) < 0)
        return -1;
    *wrong = want->kind == DIGEST_SHA256 && memcmp(sha256, want->bytes, 32) != 0;
    return 0;
}

int readback_differs(const struct store *store, const struct pool *pool, uint32_t segment,
                     uint64_t sum, bool *differs, struct err *err)
{
    struct store_place place;
    struct blocks in = blocks_of(store, pool, segment, 1, &place);
    struct err why = { 0 };
    uint64_t found = 0;
    int rc = blocks_sum(&in, &found, &why);

    if (rc < 0 && why.code == ERR_INTERRUPTED)
        return err_copy(err, &why);
    *differs = rc < 0 || found != sum;
    return 0;
}
