#include "fetch/proof.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/sums.h"
#include "io/sha256.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "ranks/wants.h"
#include "staging/staging.h"

static bool is_set(const uint8_t *bits, uint32_t at)
{
    return bits[at / 8] & 1u << at % 8;
}

static void set(uint8_t *bits, uint32_t at)
{
    bits[at / 8] = (uint8_t)(bits[at / 8] | 1u << at % 8);
}

static void clear(uint8_t *bits, uint32_t at)
{
    bits[at / 8] = (uint8_t)(bits[at / 8] & ~(1u << at % 8));
}

static const struct digest *want_of(const struct proof *proof, uint32_t file)
{
    return &proof->run->plan.files[file].want;
}

static bool is_one_segment(const struct proof *proof, uint32_t file)
{
    return segments_of(&proof->run->segments, file) == 1;
}

static int note_proved(struct proof *proof, uint32_t file, const uint8_t sha256[32],
                       bool wrong, struct err *err)
{
    set(proof->proved, file);
    if (!wrong)
        memcpy(proof->existing[file].sha256, sha256, 32);
    return proof_mail_proved(&proof->mail, file, sha256, wrong, err);
}

/* By the checksums of its segments alone. */
static void note_announced(struct proof *proof, uint32_t file)
{
    set(proof->proved, file);
    memcpy(proof->existing[file].sha256, want_of(proof, file)->bytes, 32);
}

static int note_hashed(void *arg, uint32_t file, const uint8_t sha256[32], bool wrong,
                       struct err *err)
{
    return note_proved(arg, file, sha256, wrong, err);
}

/* --- files of several segments, by the ranks of the node */

static struct proof_mate *idle_mate(struct proof *proof)
{
    struct proof_mate *least = &proof->mate[0];

    for (int i = 1; i < proof->nmates; i++)
        if (proof->mate[i].orders < least->orders)
            least = &proof->mate[i];
    return least->orders < PROOF_ORDERS ? least : NULL;
}

static int give_orders(struct proof *proof, struct err *err)
{
    uint64_t most = PROOF_ORDER / proof->run->segments.size;
    struct proof_mate *mate;
    struct relay_job job;

    while ((mate = idle_mate(proof)) &&
           relay_next(proof->relay, most > 0 ? (uint32_t)most : 1, &job)) {
        const struct msg msg = { .kind = MSG_HASH,
                                 .segment = job.segment,
                                 .segments = job.count,
                                 .midstate = job.from };

        mate->orders++;
        if (mail_send(&proof->run->ranks, mate->rank, &msg, err) < 0)
            return -1;
    }
    return 0;
}

int proof_hashed(struct proof *proof, int from, const struct msg *msg, struct err *err)
{
    const struct segments *segments = &proof->run->segments;
    const struct digest *want;
    uint32_t file;

    if (msg->segment >= segments->count)
        return err_set(err, ERR_DEFECT, "rank %d hashed segment %u, which does not exist",
                       from, (unsigned)msg->segment);
    for (int i = 0; i < proof->nmates; i++)
        if (proof->mate[i].rank == from && proof->mate[i].orders > 0)
            proof->mate[i].orders--;
    if (relay_advance(proof->relay, msg->segment, &msg->midstate) != RELAY_DONE)
        return 0;
    file = segments->file[msg->segment];
    want = want_of(proof, file);
    return note_proved(
        proof, file, msg->sha256,
        want->kind == DIGEST_SHA256 && memcmp(want->bytes, msg->sha256, 32) != 0, err);
}

/* --- what comes and goes */

static bool is_whole(const struct proof *proof, uint32_t file)
{
    const struct segments *segments = &proof->run->segments;

    for (uint32_t s = segments->first[file]; s < segments->first[file + 1]; s++)
        if (!is_set(proof->here, s))
            return false;
    return true;
}

static bool exist(const struct proof *proof, uint32_t first, uint32_t count)
{
    uint32_t all = proof->run->segments.count;

    return count > 0 && first < all && count <= all - first;
}

static int refuse(const char *what, uint32_t segment, struct err *err)
{
    return err_set(err, ERR_DEFECT, "%s of segment %u, which does not exist", what,
                   (unsigned)segment);
}

static int hash_whole(struct proof *proof, uint32_t file, struct err *err)
{
    if (nodes_prove(proof->run, file))
        return whole_hash_add(&proof->whole, file, err);
    note_announced(proof, file);
    return 0;
}

/* Neighbours of that file. */
static int got_of_file(struct proof *proof, uint32_t file, uint32_t first, uint32_t end,
                       struct err *err)
{
    if (is_set(proof->proved, file))
        return 0;
    if (is_one_segment(proof, file)) {
        if (is_set(proof->here, first))
            return 0;
        set(proof->here, first);
        return hash_whole(proof, file, err);
    }
    for (; first < end; first++) {
        set(proof->here, first);
        relay_stored(proof->relay, first, 0);
    }
    if (!nodes_prove(proof->run, file) && is_whole(proof, file))
        note_announced(proof, file);
    return 0;
}

int proof_got(struct proof *proof, uint32_t first, uint32_t count, struct err *err)
{
    const struct segments *segments = &proof->run->segments;
    uint32_t end = first + count, next;

    if (!exist(proof, first, count))
        return refuse("news", first, err);
    for (; first < end; first = next) {
        uint32_t file = segments->file[first];

        next = segments->first[file + 1] < end ? segments->first[file + 1] : end;
        if (got_of_file(proof, file, first, next, err) < 0)
            return -1;
    }
    return 0;
}

int proof_landed(struct proof *proof, const struct msg *msg, struct err *err)
{
    for (uint32_t i = 0; i < msg->nitems; i++) {
        const struct msg_item *item = &msg->item[i];
        uint32_t file;

        if (!exist(proof, item->segment, item->segments))
            return refuse("news", item->segment, err);
        if (item->flags & MSG_ITEM_BAD)
            continue; /* rank 0 has it fetched again */
        if (!(item->flags & MSG_ITEM_DIGEST)) {
            if (proof_got(proof, item->segment, item->segments, err) < 0)
                return -1;
            continue;
        }
        file = proof->run->segments.file[item->segment];
        /* Its server cuts no ranges after all. */
        if (!is_one_segment(proof, file))
            proof->run->plan.files[file].flags |= PLAN_WHOLE;
        set(proof->here, item->segment);
        if (!is_set(proof->proved, file) &&
            note_proved(proof, file, item->sha256, false, err) < 0)
            return -1;
    }
    return 0;
}

/* From the start, with what is here still. */
static void begin_anew(struct proof *proof, uint32_t file)
{
    const struct segments *segments = &proof->run->segments;

    if (!wants_file(proof->run, file))
        return;
    clear(proof->proved, file);
    whole_hash_drop(&proof->whole, file);
    if (is_one_segment(proof, file) || !nodes_prove(proof->run, file))
        return;
    relay_restart(proof->relay, file);
    for (uint32_t s = segments->first[file]; s < segments->first[file + 1]; s++)
        if (is_set(proof->here, s))
            relay_stored(proof->relay, s, 0);
}

/* It was there before the run, and is not what it was. */
static int give_up(struct proof *proof, uint32_t file, struct err *err)
{
    if (wants_file(proof->run, file))
        clear(proof->proved, file);
    return staging_give_up(proof->run, file, &proof->existing[file], err);
}

/* All of it is lost then, of which nobody has asked. */
static int forget_known(struct proof *proof, uint32_t file, struct err *err)
{
    const struct segments *segments = &proof->run->segments;

    return give_up(proof, file, err) < 0
               ? -1
               : proof_mail_lost(&proof->mail, segments->first[file],
                                 segments_of(segments, file), err);
}

int proof_forgot(struct proof *proof, uint32_t segment, struct err *err)
{
    uint32_t file = proof->run->segments.file[segment];

    if (proof->existing[file].there)
        return forget_known(proof, file, err) < 0 ? -1 : 1;
    if (!is_set(proof->here, segment))
        return 1;
    clear(proof->here, segment);
    begin_anew(proof, file);
    return 0;
}

/* --- what is wrong with a file */

static uint32_t count_runs(uint32_t count, const bool *differs)
{
    uint32_t runs = 0;

    for (uint32_t i = 0; i < count; i++)
        runs += differs[i] && (i == 0 || !differs[i - 1]);
    return runs;
}

/* The checksums are those of bytes that had the right digest. */
static int confirm_known(struct proof *proof, uint32_t file, struct err *err)
{
    const struct segments *segments = &proof->run->segments;

    if (proof_mail_answer(&proof->mail, segments->first[file],
                          segments_of(segments, file), err) < 0)
        return -1;
    return nodes_prove(proof->run, file) && wants_file(proof->run, file)
               ? proof_mail_proved(&proof->mail, file, proof->existing[file].sha256,
                                   false, err)
               : 0;
}

/* What remains is hashed once more. differs: NULL for all. */
static int forget_differing(void *arg, uint32_t first, uint32_t count,
                            const bool *differs, struct err *err)
{
    struct proof *proof = arg;
    /* One message is the answer. */
    uint32_t runs = differs ? count_runs(count, differs) : 1;
    uint32_t file = proof->run->segments.file[first];
    bool known = proof->existing[file].there, all = !differs || runs > MSG_ITEMS || known;

    if (known && runs == 0)
        return confirm_known(proof, file, err);
    if (known && give_up(proof, file, err) < 0)
        return -1;

    for (uint32_t i = 0; i < count; i++) {
        if (!all && !differs[i])
            continue;
        clear(proof->here, first + i);
        proof_mail_forgot(&proof->mail, first + i);
    }
    begin_anew(proof, file);
    if (proof_mail_answer(&proof->mail, first, count, err) < 0)
        return -1;
    return is_one_segment(proof, file) && is_set(proof->here, first)
               ? hash_whole(proof, file, err)
               : 0;
}

int proof_lack(struct proof *proof, const struct msg *msg, struct err *err)
{
    const struct segments *segments = &proof->run->segments;

    if (!exist(proof, msg->segment, msg->segments) ||
        msg->segments > segments->first[segments->file[msg->segment] + 1] - msg->segment)
        return refuse("a doubt", msg->segment, err);
    return sums_count(msg->blob_len) == msg->segments
               ? doubts_add(&proof->doubts, msg->segment, msg->segments, msg->blob, err)
               : forget_differing(proof, msg->segment, msg->segments, NULL, err);
}

/* --- its life */

int proof_step(struct proof *proof, struct err *err)
{
    return whole_hash_step(&proof->whole, err) < 0 || give_orders(proof, err) < 0
               ? -1
               : proof_mail_send(&proof->mail, err);
}

static int find_mates(struct proof *proof, struct err *err)
{
    const struct ranks *ranks = &proof->run->ranks;
    int node = nodes_of(ranks, ranks->rank);

    proof->mate = calloc((size_t)ranks->size, sizeof(*proof->mate));
    if (!proof->mate)
        return err_memory(err, "the ranks of a node");
    for (int rank = 0; rank < ranks->size; rank++)
        if (nodes_of(ranks, rank) == node)
            proof->mate[proof->nmates++].rank = rank;
    return 0;
}

/* What is there already was proved, by this run or a former one. */
static int settle_known(struct proof *proof, struct err *err)
{
    const struct run *run = proof->run;

    for (uint32_t file = 0; file < run->plan.nfiles; file++) {
        if (run->plan.files[file].size == 0) /* rank 0 has compared it */
            sha256_bytes("", 0, proof->existing[file].sha256);
        if (!nodes_prove(proof->run, file) || !wants_file(run, file))
            relay_skip(proof->relay, file);
        /* Who wants it proves it. */
        if (!wants_file(run, file)) {
            set(proof->proved, file);
            continue;
        }
        if (!proof->existing[file].there)
            continue;
        set(proof->proved, file);
        if (run->plan.files[file].size > 0 && nodes_prove(proof->run, file) &&
            proof_mail_proved(&proof->mail, file, proof->existing[file].sha256, false,
                              err) < 0)
            return -1;
    }
    return 0;
}

int proof_open(struct proof *proof, struct run *run, const struct store *store,
               struct pool *pool, struct existing_file *existing, struct err *err)
{
    *proof = (struct proof){
        .run = run,
        .existing = existing,
        .whole = { .store = store, .pool = pool, .found = note_hashed, .arg = proof },
        .doubts = { .store = store,
                    .pool = pool,
                    .found = forget_differing,
                    .arg = proof },
        .mail = { .run = run },
    };
    proof->here = calloc(run->segments.count / 8 + 1, 1);
    proof->proved = calloc(run->plan.nfiles / 8 + 1, 1);
    if (!proof->here || !proof->proved)
        return err_memory(err, "the list of files to hash");
    return relay_create(&proof->relay, &run->segments, err) < 0 ||
                   find_mates(proof, err) < 0
               ? -1
               : settle_known(proof, err);
}

void proof_release(struct proof *proof)
{
    whole_hash_release(&proof->whole);
    doubts_release(&proof->doubts);
    relay_destroy(proof->relay);
    free(proof->here);
    free(proof->proved);
    free(proof->mate);
    *proof = (struct proof){ 0 };
}
