/* Rank 0 over nodes that do what its messages say, with the scheduler, the planner and the
 * proofs as they are. What each node has on its disk is a letter for each segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "coordinate/digests.h"
#include "coordinate/spreading.h"
#include "core/plan/node_map.h"
#include "core/sched/whole.h"
#include "core/state/parcel.h"
#include "core/state/sums.h"
#include "io/mpi/comm.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "ranks/wants.h"

enum { SEEDS = 1000, MIB = 1 << 20, RANKS = 5, NODES = 3, SEGMENTS = 17, FILES = 4 };

/* Ranks 0 and 3 are on node 0, 1 and 4 on node 1, 2 on node 2. */
static const int node_of_rank[RANKS] = { 0, 1, 2, 0, 1 };
static const char *const hosts[NODES] = { "n0", "n1", "n2" };

/* The second has no announced digest, the third is small, the last empty. */
static struct plan_file files[FILES] = {
    { .size = 9 * MIB + 1, .want = { .kind = DIGEST_SHA256, .bytes = "right" } },
    { .size = 6 * MIB },
    { .size = 10, .want = { .kind = DIGEST_SHA256, .bytes = "right" } },
    { .size = 0, .want = { .kind = DIGEST_SHA256, .bytes = "right" } },
};

/* FLIPPED: as it came, from a source that was wrong. */
enum content { NOTHING, RIGHT, ROTTEN, FLIPPED };

static struct world {
    struct run run;
    struct dispatch dispatch;
    struct existing_file existing[FILES];
    struct spreading spreading;
    struct digests digests;
    enum content disk[NODES][SEGMENTS];
    bool proved[NODES][FILES];
    unsigned fetched[SEGMENTS], came[NODES]; /* times; segments over the fabric */
    unsigned lacks, told_failed[RANKS];
    enum content source; /* what it sends */
    int misses;          /* so many transfers fail */
    int rots;            /* so many writes of node 1 rot before they are hashed */
    unsigned flips;      /* the source is wrong this time that ... */
    uint32_t flipped;    /* ... this segment is fetched; 0: never */
    bool refused;        /* the run has ended, since the source was wrong twice */
    bool slow;           /* the last node takes a while to forget all of a file, ... */
    struct msg late;     /* ... which this asks for, and the source is right then */
    struct strbuf queue; /* messages to rank 0: from, length, bytes */
    /* 0: nodes do at once what they are told, and rank 0 hears in order. Else they take their
     * time, and messages of different ranks arrive in any order. */
    uint32_t seed;
    uint32_t fence[NODES][SEGMENTS]; /* older tickets are out of date */
    bool broken[NODES];              /* knows that it has failed, before rank 0 does */
    struct relay_job job;            /* what a rank hashes for all, ... */
    bool hashes;                     /* ... if one does */
    struct strbuf orders; /* messages to nodes, in the same way: way_to, length, bytes */
} w;

int comm_node(const struct comm *comm, int rank)
{
    (void)comm;
    return node_of_rank[rank];
}

int comm_nodes(const struct comm *comm)
{
    (void)comm;
    return NODES;
}

int comm_node_lowest(const struct comm *comm, int node)
{
    (void)comm;
    return node;
}

/* What else the archive asks for. */
bool comm_node_first(const struct comm *comm)
{
    (void)comm;
    return true;
}

int comm_node_size(const struct comm *comm, int node)
{
    (void)comm;
    return node < 2 ? 2 : 1;
}

const char *comm_host(const struct comm *comm, int rank)
{
    (void)comm;
    return hosts[node_of_rank[rank]];
}

/* Rank 0 is told of everything directly. */
int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    (void)comm;
    (void)buf;
    (void)from;
    (void)err;
    return 0;
}

static uint32_t any_of(uint32_t count)
{
    w.seed = w.seed * 1664525u + 1013904223u;
    return (w.seed >> 8) % count;
}

static void post(struct strbuf *box, int rank, const void *bytes, size_t len)
{
    size_t head[2] = { (size_t)rank, len };

    strbuf_add(box, head, sizeof(head));
    strbuf_add(box, bytes, len);
}

/* The first message that this rank has sent, or is to get. */
static bool collect(struct strbuf *box, size_t rank, struct strbuf *bytes)
{
    size_t head[2];

    for (size_t at = 0; at < box->len; at += sizeof(head) + head[1]) {
        char *begin = box->data + at, *end;

        memcpy(head, begin, sizeof(head));
        if (head[0] != rank)
            continue;
        end = begin + sizeof(head) + head[1];
        strbuf_add(bytes, begin + sizeof(head), head[1]);
        memmove(begin, end, (size_t)(box->data + box->len - end));
        box->len -= sizeof(head) + head[1];
        return true;
    }
    return false;
}

/* Heard later: a real answer takes its time as well. */
static void say(int from, const struct msg *msg)
{
    struct strbuf bytes = { 0 };

    msg_encode(msg, &bytes);
    post(&w.queue, from, bytes.data, bytes.len);
    strbuf_release(&bytes);
}

static void say_items(int from, enum msg_kind kind, uint32_t first, uint32_t count)
{
    struct msg msg = { .kind = kind, .nitems = 1 };

    msg.item[0] = (struct msg_item){ .segment = first, .segments = count };
    say(from, &msg);
}

static void prove(int node)
{
    for (uint32_t f = 0; f < FILES; f++) {
        struct msg msg = { .kind = MSG_PROVED, .nitems = 1 };
        uint32_t first = w.run.segments.first[f];
        uint32_t end = first + segments_of(&w.run.segments, f);
        bool there = first < end, right = true;

        for (uint32_t s = first; s < end; s++) {
            there &= w.disk[node][s] != NOTHING;
            right &= w.disk[node][s] == RIGHT;
        }
        if (!there || w.proved[node][f] || !wants_of(&w.run, node, f) ||
            !nodes_prove(&w.run, f))
            continue;
        w.proved[node][f] = true;
        msg.item[0] = (struct msg_item){ .segment = first, .segments = end - first };
        if (!right || files[f].want.kind == DIGEST_NONE)
            msg.item[0].flags =
                MSG_ITEM_DIGEST |
                (right || files[f].want.kind == DIGEST_NONE ? 0u : MSG_ITEM_BAD);
        memcpy(msg.item[0].sha256, right ? "right" : "wrong", 6);
        say(node, &msg);
    }
}

static enum content written(int node, enum content content)
{
    if (node != 1 || w.rots <= 0)
        return content;
    w.rots--;
    return ROTTEN;
}

static void miss(const struct parcel *parcel, uint32_t at)
{
    say(parcel->tree[at].node, &(struct msg){ .kind = MSG_MISSED,
                                              .ticket = parcel->ticket,
                                              .node = parcel->tree[0].node,
                                              .segment = parcel->run[0].first,
                                              .segments = parcel->run[0].count,
                                              .text = "bits fell over" });
}

/* Whether the node has all that it is to send, as it came: else it forgets what has gone
 * bad, and nobody gets anything. */
static bool can_send(const struct parcel *parcel)
{
    int node = parcel->tree[0].node;
    bool can = true;

    for (uint32_t i = 0; i < parcel->run[0].count; i++) {
        enum content *content = &w.disk[node][parcel->run[0].first + i];

        can &= *content == w.source;
        if (*content == NOTHING || *content == w.source)
            continue;
        *content = NOTHING;
        w.proved[node][w.run.segments.file[parcel->run[0].first + i]] = false;
        say_items(node, MSG_FORGOT, parcel->run[0].first + i, 1);
    }
    for (uint32_t at = 0; !can && parcel_child(parcel, &at);)
        miss(parcel, at);
    return can;
}

static void carry(const struct msg *msg)
{
    struct parcel parcel;
    uint32_t first, count;

    assert_int_equal(parcel_read(&parcel, msg, SEGMENTS, NODES, NULL), 0);
    assert_int_equal(parcel.nruns, 1);
    first = parcel.run[0].first;
    count = parcel.run[0].count;
    /* What is not forgotten yet has the checksum that it came with. */
    assert_false(first < w.late.segment + w.late.segments &&
                 w.late.segment < first + count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(parcel.sum[i] == first + i + 1 || parcel.sum[i] == 0);
    for (uint32_t k = 1; can_send(&parcel) && k < parcel.nnodes; k++) {
        int node = parcel.tree[k].node;

        if (w.misses > 0) {
            w.misses--;
            miss(&parcel, k);
            k += parcel.tree[k].nodes - 1u;
            continue;
        }
        for (uint32_t i = 0; i < count; i++)
            w.disk[node][first + i] = written(node, w.source);
        w.came[node] += count;
        say_items(node, MSG_GOT, first, count);
        prove(node);
    }
    parcel_release(&parcel);
}

enum { FROM_RANK_0 = NODES, WAYS = RANKS * (NODES + 1) };

static int way_to(int rank, int from)
{
    return rank + RANKS * from;
}

/* To each child of the tree. */
static void offer(const struct parcel *parcel)
{
    int node = parcel->tree[0].node;

    for (uint32_t at = 0; parcel_child(parcel, &at);) {
        struct strbuf blob = { 0 }, bytes = { 0 };
        static struct msg msg;

        msg = (struct msg){ 0 };
        parcel_write(parcel, at, MSG_OFFER, &msg, &blob);
        msg_encode(&msg, &bytes);
        post(&w.orders, way_to(parcel->tree[at].node, node), bytes.data, bytes.len);
        strbuf_release(&blob);
        strbuf_release(&bytes);
    }
}

static void miss_from(int node, int from, uint32_t ticket, uint32_t first, uint32_t count)
{
    say(node, &(struct msg){ .kind = MSG_MISSED,
                             .ticket = ticket,
                             .node = (uint32_t)from,
                             .segment = first,
                             .segments = count,
                             .text = "bits fell over" });
}

/* Unasked, since it was to be sent. */
static bool forget_rotten(int node, uint32_t first, uint32_t count)
{
    bool right = true;

    for (uint32_t s = first; s < first + count; s++) {
        right &= w.disk[node][s] == w.source || w.disk[node][s] == FLIPPED;
        if (w.disk[node][s] != ROTTEN)
            continue;
        w.disk[node][s] = NOTHING;
        w.proved[node][w.run.segments.file[s]] = false;
        say_items(node, MSG_FORGOT, s, 1);
    }
    return right;
}

static bool is_fenced(int node, const struct parcel *parcel)
{
    bool fenced = false;

    for (uint32_t i = 0; i < parcel->run[0].count; i++)
        fenced |= parcel->ticket < w.fence[node][parcel->run[0].first + i];
    return fenced;
}

static void hear_fence(int node, const struct msg *msg)
{
    for (uint32_t i = 0; i < msg->nitems; i++)
        for (uint32_t k = 0; k < msg->item[i].segments; k++)
            w.fence[node][msg->item[i].segment + k] = msg->ticket;
    say(node, &(struct msg){ .kind = MSG_FENCED });
}

/* A node that has failed takes nothing, but gives what it has offered. */
static void take_offer(int from, const struct msg *msg)
{
    struct parcel parcel;
    uint32_t first, count;
    int node;

    assert_int_equal(parcel_read(&parcel, msg, SEGMENTS, NODES, NULL), 0);
    node = parcel.tree[0].node;
    first = parcel.run[0].first;
    count = parcel.run[0].count;
    if (w.broken[node]) {
        parcel_release(&parcel);
        return;
    }
    if (is_fenced(node, &parcel) || !forget_rotten(from, first, count) ||
        w.misses-- > 0) {
        miss_from(node, from, parcel.ticket, first, count);
    } else {
        for (uint32_t s = first; s < first + count; s++)
            w.disk[node][s] = written(node, w.disk[from][s]);
        w.came[node] += count;
        say_items(node, MSG_GOT, first, count);
        prove(node);
        offer(&parcel);
    }
    parcel_release(&parcel);
}

/* A checksum tells what is rotten, but not that the source was wrong. */
static void forget(int node, const struct msg *msg)
{
    struct msg answer = { .kind = MSG_FORGOT,
                          .segment = msg->segment,
                          .segments = msg->segments };
    uint32_t end = msg->segment + msg->segments;

    if (w.slow && node == NODES - 1 && msg->blob_len == 0) {
        w.late = *msg;
        w.slow = false;
        return;
    }
    w.lacks++;
    assert_true(sums_count(msg->blob_len) == 0 ||
                sums_count(msg->blob_len) == msg->segments);
    for (uint32_t s = msg->segment; s < end; s++)
        if (msg->blob_len == 0 || (w.disk[node][s] == ROTTEN && w.source != ROTTEN)) {
            w.disk[node][s] = NOTHING;
            answer.item[answer.nitems++] =
                (struct msg_item){ .segment = s, .segments = 1 };
        }
    w.proved[node][w.run.segments.file[msg->segment]] = false;
    say(node, &answer);
    prove(node);
}

static void give(const struct msg *msg)
{
    struct parcel parcel;

    assert_int_equal(parcel_read(&parcel, msg, SEGMENTS, NODES, NULL), 0);
    if (!w.broken[parcel.tree[0].node])
        offer(&parcel);
    parcel_release(&parcel);
}

static void obey(int to, int from, const void *bytes, size_t len)
{
    static struct msg msg;

    assert_int_equal(msg_decode(&msg, bytes, len, NULL), 0);
    if (msg.kind == MSG_OFFER)
        take_offer(from, &msg);
    else if (msg.kind == MSG_TICKET && w.seed != 0)
        give(&msg);
    else if (msg.kind == MSG_TICKET)
        carry(&msg);
    else if (msg.kind == MSG_LACK)
        forget(node_of_rank[to], &msg);
    else if (msg.kind == MSG_FENCE)
        hear_fence(node_of_rank[to], &msg);
    else if (msg.kind == MSG_NODE_FAILED)
        w.told_failed[to]++;
    else
        fail_msg("an unexpected '%s' message", msg_name(msg.kind));
}

int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err)
{
    (void)comm;
    (void)err;
    if (w.seed != 0)
        post(&w.orders, way_to(to, FROM_RANK_0), bytes, len);
    else
        obey(to, FROM_RANK_0, bytes, len);
    return 0;
}

static bool trusting;     /* --per-node-verify segments */
static const char *parts; /* which files each node gets, or NULL: a, b, c and d */

static void set_parts(struct run *run)
{
    static const struct node_host list[NODES] = { { "n0", 0, 0 },
                                                  { "n1", 1, 1 },
                                                  { "n2", 2, 2 } };
    struct node_map map;

    if (!parts)
        return;
    for (uint32_t f = 0; f < FILES; f++) {
        const char name[] = { (char)('a' + f), '\0' };

        assert_int_equal(plan_set(&run->plan, &files[f].path, name, NULL), 0);
    }
    assert_int_equal(node_map_parse(&map, "map", parts, strlen(parts), NULL), 0);
    assert_int_equal(
        node_wants_create(&run->nodes.all, &run->plan, NODES, &map, list, NODES, NULL),
        0);
    assert_int_equal(node_wants_group(&run->nodes.all, NULL), 0);
    node_map_release(&map);
}

/* One node has these from the start, if any. */
static void open_with(int node, uint32_t first, uint32_t count)
{
    static const unsigned slots[RANKS] = { 1, 1, 1, 1, 1 };
    struct sched_policy policy = { .slots = RANKS, .stall = 15, .small = MIB };
    struct run *run = &w.run;
    struct demand_ranks ranks = { .run = run, .slots = slots };

    w = (struct world){ .source = RIGHT };
    run->plan = (struct plan){ .files = files, .nfiles = FILES };
    assert_int_equal(plan_set(&run->plan, &run->plan.source, "test:source", NULL), 0);
    run->opt.dest = run->opt.per_node = "/local/model";
    run->opt.per_node_segments = trusting;
    run->ranks.size = RANKS;
    run->ranks.log.level = LOG_ERROR;
    assert_int_equal(segments_cut(&run->segments, &run->plan, MIB, NULL), 0);
    assert_int_equal(run->segments.count, SEGMENTS);
    assert_int_equal(outcome_open(run, NULL), 0);
    set_parts(run);
    policy.groups = demand_groups(&ranks);
    run->nodes.holding = calloc(1, sizeof(*run->nodes.holding));
    assert_non_null(run->nodes.holding);
    run->nodes.holding[0] = (struct run_holding){ (uint32_t)node, first, count };
    run->nodes.holdings = count > 0;
    w.dispatch.run = run;
    assert_int_equal(relay_create(&w.dispatch.relay, &run->segments, NULL), 0);
    assert_int_equal(
        sched_create(&w.dispatch.sched, &run->segments, RANKS, &policy, NULL), 0);
    assert_int_equal(spreading_open(&w.spreading, &w.dispatch, w.existing, NULL), 0);
    assert_int_equal(
        digests_init(&w.digests, &w.dispatch, NULL, &w.spreading, w.existing, NULL), 0);
}

static void open_world(void)
{
    open_with(0, 0, 0);
}

static void close_world(void)
{
    digests_release(&w.digests);
    spreading_release(&w.spreading);
    relay_destroy(w.dispatch.relay);
    outcome_release(&w.run);
    sched_destroy(w.dispatch.sched);
    segments_release(&w.run.segments);
    w.run.plan.files = NULL; /* not its own */
    plan_release(&w.run.plan);
    strbuf_release(&w.queue);
    strbuf_release(&w.orders);
}

/* A rank fetches what it was granted, and says with which checksums. */
static void fetch(const struct sched_action *action)
{
    int node = node_of_rank[action->rank];

    for (uint32_t i = 0; i < action->count; i++) {
        uint32_t first = action->segment[i], count = action->together;
        struct msg sums = { .kind = MSG_SUMS, .nitems = 1 };
        struct strbuf blob = { 0 };

        sums.item[0] = (struct msg_item){ .segment = first, .segments = count };
        for (uint32_t s = first; s < first + count; s++) {
            w.disk[node][s] = written(
                node, s == w.flipped && w.flips == w.fetched[s] + 1 ? FLIPPED : w.source);
            w.fetched[s]++;
            sums_add(&blob, s + 1);
        }
        sums.blob = blob.data;
        sums.blob_len = blob.len;
        assert_int_equal(spreading_hear(&w.spreading, action->rank, &sums, NULL), 0);
        strbuf_release(&blob);
        assert_true(sched_done(w.dispatch.sched, action->rank, first, count, 0));
        spreading_landed(&w.spreading, action->rank, first, count);
        for (uint32_t s = first; s < first + count; s++)
            if (!nodes_prove(&w.run, w.run.segments.file[s]))
                relay_stored(w.dispatch.relay, s, action->rank);
        prove(node);
    }
    sched_credit(w.dispatch.sched, action->rank, 1);
}

/* What was said until here; answers to what follows from it are for the next turn. */
static int hear_all(struct err *err)
{
    struct strbuf queue = w.queue;
    static struct msg msg;
    int rc = 0;

    w.queue = (struct strbuf){ 0 };
    for (size_t at = 0; rc == 0 && at < queue.len;) {
        size_t head[2];

        memcpy(head, queue.data + at, sizeof(head));
        at += sizeof(head);
        assert_int_equal(msg_decode(&msg, queue.data + at, head[1], NULL), 0);
        at += head[1];
        rc = spreading_hear(&w.spreading, (int)head[0], &msg, err);
    }
    strbuf_release(&queue);
    return rc;
}

static void forget_late(void)
{
    const struct msg late = w.late;

    w.late.segments = 0;
    w.source = RIGHT;
    forget(NODES - 1, &late);
}

static int run_turns(struct err *err)
{
    for (int turn = 0; turn < 1000; turn++) {
        struct sched_action action;
        bool moved = false;

        if (hear_all(err) < 0 || spreading_step(&w.spreading, &moved, err) < 0)
            return -1;
        if (w.queue.len == 0 && w.late.segments > 0)
            forget_late();
        if (sched_next(w.dispatch.sched, turn, &action) && action.kind == SCHED_GRANT)
            fetch(&action);
        if (w.queue.len == 0 && sched_finished(w.dispatch.sched) &&
            spreading_finished(&w.spreading))
            return 0;
    }
    fail_msg("the run does not end");
    return -1;
}

/* One message to rank 0, or one order to a node, whichever comes first by chance. */
static int hear_any(struct err *err)
{
    static struct msg msg;
    struct strbuf bytes = { 0 };
    uint32_t rank = any_of(RANKS), way = any_of(WAYS);
    int rc = 0;

    if (any_of(2) == 0 && collect(&w.queue, rank, &bytes)) {
        assert_int_equal(msg_decode(&msg, bytes.data, bytes.len, NULL), 0);
        rc = spreading_hear(&w.spreading, (int)rank, &msg, err);
    } else if (collect(&w.orders, way, &bytes)) {
        obey((int)way % RANKS, (int)way / RANKS, bytes.data, bytes.len);
    }
    strbuf_release(&bytes);
    return rc;
}

/* Of a file that was hashed up to its end. */
static void hear_digest(uint32_t file, bool wrong)
{
    static const uint8_t sha256[32] = "wrong";

    if (wrong && digests_hear(&w.digests, file, sha256, true, -1, NULL) < 0)
        w.refused = true;
}

/* A rank is asked to hash what lies on its node, for all, and answers later. Wrong bytes are
 * all that a state has of what was hashed. */
static void hash_or_answer(void)
{
    struct relay_job job;
    bool begins = !w.hashes && relay_next(w.dispatch.relay, 4, &job);

    if (begins) {
        for (uint32_t s = job.segment; s < job.segment + job.count; s++) {
            enum content content = w.disk[node_of_rank[job.rank]][s];

            assert_true(content == RIGHT || content == FLIPPED);
            job.from.h[0] += content == FLIPPED;
        }
        w.hashes = !w.broken[node_of_rank[job.rank]];
        w.job = job;
    } else if (w.hashes && !w.broken[node_of_rank[w.job.rank]]) {
        w.hashes = false;
        if (relay_advance(w.dispatch.relay, w.job.segment, &w.job.from) == RELAY_DONE)
            hear_digest(w.run.segments.file[w.job.segment],
                        w.job.from.h[0] != midstate_start().h[0]);
    } else {
        w.hashes = false;
    }
}

static void one_turn(int turn, struct err *err)
{
    struct sched_action action;
    bool moved = false;

    if (any_of(8) == 0)
        hash_or_answer();

    assert_int_equal(hear_any(err), 0);
    assert_int_equal(spreading_step(&w.spreading, &moved, err), 0);
    if (any_of(8) == 0 && sched_next(w.dispatch.sched, turn, &action) &&
        action.kind == SCHED_GRANT && !w.broken[node_of_rank[action.rank]])
        fetch(&action);
}

static bool is_gone(void *arg, uint32_t file)
{
    return spreading_empties(arg, file);
}

/* What nodes are still told, or offer each other, as the run ends. */
static void obey_rest(void)
{
    struct strbuf bytes = { 0 };

    while (w.orders.len > 0)
        for (size_t way = 0; way < WAYS; way++)
            while (collect(&w.orders, way, &bytes)) {
                obey((int)way % RANKS, (int)way / RANKS, bytes.data, bytes.len);
                strbuf_clear(&bytes);
            }
    strbuf_release(&bytes);
}

/* In any order. fails: after so many turns node 1 does. */
static int run_mixed(int fails, struct err *err)
{
    for (int turn = 0; turn < 50000; turn++) {
        if (turn == fails) {
            w.broken[1] = true;
            say(1, &(struct msg){ .kind = MSG_NODE_FAILED, .code = ERR_DEST });
        }
        one_turn(turn, err);
        if (w.refused)
            return -1;
        if (sched_finished(w.dispatch.sched) && spreading_finished(&w.spreading) &&
            relay_finished(w.dispatch.relay)) {
            obey_rest();
            return 0;
        }
    }
    fail_msg("the run does not end");
    return -1;
}

static void all_ranks_work(void)
{
    for (int rank = 0; rank < RANKS; rank++)
        sched_credit(w.dispatch.sched, rank, 1);
}

static void must_end_well(void)
{
    struct err err = { 0 };

    all_ranks_work();
    assert_int_equal(run_turns(&err), 0);
}

static void assert_all_right_on(int node)
{
    for (int s = 0; s < SEGMENTS; s++)
        assert_int_equal(w.disk[node][s], RIGHT);
}

static void assert_fetched(uint32_t first, uint32_t count, unsigned times)
{
    for (uint32_t s = first; s < first + count; s++)
        assert_int_equal(w.fetched[s], times);
}

static void each_byte_is_fetched_once_and_comes_to_all(void **state)
{
    (void)state;
    open_world();
    must_end_well();
    assert_fetched(0, SEGMENTS, 1);
    assert_int_equal(w.came[0] + w.came[1] + w.came[2], (NODES - 1) * SEGMENTS);
    for (int node = 0; node < NODES; node++) {
        assert_all_right_on(node);
        assert_true(w.spreading.copies.complete[node] > 0);
    }
    for (int f = 0; f < FILES - 1; f++)
        assert_memory_equal(w.existing[f].sha256, "right", 6);
    assert_int_equal(w.spreading.files_known, FILES - 1);
    assert_int_equal(w.lacks, 0);
    close_world();
}

static void what_a_node_has_is_not_fetched(void **state)
{
    (void)state;
    open_with(2, 0, 10);
    for (uint32_t s = 0; s < 10; s++)
        w.disk[2][s] = RIGHT;
    prove(2);
    must_end_well();
    assert_fetched(0, 10, 0);
    assert_fetched(10, SEGMENTS - 10, 1);
    for (int node = 0; node < NODES; node++)
        assert_all_right_on(node);
    close_world();
}

static void a_transfer_that_fails_is_made_again(void **state)
{
    (void)state;
    open_world();
    w.misses = 7;
    must_end_well();
    assert_int_equal(w.misses, 0);
    assert_fetched(0, SEGMENTS, 1);
    for (int node = 0; node < NODES; node++)
        assert_all_right_on(node);
    close_world();
}

static void miss_one(int from, int to, uint32_t segment)
{
    say(to, &(struct msg){ .kind = MSG_MISSED,
                           .node = (uint32_t)from,
                           .segment = segment,
                           .segments = 1,
                           .text = "bits fell over" });
    assert_int_equal(hear_all(NULL), 0);
}

/* In a row: what comes in between shows that its link is of use. */
static void a_node_that_misses_everything_fails(void **state)
{
    (void)state;
    open_with(0, 5, 2);
    for (int i = 0; i < 16; i++)
        miss_one(0, 2, 5);
    say_items(2, MSG_GOT, 5, 1);
    for (int i = 0; i < 16; i++)
        miss_one(0, 2, 6);
    assert_int_equal(w.run.nodes.err[2].code, ERR_NONE);
    miss_one(0, 2, 6);
    assert_int_equal(w.run.nodes.err[2].code, ERR_NETWORK);
    assert_non_null(strstr(w.run.nodes.err[2].text, "bits fell over"));
    close_world();
}

/* Where the bytes rot after they were written, the node itself is the only one to see it. */
static void what_rots_on_one_node_comes_from_another(void **state)
{
    (void)state;
    open_world();
    w.rots = 3;
    must_end_well();
    assert_true(w.lacks > 0);
    for (int node = 0; node < NODES; node++)
        assert_all_right_on(node);
    assert_int_equal(w.run.nodes.err[1].code, ERR_NONE);
    close_world();
}

static void a_disk_that_always_rots_fails_alone(void **state)
{
    (void)state;
    open_world();
    w.rots = 100000;
    must_end_well();
    assert_int_equal(w.run.nodes.err[1].code, ERR_DEST);
    assert_int_equal(w.told_failed[1], 1);
    assert_int_equal(w.told_failed[4], 1);
    assert_int_equal(w.told_failed[0] + w.told_failed[2] + w.told_failed[3], 0);
    assert_true(spreading_failed(&w.spreading, 4));
    assert_false(spreading_failed(&w.spreading, 3));
    assert_all_right_on(0);
    assert_all_right_on(2);
    close_world();
}

/* With what it alone had. */
static void a_node_that_fails_is_fetched_for_anew(void **state)
{
    struct sched_action action;
    struct err err = { 0 };
    unsigned all = 0;

    (void)state;
    open_world();
    sched_credit(w.dispatch.sched, 4, 1);
    assert_true(sched_next(w.dispatch.sched, 0, &action));
    fetch(&action);
    say(1, &(struct msg){ .kind = MSG_NODE_FAILED,
                          .code = ERR_DEST,
                          .text = "cannot write: No space left on device" });
    assert_int_equal(hear_all(&err), 0);
    assert_non_null(strstr(w.run.nodes.err[1].text, "No space left"));
    must_end_well();
    assert_fetched(action.segment[0], action.together, 2);
    for (int s = 0; s < SEGMENTS; s++)
        all += w.fetched[s];
    assert_int_equal(all, SEGMENTS + action.count * action.together);
    assert_all_right_on(0);
    assert_all_right_on(2);
    close_world();
}

/* It is being fetched again by then. */
static void what_a_failed_node_has_sent_is_late(void **state)
{
    (void)state;
    open_with(1, 5, 1);
    say(1, &(struct msg){ .kind = MSG_NODE_FAILED, .code = ERR_DEST, .text = "full" });
    say_items(2, MSG_GOT, 5, 1);
    say(2, &(struct msg){ .kind = MSG_NODE_FAILED, .code = ERR_DEST, .text = "full" });
    assert_int_equal(hear_all(NULL), 0);
    must_end_well();
    assert_fetched(0, SEGMENTS, 1);
    assert_all_right_on(0);
    close_world();
}

/* It has done so before anything was fetched. */
static void a_node_that_has_failed_is_not_waited_for(void **state)
{
    struct err why = { 0 };

    (void)state;
    open_with(0, 0, 0);
    spreading_release(&w.spreading);
    err_set(&why, ERR_DEST, "Read-only file system");
    outcome_fail(&w.run, 1, &why);
    assert_int_equal(spreading_open(&w.spreading, &w.dispatch, w.existing, NULL), 0);
    sched_mute(w.dispatch.sched, 1, true);
    sched_mute(w.dispatch.sched, 4, true);
    must_end_well();
    assert_int_equal(w.came[1], 0);
    assert_all_right_on(0);
    assert_all_right_on(2);
    close_world();
}

static void the_run_fails_with_its_last_node(void **state)
{
    struct err err = { 0 };

    (void)state;
    open_world();
    for (int node = 0; node < NODES; node++)
        say(node, &(struct msg){ .kind = MSG_NODE_FAILED,
                                 .code = ERR_DEST,
                                 .text = "Read-only file system" });
    assert_int_equal(hear_all(&err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_non_null(strstr(err.text, "3 of 3"));
    assert_non_null(strstr(err.text, "n2: Read-only"));
    close_world();
}

/* The first look of each node finds its segments as they came. */
static void a_source_that_is_wrong_twice_ends_the_run(void **state)
{
    struct err err = { 0 };

    (void)state;
    open_world();
    w.source = ROTTEN;
    all_ranks_work();
    assert_int_equal(run_turns(&err), -1);
    assert_int_equal(err.code, ERR_DIGEST);
    assert_int_equal(
        w.fetched[w.run.segments.first[0]] + w.fetched[w.run.segments.first[2]], 4);
    close_world();
}

/* Nobody gets, or fetches, what another one is still to forget. */
static void what_is_recalled_comes_again_once_all_have_forgotten_it(void **state)
{
    uint32_t count;

    (void)state;
    open_world();
    count = w.run.segments.first[1];
    w.source = ROTTEN;
    w.slow = true;
    all_ranks_work();
    must_end_well();
    for (int node = 0; node < NODES; node++)
        for (uint32_t s = 0; s < count; s++)
            assert_int_equal(w.disk[node][s], RIGHT);
    assert_false(w.slow);
    assert_fetched(0, count, 2);
    assert_true(relay_finished(w.dispatch.relay)); /* each node hashes it */
    close_world();
}

/* Whatever arrives first, and whatever rots, is missed, or fails meanwhile. */
static void it_ends_whatever_the_order(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 2 * SEEDS; seed++) {
        struct err err = { 0 };
        int fails = seed % 3 == 0 ? (int)(seed % 97) : -1;

        open_with(seed % 2 ? 2 : 1, 0, seed % 18);
        for (uint32_t s = 0; s < seed % 18; s++)
            w.disk[seed % 2 ? 2 : 1][s] = RIGHT;
        prove(seed % 2 ? 2 : 1);
        w.seed = seed * 2654435761u | 1;
        w.rots = seed % 5 == 0 ? (int)(seed % 7) : 0;
        w.misses = seed % 4 == 0 ? (int)(seed % 9) : 0;
        all_ranks_work();
        assert_int_equal(run_mixed(fails, &err), 0);
        for (int node = 0; node < NODES; node++)
            if (!w.run.nodes.failed[node])
                assert_all_right_on(node);
        close_world();
    }
}

/* What it was to hash, lies on others as well, or is fetched again. */
static void one_digest_for_all_is_made_whoever_fails(void **state)
{
    (void)state;
    trusting = true;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct err err = { 0 };

        open_with(1, 0, seed % 10);
        for (uint32_t s = 0; s < seed % 10; s++)
            w.disk[1][s] = RIGHT;
        w.seed = seed * 2654435761u | 1;
        prove(1);
        all_ranks_work();
        assert_int_equal(run_mixed((int)(seed % 300), &err), 0);
        assert_all_right_on(0);
        assert_all_right_on(2);
        close_world();
    }
    trusting = false;
}

/* Of what is on its way from node to node as the digest turns out to be wrong, nothing is
 * hashed for the second time. */
static void wrong_bytes_for_all_are_fetched_once_more(void **state)
{
    (void)state;
    trusting = true;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct err err = { 0 };
        int fails = seed % 3 == 0 ? (int)(seed % 300) : -1;

        open_world();
        w.seed = seed * 2654435761u | 1;
        w.flips = 1;
        w.misses = seed % 4 == 0 ? (int)(seed % 9) : 0;
        all_ranks_work();
        assert_int_equal(run_mixed(fails, &err), 0);
        assert_true(w.fetched[0] >= 2);
        assert_all_right_on(0);
        assert_all_right_on(2);
        close_world();
    }
    trusting = false;
}

/* Its first bytes were hashed for all, and lost with the only node that had them. Copies of
 * them that are still on their way are not taken for what comes instead. */
static void what_is_fetched_anew_is_hashed_anew(void **state)
{
    (void)state;
    trusting = true;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct err err = { 0 };

        open_world();
        w.seed = seed * 2654435761u | 1;
        w.flips = 1 + seed % 2;
        w.flipped = seed % 10;
        w.misses = seed % 7 == 0 ? (int)(seed % 9) : 0;
        all_ranks_work();
        assert_int_equal(run_mixed((int)(seed % 300), &err), 0);
        assert_all_right_on(0);
        assert_all_right_on(2);
        close_world();
    }
    trusting = false;
}

static void take_step(void)
{
    bool moved = false;

    assert_int_equal(spreading_step(&w.spreading, &moved, NULL), 0);
}

static void hear_now(int from, enum msg_kind kind, uint32_t segment)
{
    struct msg msg = { .kind = kind, .nitems = 1 };

    msg.item[0] = (struct msg_item){ .segment = segment, .segments = 1 };
    assert_int_equal(spreading_hear(&w.spreading, from, &msg, NULL), 0);
}

/* The second is lost while what is on its way of the first is being dropped, and the third
 * comes before that. */
static void what_is_lost_is_fetched_once_all_have_dropped_the_rest(void **state)
{
    const uint8_t *stored;

    (void)state;
    open_with(1, 0, 3);
    stored = w.spreading.copies.stored;
    hear_now(1, MSG_FORGOT, 0);
    hear_now(1, MSG_FORGOT, 2);
    take_step();
    hear_now(1, MSG_FORGOT, 1);
    hear_now(2, MSG_GOT, 2);
    take_step();
    assert_true(stored[0] && stored[1] && stored[2]);
    assert_int_equal(hear_all(NULL), 0);
    take_step();
    assert_true(!stored[0] && stored[1] && stored[2]);
    assert_int_equal(hear_all(NULL), 0);
    take_step();
    assert_true(!stored[0] && !stored[1] && stored[2]);
    close_world();
}

/* Before it has said that it forgot it. */
static void what_a_node_got_of_what_is_recalled_does_not_count(void **state)
{
    (void)state;
    open_with(1, 0, 10);
    spreading_recall(&w.spreading, 0);
    take_step();
    hear_now(2, MSG_GOT, 5);
    assert_false(spread_anywhere(w.spreading.spread, 5));
    close_world();
}

/* It may be on its way to one from a node that has failed. */
static void what_no_node_has_is_dropped_before_it_comes_whole(void **state)
{
    (void)state;
    open_world();
    assert_false(spreading_empties(&w.spreading, 0));
    take_step();
    assert_int_equal(hear_all(NULL), 0);
    w.spreading.fence.left[2]++; /* it still writes */
    assert_false(spreading_empties(&w.spreading, 0));
    assert_int_equal(fence_hear(&w.spreading.fence, 2), 0);
    assert_true(spreading_empties(&w.spreading, 0));
    close_world();
}

/* That says nothing about its link. */
static void what_is_out_of_date_may_be_missed_often(void **state)
{
    (void)state;
    open_with(0, 0, 10);
    w.spreading.mail.tickets = 1;
    spreading_recall(&w.spreading, 0);
    take_step();
    for (int i = 0; i < 20; i++)
        miss_one(0, 2, 6);
    assert_int_equal(w.run.nodes.err[2].code, ERR_NONE);
    close_world();
}

static void hear_progress_of_all(bool idle)
{
    for (int rank = 0; rank < RANKS; rank++)
        spreading_moved(&w.spreading,
                        &(struct msg){ .kind = MSG_PROGRESS, .idle = idle });
}

/* An order that got lost is answered by nobody. */
static void a_run_in_which_nothing_goes_on_ends(void **state)
{
    struct silence *silence = &w.run.ranks.liveness.silence;
    struct err err = { 0 };

    (void)state;
    open_with(1, 5, 1);
    silence->timeout = 10;
    silence->listened = 100;
    hear_progress_of_all(false);
    silence->listened = 119;
    hear_progress_of_all(true);
    assert_int_equal(spreading_check(&w.spreading, &err), 0);
    silence->listened = 121;
    assert_int_equal(spreading_check(&w.spreading, &err), -1);
    assert_int_equal(err.code, ERR_NETWORK);
    assert_non_null(strstr(err.text, "n0: "));
    spreading_moved(&w.spreading, &(struct msg){ .kind = MSG_GOT });
    assert_int_equal(spreading_check(&w.spreading, NULL), 0);
    close_world();
}

/* The file comes in one piece after all. What nodes have of it they forget, once nothing of
 * it is under way, and whatever the order. */
static void what_comes_whole_replaces_its_parts(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < SEEDS / 2; seed++) {
        struct whole whole = { .is_gone = is_gone, .arg = &w.spreading };
        struct err err = { 0 };
        uint32_t file;

        trusting = seed % 2 == 1;
        open_world();
        w.seed = seed * 2654435761u | 1;
        all_ranks_work();
        for (uint32_t turn = 0; turn < seed % 150; turn++)
            one_turn((int)turn, &err);
        assert_int_equal(whole_begin(&whole, w.dispatch.sched, w.dispatch.relay, 0, NULL),
                         0);
        for (int turn = 0;
             !whole_next(&whole, w.dispatch.sched, w.dispatch.relay, &w.run.plan, &file);
             turn++) {
            assert_true(turn < 50000);
            one_turn(turn, &err);
        }
        for (int node = 0; node < NODES; node++)
            for (uint32_t s = 0; s < w.run.segments.first[1]; s++)
                assert_int_equal(w.disk[node][s], NOTHING);
        spreading_whole(&w.spreading, 0);
        assert_int_equal(run_mixed(-1, &err), 0);
        assert_int_equal(err.code, ERR_NONE);
        for (int node = 0; node < NODES; node++) {
            assert_int_equal(w.disk[node][0], RIGHT);
            assert_int_equal(w.disk[node][1], NOTHING);
        }
        whole_release(&whole);
        close_world();
        files[0].flags = 0;
    }
    trusting = false;
}

static void messages_about_nothing_are_refused(void **state)
{
    static const enum msg_kind kinds[] = { MSG_GOT, MSG_PROVED, MSG_FORGOT, MSG_SUMS };
    static const uint32_t none[][2] = {
        { SEGMENTS, 1 }, { 0, SEGMENTS + 1 }, { 3, 0 }, { 1, UINT32_MAX }
    };

    (void)state;
    open_world();
    for (size_t k = 0; k < countof(kinds); k++)
        for (size_t i = 0; i < countof(none); i++) {
            struct err err = { 0 };

            say_items(2, kinds[k], none[i][0], none[i][1]);
            assert_int_equal(hear_all(&err), -1);
            assert_int_equal(err.code, ERR_DEFECT);
            assert_non_null(strstr(err.text, "rank 2"));
        }
    say(1, &(struct msg){ .kind = MSG_FENCED });
    assert_int_equal(hear_all(NULL), -1);
    say(1, &(struct msg){ .kind = MSG_MISSED, .node = NODES, .segments = 1 });
    assert_int_equal(hear_all(NULL), -1);
    say(1, &(struct msg){ .kind = MSG_MISSED, .segment = SEGMENTS, .segments = 1 });
    assert_int_equal(hear_all(NULL), -1);
    close_world();
}

/* Segments of a: 0 to 9, of b: 10 to 15, of c: 16. */
static const char stages[] = "n0 a d\nn1 b\n* c\n";

static void assert_nothing_on(int node, uint32_t first, uint32_t end)
{
    for (uint32_t s = first; s < end; s++)
        assert_int_equal(w.disk[node][s], NOTHING);
}

static void assert_right_on(int node, uint32_t first, uint32_t end)
{
    for (uint32_t s = first; s < end; s++)
        assert_int_equal(w.disk[node][s], RIGHT);
}

static void each_node_gets_its_part(void **state)
{
    (void)state;
    parts = stages;
    open_world();
    must_end_well();
    assert_fetched(0, SEGMENTS, 1);
    assert_right_on(0, 0, 10);
    assert_nothing_on(0, 10, 16);
    assert_nothing_on(1, 0, 10);
    assert_right_on(1, 10, 16);
    assert_nothing_on(2, 0, 16);
    for (int node = 0; node < NODES; node++)
        assert_right_on(node, 16, 17);
    assert_int_equal(w.came[0] + w.came[1] + w.came[2], NODES - 1);
    close_world();
}

/* Whatever the order in which things happen. */
static void what_only_a_failed_node_wants_is_not_fetched_for_others(void **state)
{
    struct err err = { 0 };

    (void)state;
    parts = stages;
    for (uint32_t seed = 1; seed < 60; seed++) {
        open_world();
        w.seed = seed;
        all_ranks_work();
        assert_int_equal(run_mixed((int)seed, &err), 0);
        assert_right_on(0, 0, 10);
        assert_right_on(0, 16, 17);
        assert_right_on(2, 16, 17);
        assert_nothing_on(0, 10, 16);
        assert_nothing_on(2, 10, 16);
        close_world();
    }
}

/* The ranks of node 1 do not reach the source. */
static void open_shut(const char *map)
{
    parts = map;
    open_world();
    sched_mute(w.dispatch.sched, 1, true);
    sched_mute(w.dispatch.sched, 4, true);
}

/* It may fail as what it has is to be recalled. */
static void what_only_a_failed_node_wants_is_not_hashed_twice(void **state)
{
    struct err err = { 0 };

    (void)state;
    trusting = true;
    for (uint32_t seed = 1; seed <= 300; seed++) {
        open_shut("n1 a\n* c\n");
        w.seed = seed * 2654435761u | 1;
        w.flips = 1;
        all_ranks_work();
        assert_int_equal(run_mixed(2 * (int)seed, &err), 0);
        assert_right_on(0, 16, 17);
        assert_right_on(2, 16, 17);
        close_world();
    }
    trusting = false;
}

static void others_fetch_for_a_node_that_cannot(void **state)
{
    (void)state;
    open_shut(stages);
    must_end_well();
    assert_fetched(0, SEGMENTS, 1);
    assert_right_on(1, 10, 17);
    assert_nothing_on(1, 0, 10);
    assert_true(w.came[1] == 7);
    close_world();
}

/* Those that fetched it do not want it, and are not asked what they think of it. */
static void what_others_fetched_wrongly_is_fetched_once_more(void **state)
{
    struct err err = { 0 };

    (void)state;
    open_shut("n1 a\n");
    w.source = ROTTEN;
    all_ranks_work();
    assert_int_equal(run_turns(&err), -1);
    assert_int_equal(err.code, ERR_DIGEST);
    assert_fetched(0, 10, 2);
    assert_fetched(10, 7, 0);
    close_world();
}

static int all_get_all(void **state)
{
    (void)state;
    parts = NULL;
    trusting = false;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_fetched_once_and_comes_to_all),
        cmocka_unit_test(what_a_node_has_is_not_fetched),
        cmocka_unit_test(a_transfer_that_fails_is_made_again),
        cmocka_unit_test(a_node_that_misses_everything_fails),
        cmocka_unit_test(what_rots_on_one_node_comes_from_another),
        cmocka_unit_test(a_disk_that_always_rots_fails_alone),
        cmocka_unit_test(a_node_that_fails_is_fetched_for_anew),
        cmocka_unit_test(what_a_failed_node_has_sent_is_late),
        cmocka_unit_test(a_node_that_has_failed_is_not_waited_for),
        cmocka_unit_test(the_run_fails_with_its_last_node),
        cmocka_unit_test(a_source_that_is_wrong_twice_ends_the_run),
        cmocka_unit_test(what_is_recalled_comes_again_once_all_have_forgotten_it),
        cmocka_unit_test(it_ends_whatever_the_order),
        cmocka_unit_test(a_run_in_which_nothing_goes_on_ends),
        cmocka_unit_test(what_comes_whole_replaces_its_parts),
        cmocka_unit_test(one_digest_for_all_is_made_whoever_fails),
        cmocka_unit_test(wrong_bytes_for_all_are_fetched_once_more),
        cmocka_unit_test(what_is_fetched_anew_is_hashed_anew),
        cmocka_unit_test(what_is_lost_is_fetched_once_all_have_dropped_the_rest),
        cmocka_unit_test(what_a_node_got_of_what_is_recalled_does_not_count),
        cmocka_unit_test(what_no_node_has_is_dropped_before_it_comes_whole),
        cmocka_unit_test(what_is_out_of_date_may_be_missed_often),
        cmocka_unit_test(messages_about_nothing_are_refused),
        cmocka_unit_test_teardown(each_node_gets_its_part, all_get_all),
        cmocka_unit_test_teardown(what_only_a_failed_node_wants_is_not_fetched_for_others,
                                  all_get_all),
        cmocka_unit_test_teardown(what_only_a_failed_node_wants_is_not_hashed_twice,
                                  all_get_all),
        cmocka_unit_test_teardown(others_fetch_for_a_node_that_cannot, all_get_all),
        cmocka_unit_test_teardown(what_others_fetched_wrongly_is_fetched_once_more,
                                  all_get_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
