#include "app/holdings.h"

#include <stdlib.h>
#include <string.h>

#include "fetch/recheck.h"
#include "ranks/background.h"
#include "ranks/fan.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "ranks/wants.h"
#include "staging/staging.h"

static const uint16_t NOBODY = UINT16_MAX;

struct holdings {
    struct session *s;
    /* Keeper: what it has. */
    bool *good;    /* of each segment: a former run left it */
    uint64_t *sum; /* of each segment: its checksum, if it was read */
    struct recheck recheck;
    unsigned round;
    /* Of each file: the node that reads it in this round because others lack it, or NOBODY;
     * and, on rank 0, that did so last, and whether it has it as it was. */
    uint16_t *reader, *read_by;
    bool *summed;
    /* Rank 0, of each node: a bit for each file that it has; NULL: none. */
    uint8_t **has;
    uint16_t *holders; /* of each file: how many nodes have it */
};

static size_t bits(const struct holdings *h)
{
    return (h->s->run.plan.nfiles + 7) / 8;
}

static bool has_bit(const uint8_t *bytes, size_t i)
{
    return bytes && (bytes[i / 8] >> (i % 8)) & 1;
}

static bool takes_part(const struct run *run)
{
    return run->keeper && !run->nodes.out;
}

static int open_lists(struct holdings *h, struct err *err)
{
    struct run *run = &h->s->run;
    size_t segments = run->segments.count + (size_t)1, files = run->plan.nfiles + 1;

    h->good = calloc(segments, sizeof(*h->good));
    h->sum = calloc(segments, sizeof(*h->sum));
    h->reader = malloc(files * sizeof(*h->reader));
    h->read_by = malloc(files * sizeof(*h->read_by));
    h->summed = calloc(files, sizeof(*h->summed));
    h->has = calloc((size_t)nodes_count(&run->ranks), sizeof(*h->has));
    h->holders = calloc(files, sizeof(*h->holders));
    if (!h->good || !h->sum || !h->reader || !h->read_by || !h->summed || !h->has ||
        !h->holders)
        return err_memory(err, "the list of files");
    memset(h->read_by, 0xff, files * sizeof(*h->read_by));
    memset(h->reader, 0xff, files * sizeof(*h->reader));
    return 0;
}

static void close_lists(struct holdings *h)
{
    for (int i = 0; h->has && i < nodes_count(&h->s->run.ranks); i++)
        free(h->has[i]);
    recheck_close(&h->recheck);
    free(h->good);
    free(h->sum);
    free(h->reader);
    free(h->read_by);
    free(h->summed);
    free(h->has);
    free(h->holders);
}

/* --- which files each node has */

static int take_files(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct holdings *h = arg;
    struct run *run = &h->s->run;
    uint8_t *kept;

    if (len != bits(h))
        return len == 0 ? 0
                        : err_set(err, ERR_DEFECT,
                                  "rank %d runs a different build of mpifetch", rank);
    kept = malloc(len + 1);
    if (!kept)
        return err_memory(err, "the list of files");
    memcpy(kept, bytes, len);
    h->has[nodes_of(&run->ranks, rank)] = kept;
    for (size_t i = 0; i < run->plan.nfiles; i++)
        h->holders[i] += has_bit(kept, i);
    return 0;
}

static int gather_files(struct holdings *h, struct err *err)
{
    struct run *run = &h->s->run;
    uint8_t *mine = calloc(bits(h) + 1, 1);
    size_t len = 0;
    int rc = mine ? 0 : err_memory(err, "the list of files");

    for (size_t i = 0; mine && takes_part(run) && i < run->plan.nfiles; i++)
        if (run->existing[i].there) {
            mine[i / 8] |= (uint8_t)(1u << (i % 8));
            len = bits(h);
        }
    if (agree_gather(&run->ranks, MSG_SEEN, mine, len, take_files, h, err) < 0)
        rc = -1;
    free(mine);
    return agree_step(&run->ranks, rc, err);
}

/* --- who reads them, to know the checksums */

/* One of the nodes that have the file, each in its turn. */
static uint16_t choose(const struct holdings *h, size_t file)
{
    int nodes = nodes_count(&h->s->run.ranks);
    unsigned turn = (unsigned)(file % h->holders[file]);

    for (int i = 0; i < nodes; i++)
        if (has_bit(h->has[i], file) && turn-- == 0)
            return (uint16_t)i;
    return NOBODY;
}

/* Some node has the file, and another one wants it. */
static bool is_asked_for(const struct holdings *h, size_t file)
{
    const struct run *run = &h->s->run;

    for (int i = 0; h->holders[file] > 0 && i < nodes_count(&run->ranks); i++)
        if (!run->nodes.failed[i] && wants_of(run, i, file) && !has_bit(h->has[i], file))
            return true;
    return false;
}

/* The node does not have it, or not as it was. */
static void strike(struct holdings *h, int node, size_t file)
{
    if (!has_bit(h->has[node], file))
        return;
    h->has[node][file / 8] &= (uint8_t) ~(1u << (file % 8));
    h->holders[file]--;
}

static void strike_failed(struct holdings *h)
{
    const struct run *run = &h->s->run;

    for (int node = 0; node < nodes_count(&run->ranks); node++)
        for (size_t i = 0; run->nodes.failed[node] && i < run->plan.nfiles; i++)
            strike(h, node, i);
}

/* Of what some have and others lack: in the first round all, then what the reader of the
 * round before does not have after all. */
static bool choose_readers(struct holdings *h)
{
    const struct run *run = &h->s->run;
    bool any = false;

    strike_failed(h);
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        if (h->read_by[i] != NOBODY && !h->summed[i])
            strike(h, h->read_by[i], i);
        h->reader[i] = NOBODY;
        if (h->summed[i] || run->plan.files[i].size == 0 || !is_asked_for(h, i))
            continue;
        h->reader[i] = h->read_by[i] = choose(h, i);
        any = true;
    }
    return any;
}

/* 1: somebody reads; 0: nobody. */
static int share_readers(struct holdings *h, struct err *err)
{
    struct run *run = &h->s->run;
    size_t bytes_most = run->plan.nfiles * sizeof(*h->reader);
    struct strbuf bytes = { 0 };
    bool any;
    int rc;

    if (run->ranks.rank == 0 && choose_readers(h))
        strbuf_add(&bytes, h->reader, bytes_most);
    rc = agree_share(&run->ranks, &bytes, err);
    any = bytes.len > 0 && bytes.len == bytes_most;
    if (rc == 0 && any)
        memcpy(h->reader, bytes.data, bytes.len);
    strbuf_release(&bytes);
    rc = agree_step(&run->ranks, rc, err);
    return rc == 0 ? any : rc;
}

/* --- a keeper reads: in the first round what former runs left, then files */

static bool reads(const struct holdings *h, size_t file)
{
    return h->reader[file] == (uint16_t)nodes_of(&h->s->run.ranks, h->s->run.ranks.rank);
}

/* Nobody has read it since it was published: its size and its time say nothing of a disk
 * that returns other bytes. */
static int read_file(struct holdings *h, size_t file, const struct pool *pool,
                     struct err *err)
{
    struct run *run = &h->s->run;
    struct existing_file *known = run->existing + file;
    uint8_t sha256[32];

    if (!reads(h, file))
        return 0;
    if (recheck_file(run, (uint32_t)file, pool, h->sum, sha256, err) < 0)
        return -1;
    return memcmp(sha256, known->sha256, sizeof(sha256)) == 0
               ? 0
               : staging_give_up(run, (uint32_t)file, known, err);
}

static size_t count_parts(const struct holdings *h)
{
    return h->round == 0 ? h->recheck.count : 0;
}

static int read_part(void *arg, size_t i, const struct pool *pool, struct err *err)
{
    struct holdings *h = arg;

    return i < count_parts(h) ? recheck_one(&h->recheck, i, pool, err)
                              : read_file(h, i - count_parts(h), pool, err);
}

static int read_mine(void *arg, struct err *err)
{
    struct holdings *h = arg;
    struct run *run = &h->s->run;

    if (h->round == 0 && recheck_open(&h->recheck, run, h->sum, h->good, err) < 0)
        return -1;
    return fan_out(&run->ranks, count_parts(h) + run->plan.nfiles, read_part, h, err);
}

/* --- what comes of it */

static int add_run(struct run *run, int node, uint32_t first, uint32_t count,
                   struct err *err)
{
    struct run_nodes *nodes = &run->nodes;
    struct run_holding *last =
        nodes->holdings > 0 ? &nodes->holding[nodes->holdings - 1] : NULL;
    struct run_holding *grown;

    if (count == 0)
        return 0;
    if (last && last->node == (uint32_t)node && last->first + last->count == first) {
        last->count += count;
        return 0;
    }
    /* Room for as many again at each power of two. */
    if (!nodes->holding || (nodes->holdings & (nodes->holdings - 1)) == 0) {
        size_t room = nodes->holdings ? 2 * nodes->holdings : 1;

        grown = realloc(nodes->holding, room * sizeof(*grown));
        if (!grown)
            return err_memory(err, "the list of segments");
        nodes->holding = grown;
    }
    nodes->holding[nodes->holdings++] =
        (struct run_holding){ (uint32_t)node, first, count };
    return 0;
}

/* first, count, and a checksum each. */
struct summed {
    uint32_t first, count;
};

/* It was found in this round. */
static bool is_found(const struct holdings *h, uint32_t segment)
{
    uint32_t file = h->s->run.segments.file[segment];

    return (h->round == 0 && h->good[segment]) ||
           (reads(h, file) && h->s->run.existing[file].there);
}

static void pack_sums(const struct holdings *h, struct strbuf *bytes)
{
    const struct segments *segments = &h->s->run.segments;
    uint32_t end;

    for (uint32_t s = 0; s < segments->count; s = end) {
        struct summed part = { .first = s };

        end = s;
        while (end < segments->count && is_found(h, end))
            end++;
        part.count = end - s;
        if (part.count > 0) {
            strbuf_add(bytes, &part, sizeof(part));
            strbuf_add(bytes, h->sum + s, part.count * sizeof(*h->sum));
        } else
            end++;
    }
}

static void note_summed(struct holdings *h, int node, uint32_t first, uint32_t count)
{
    const uint32_t *file = h->s->run.segments.file;

    for (uint32_t s = first; s < first + count; s++)
        h->summed[file[s]] |= h->read_by[file[s]] == (uint16_t)node;
}

static int take_sums(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct holdings *h = arg;
    struct run *run = &h->s->run;
    const char *at = bytes, *end = at + len;
    struct summed part;

    while ((size_t)(end - at) >= sizeof(part)) {
        memcpy(&part, at, sizeof(part));
        at += sizeof(part);
        if (part.first > run->segments.count ||
            part.count > run->segments.count - part.first ||
            part.count * sizeof(*h->sum) > (size_t)(end - at))
            return err_set(err, ERR_DEFECT, "rank %d runs a different build of mpifetch",
                           rank);
        memcpy(run->nodes.sum + part.first, at, part.count * sizeof(*h->sum));
        at += part.count * sizeof(*h->sum);
        note_summed(h, nodes_of(&run->ranks, rank), part.first, part.count);
        if (add_run(run, nodes_of(&run->ranks, rank), part.first, part.count, err) < 0)
            return -1;
    }
    return 0;
}

/* Files that all have need no checksum; of the others it is known by now. */
static int add_files(struct holdings *h, struct err *err)
{
    struct run *run = &h->s->run;
    const uint32_t *first = run->segments.first;

    for (int node = 0; node < nodes_count(&run->ranks); node++)
        for (size_t i = 0; h->has[node] && i < run->plan.nfiles; i++)
            if (has_bit(h->has[node], i) && h->read_by[i] != (uint16_t)node &&
                add_run(run, node, first[i], first[i + 1] - first[i], err) < 0)
                return -1;
    return 0;
}

static int gather_sums(struct holdings *h, struct err *err)
{
    struct run *run = &h->s->run;
    struct strbuf bytes = { 0 };
    int rc = 0;

    if (run->ranks.rank == 0 && !run->nodes.sum) {
        run->nodes.sum = calloc(run->segments.count + (size_t)1, sizeof(*h->sum));
        rc = run->nodes.sum ? 0 : err_memory(err, "the list of segments");
    }
    if (agree_step(&run->ranks, rc, err) < 0)
        return -1;
    if (takes_part(run))
        pack_sums(h, &bytes);
    if (bytes.failed)
        rc = err_memory(err, "the list of segments");
    if (agree_gather(&run->ranks, MSG_SEEN, bytes.data, bytes.len, take_sums, h, err) < 0)
        rc = -1;
    strbuf_release(&bytes);
    return agree_step(&run->ranks, rc, err);
}

/* For the keeper of another node, which proves them. */
static int keep_mine(struct holdings *h, struct err *err)
{
    struct run *run = &h->s->run;
    int node = nodes_of(&run->ranks, run->ranks.rank);

    if (!takes_part(run))
        return 0;
    for (uint32_t s = 0; s < run->segments.count; s++)
        if (h->good[s])
            h->s->resumed += segment_bytes(&run->segments, s);
    if (run->ranks.rank == 0)
        return 0;
    for (uint32_t s = 0; s < run->segments.count; s++)
        if ((h->good[s] || run->existing[run->segments.file[s]].there) &&
            add_run(run, node, s, 1, err) < 0)
            return -1;
    return 0;
}

/* 1: others may have to read what readers of this round do not have after all. */
static int read_round(struct holdings *h, struct err *err)
{
    struct run *run = &h->s->run;
    int some = share_readers(h, err);

    if (some < 0 || (some == 0 && h->round > 0))
        return some;
    if (outcome_step(run,
                     takes_part(run) ? background_run(&run->ranks, read_mine, h, err) : 0,
                     err) < 0 ||
        gather_sums(h, err) < 0)
        return -1;
    h->round++;
    return some;
}

static int settle(struct holdings *h, struct err *err)
{
    struct run *run = &h->s->run;
    int rc = 0;

    if (run->ranks.rank == 0) {
        strike_failed(h);
        rc = add_files(h, err);
    }
    return agree_step(&run->ranks, rc < 0 ? rc : keep_mine(h, err), err);
}

int holdings_find(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct holdings h = { .s = s };
    int rc = agree_step(&run->ranks, open_lists(&h, err), err);

    if (rc == 0)
        rc = gather_files(&h, err);
    if (rc == 0)
        while ((rc = read_round(&h, err)) > 0)
            ;
    if (rc == 0)
        rc = settle(&h, err);
    close_lists(&h);
    return rc;
}
