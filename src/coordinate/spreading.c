#include "coordinate/spreading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinate/mismatch.h"
#include "coordinate/nearby.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"

enum {
    MISSED_MOST = 16 /* transfers in a row that a node may miss */
};

static struct run *run_of(const struct spreading *s)
{
    return s->dispatch->run;
}

static const struct segments *segments_in(const struct spreading *s)
{
    return &s->dispatch->run->segments;
}

void spreading_release(struct spreading *s)
{
    proofs_destroy(s->proofs);
    spread_destroy(s->spread);
    fence_release(&s->fence);
    keeper_mail_release(&s->mail);
    copies_release(&s->copies);
    free(s->missed);
    free(s->emptied);
    demand_release(&s->demand);
    *s = (struct spreading){ 0 };
}

static const char *host_of(const struct spreading *s, int node)
{
    const struct ranks *ranks = &run_of(s)->ranks;

    return comm_host(ranks->comm, nodes_keeper(ranks, node));
}

bool spreading_failed(const struct spreading *s, int rank)
{
    return run_of(s)->nodes.failed[nodes_of(&run_of(s)->ranks, rank)];
}

bool spreading_lacks(const struct spreading *s, uint32_t segment)
{
    return copies_lacks(&s->copies, segment);
}

bool spreading_finished(const struct spreading *s)
{
    return s->nunwanted == 0 && spread_finished(s->spread) && proofs_finished(s->proofs);
}

/* Nobody says whether it is right. */
static void take_holding(struct spreading *s, const struct run_holding *holding)
{
    const struct run *run = run_of(s);
    int keeper = nodes_keeper(&run->ranks, (int)holding->node);

    for (uint32_t i = holding->first; i < holding->first + holding->count; i++) {
        uint32_t file = run->segments.file[i];

        sched_have(s->dispatch->sched, i);
        if (!nodes_prove(run, file)) {
            relay_stored(s->dispatch->relay, i, keeper);
            s->files_known +=
                !s->copies.stored[i] && segments_of(&run->segments, file) == 1;
        }
    }
    copies_stored(&s->copies, (int)holding->node, holding->first, holding->count);
}

/* What a node has to prove is hashed there; of the others the relay makes one digest for
 * all. */
static int take_start(struct spreading *s, struct err *err)
{
    const struct run *run = run_of(s);

    if (demand_open(&s->demand, s->dispatch, s->spread, s->proofs, err) < 0)
        return -1;
    for (uint32_t f = 0; f < run->plan.nfiles; f++)
        if (nodes_prove(run, f))
            relay_skip(s->dispatch->relay, f);
        else
            proofs_trust(s->proofs, f);
    for (size_t i = 0; i < run->nodes.holdings; i++)
        if (!run->nodes.failed[run->nodes.holding[i].node])
            take_holding(s, &run->nodes.holding[i]);
    return 0;
}

int spreading_open(struct spreading *s, struct dispatch *dispatch,
                   struct existing_file *existing, struct err *err)
{
    const struct spread_policy policy = spread_policy(&dispatch->run->segments);
    const struct run *run = dispatch->run;
    int nodes = nodes_count(&run->ranks);

    *s = (struct spreading){ .dispatch = dispatch, .existing = existing, .nodes = nodes };
    s->missed = calloc((size_t)nodes, sizeof(*s->missed));
    s->emptied = calloc(run->plan.nfiles + 1, sizeof(*s->emptied));
    standstill_begin(&s->standstill, run);
    if (!s->missed || !s->emptied)
        return err_memory(err, "what the nodes have");
    if (spread_create(&s->spread, &run->segments, nodes, &policy, err) < 0)
        return -1;
    if (proofs_create(&s->proofs, &run->segments, nodes, err) < 0 ||
        copies_open(&s->copies, dispatch, s->spread, s->proofs, &s->demand, err) < 0 ||
        keeper_mail_open(&s->mail, dispatch->run, err) < 0 ||
        fence_open(&s->fence, dispatch->run, &s->mail, err) < 0)
        return -1;
    return take_start(s, err);
}

void spreading_landed(struct spreading *s, int rank, uint32_t first, uint32_t count)
{
    copies_stored(&s->copies, nodes_of(&run_of(s)->ranks, rank), first, count);
}

/* Each of its ranks drops what it was granted, and writes to no disk but its own: so it is
 * not waited for. */
static void tell_ranks(struct spreading *s, int node, const struct err *why)
{
    const struct msg msg = { .kind = MSG_NODE_FAILED,
                             .code = (int32_t)why->code,
                             .reason = (int32_t)why->reason,
                             .text = why->text };
    struct ranks *ranks = &run_of(s)->ranks;

    for (int rank = 0; rank < ranks->size; rank++)
        if (nodes_of(ranks, rank) == node) {
            sched_leave(s->dispatch->sched, rank);
            relay_drop(s->dispatch->relay, rank);
            mail_send(ranks, rank, &msg, NULL); /* its loss is noticed elsewhere */
        }
}

static int fail_node(struct spreading *s, int node, const struct err *why,
                     struct err *err)
{
    struct run *run = run_of(s);

    s->given_up += copies_wanted_by(&s->copies, node);
    outcome_fail(run, node, why);
    tell_ranks(s, node, &run->nodes.err[node]);
    spread_drop(s->spread, node);
    demand_drop(&s->demand, node);
    if (proofs_drop(s->proofs, node, err) < 0)
        return -1;
    copies_drop(&s->copies);
    return outcome_failed(run) < s->nodes ? 0 : outcome_tell(run, "is missing", err);
}

void spreading_recall(struct spreading *s, uint32_t file)
{
    s->nunwanted += !s->copies.unwanted[file];
    s->copies.unwanted[file] = true;
}

bool spreading_empties(struct spreading *s, uint32_t file)
{
    if (s->copies.unwanted[file] || proofs_recalls(s->proofs, file))
        return false;
    if (s->emptied[file] && !copies_exist(&s->copies, file))
        return !fence_waits(&s->fence);
    s->emptied[file] = true;
    spreading_recall(s, file);
    return false;
}

/* From now on no node gives it to another: what one has not forgotten yet would count as the
 * right bytes at one that has. Its digest for all begins anew from here on, and no earlier:
 * what still came from node to node until here would be hashed for it. */
static int recall(struct spreading *s, uint32_t file, struct err *err)
{
    const uint32_t *first = segments_in(s)->first;

    nearby_drop(run_of(s), file);
    if (fence_add(&s->fence, first[file], first[file + 1] - first[file], err) < 0 ||
        fence_send(&s->fence, err) < 0 || proofs_recall(s->proofs, file, err) < 0)
        return -1;
    for (int node = 0; node < s->nodes; node++)
        copies_lack(&s->copies, node, first[file], first[file + 1] - first[file]);
    if (!nodes_prove(run_of(s), file) && demand_has(&s->demand, file) &&
        !sched_is_withdrawn(s->dispatch->sched, file))
        relay_restart(s->dispatch->relay, file);
    return 0;
}

/* Not while any of it may be on its way, for the same reason. */
static int recall_unwanted(struct spreading *s, struct err *err)
{
    for (uint32_t file = 0; s->nunwanted > 0 && file < segments_in(s)->plan->nfiles;
         file++) {
        if (!s->copies.unwanted[file] || !spread_withhold(s->spread, file))
            continue;
        s->copies.unwanted[file] = false;
        s->nunwanted--;
        if (recall(s, file, err) < 0)
            return -1;
    }
    return 0;
}

void spreading_whole(struct spreading *s, uint32_t file)
{
    copies_whole(&s->copies, file);
}

/* Of the job, at least one. */
static bool exist(const struct spreading *s, uint32_t first, uint32_t count)
{
    uint32_t all = segments_in(s)->count;

    return count > 0 && first < all && count <= all - first;
}

static void hear_got(struct spreading *s, int node, const struct msg *msg)
{
    s->missed[node] = 0;
    for (uint32_t i = 0; i < msg->nitems; i++)
        copies_got(&s->copies, node, msg->item[i].segment, msg->item[i].segments);
}

static int hear_missed(struct spreading *s, int node, const struct msg *msg,
                       struct err *err)
{
    struct err why = { 0 };

    if (!exist(s, msg->segment, msg->segments) || msg->node >= (uint32_t)s->nodes)
        return err_set(err, ERR_DEFECT, "missed segment %u of node %u, which is no such",
                       (unsigned)msg->segment, (unsigned)msg->node);
    log_line(&run_of(s)->ranks.log, LOG_INFO, "%s: %s: sending it again",
             host_of(s, node), msg->text);
    spread_failed(s->spread, (int)msg->node, node, msg->segment, msg->segments);
    if (msg->ticket < s->fence.tickets || ++s->missed[node] <= MISSED_MOST)
        return 0;
    err_set(&why, ERR_NETWORK, "%s", msg->text);
    return fail_node(s, node, &why, err);
}

static int hear_proved(struct spreading *s, int node, const struct msg_item *item,
                       struct err *err)
{
    const struct segments *segments = segments_in(s);
    uint32_t end = item->segment + item->segments;
    uint32_t file = segments->file[item->segment];

    /* Nobody announced what is in the other directory, so no node can be the one to blame. */
    if ((item->flags & MSG_ITEM_DIGEST) &&
        segments->plan->files[file].want.kind == DIGEST_NONE &&
        nearby_differs(run_of(s), file, item->sha256)) {
        spreading_recall(s, file);
        return 0;
    }
    if (item->flags & MSG_ITEM_DIGEST)
        return proofs_hear(s->proofs, node, file, item->sha256,
                           (item->flags & MSG_ITEM_BAD) != 0, err);
    for (; file < segments->plan->nfiles && segments->first[file] < end; file++)
        if (segments_of(segments, file) > 0 &&
            proofs_hear(s->proofs, node, file, NULL, false, err) < 0)
            return -1;
    return 0;
}

static int hear_all_proved(struct spreading *s, int node, const struct msg *msg,
                           struct err *err)
{
    for (uint32_t i = 0; i < msg->nitems; i++)
        if (hear_proved(s, node, &msg->item[i], err) < 0)
            return -1;
    return 0;
}

/* Neighbours of maybe several files that a node has found to be bad. */
static int forget(struct spreading *s, int node, const struct msg_item *item, bool asked,
                  struct err *err)
{
    const struct segments *segments = segments_in(s);
    uint32_t end = item->segment + item->segments;
    uint32_t file = segments->file[item->segment];

    if (!proofs_recalls(s->proofs, file))
        log_line(&run_of(s)->ranks.log, LOG_WARN,
                 "%s: %u segments of '%s' are not on the disk as they were written: they "
                 "come again",
                 host_of(s, node), (unsigned)item->segments,
                 plan_path(&run_of(s)->plan, file));
    copies_lack(&s->copies, node, item->segment, item->segments);
    for (; !asked && file < segments->plan->nfiles && segments->first[file] < end; file++)
        if (proofs_void(s->proofs, node, file, err) < 0)
            return -1;
    return 0;
}

/* Unasked: they were to be read for others. */
static int hear_forgot(struct spreading *s, int node, const struct msg *msg,
                       struct err *err)
{
    bool asked = msg->segments > 0;

    if (asked && !exist(s, msg->segment, msg->segments))
        return err_set(err, ERR_DEFECT, "forgot segment %u, which does not exist",
                       (unsigned)msg->segment);
    for (uint32_t i = 0; i < msg->nitems; i++)
        if (forget(s, node, &msg->item[i], asked, err) < 0)
            return -1;
    return asked ? proofs_forgot(s->proofs, node, segments_in(s)->file[msg->segment],
                                 msg->nitems > 0, err)
                 : 0;
}

static int hear_from(struct spreading *s, int node, const struct msg *msg,
                     struct err *err)
{
    struct err why = { 0 };

    for (uint32_t i = 0; i < msg->nitems; i++)
        if (!exist(s, msg->item[i].segment, msg->item[i].segments))
            return err_set(err, ERR_DEFECT, "'%s' of segment %u, which does not exist",
                           msg_name(msg->kind), (unsigned)msg->item[i].segment);
    switch (msg->kind) {
    case MSG_SUMS:
        if (keeper_mail_sums(&s->mail, msg) < 0)
            return err_set(err, ERR_DEFECT, "segments and checksums do not fit together");
        return 0;
    case MSG_GOT:
        hear_got(s, node, msg);
        return 0;
    case MSG_MISSED:
        return hear_missed(s, node, msg, err);
    case MSG_FENCED:
        return fence_hear(&s->fence, node) == 0
                   ? 0
                   : err_set(err, ERR_DEFECT, "a fence is answered that was not asked");
    case MSG_PROVED:
        return hear_all_proved(s, node, msg, err);
    case MSG_FORGOT:
        return hear_forgot(s, node, msg, err);
    default: /* NODE_FAILED */
        msg_error(msg, &why);
        return fail_node(s, node, &why, err);
    }
}

bool spreading_hears(enum msg_kind kind)
{
    return kind == MSG_SUMS || (kind >= MSG_GOT && kind <= MSG_NODE_FAILED);
}

/* What was on its way as a node failed does not count. */
int spreading_hear(struct spreading *s, int from, const struct msg *msg, struct err *err)
{
    int node = nodes_of(&run_of(s)->ranks, from);

    if (run_of(s)->nodes.failed[node])
        return 0;
    if (hear_from(s, node, msg, err) == 0)
        return 0;
    return err && err->code == ERR_DEFECT ? err_wrap(err, "rank %d", from) : -1;
}

static void note_digest(struct spreading *s, const struct proofs_action *action)
{
    memcpy(s->existing[action->file].sha256, action->sha256, sizeof(action->sha256));
    s->files_known += !action->again;
    if (s->dispatch->locator)
        locator_forget(s->dispatch->locator, action->file);
}

static int act(struct spreading *s, const struct proofs_action *action, struct err *err)
{
    const char *path = plan_path(&run_of(s)->plan, action->file);
    struct err why = { 0 };

    switch (action->kind) {
    case PROOFS_KNOWN:
        note_digest(s, action);
        return 0;
    case PROOFS_LACK:
        return keeper_mail_lack(&s->mail, action->node, action->file, action->all, err);
    case PROOFS_FAIL:
        err_set(&why, ERR_DEST,
                "'%s' is on the disk other than it was written, %d times in a row", path,
                PROOFS_MENDS + 1);
        return fail_node(s, action->node, &why, err);
    case PROOFS_WRONG:
        if (action->again)
            return mismatch(run_of(s), action->file, action->sha256, err);
        log_line(&run_of(s)->ranks.log, LOG_WARN,
                 "'%s' has the wrong digest: fetching it again", path);
        return recall(s, action->file, err);
    case PROOFS_ANEW:
        s->copies.lost = true;
        return 0;
    }
    return 0;
}

/* What comes instead may be other bytes: so nothing older may come to a node after it. */
static int fetch_lost(struct spreading *s, struct err *err)
{
    uint32_t first = 0, count = 0;

    if (fence_waits(&s->fence))
        return 0;
    if (s->fenced)
        copies_fetch_lost(&s->copies);
    s->fenced = false;
    if (!s->copies.lost)
        return 0;
    s->copies.lost = false;
    while (copies_next_lost(&s->copies, &first, &count)) {
        s->fenced = true;
        if (fence_add(&s->fence, first, count, err) < 0)
            return -1;
    }
    return fence_send(&s->fence, err);
}

int spreading_step(struct spreading *s, bool *moved, struct err *err)
{
    struct proofs_action action;
    struct spread_ticket ticket;

    if (recall_unwanted(s, err) < 0)
        return -1;
    while (proofs_next(s->proofs, &action)) {
        *moved = true;
        if (act(s, &action, err) < 0)
            return -1;
    }
    if (fetch_lost(s, err) < 0)
        return -1;
    while (spread_next(s->spread, &ticket)) {
        *moved = true;
        if (keeper_mail_ticket(&s->mail, &ticket, err) < 0)
            return -1;
    }
    return 0;
}

void spreading_moved(struct spreading *s, const struct msg *msg)
{
    if (msg->kind != MSG_PROGRESS || !msg->idle)
        standstill_moved(&s->standstill);
}

int spreading_check(const struct spreading *s, struct err *err)
{
    int node = 0;

    while (node < s->nodes &&
           (run_of(s)->nodes.failed[node] || spread_complete(s->spread, node)))
        node++;
    return standstill_check(&s->standstill, node < s->nodes ? node : -1, err);
}
