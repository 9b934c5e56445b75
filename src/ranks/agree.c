#include "ranks/agree.h"

#include <string.h>

#include "io/guard.h"
#include "io/nap.h"
#include "ranks/mail.h"
#include "ranks/ranks.h"

/* A millisecond of delay is nothing beside a step. */
static const struct nap AGREE_NAP = { .shortest = 0.0001, .longest = 0.002 };

static void keep_worst(struct agree *agree, const struct msg *msg)
{
    struct err *worst = &agree->worst;
    bool by_itself = msg->code != ERR_INTERRUPTED;
    bool had_cause = worst->code != ERR_NONE && worst->code != ERR_INTERRUPTED;

    if (msg->code == ERR_NONE)
        return;
    if (worst->code != ERR_NONE && (had_cause ? !by_itself || worst->rank < msg->rank
                                              : !by_itself && worst->rank < msg->rank))
        return;
    err_clear(worst);
    msg_error(msg, worst);
    worst->rank = msg->rank;
}

void agree_hear(struct ranks *ranks, const struct msg *msg)
{
    if (msg->kind == MSG_VOTE)
        ranks->agree.votes++;
    if (msg->kind == MSG_VOTE ||
        (msg->kind == MSG_ABORT && !ranks->settled && !ranks->bound))
        keep_worst(&ranks->agree, msg);
}

/* Instead of the kind of a whole message, as it was sent. */
static const enum msg_kind FOR_WORKER = MSG_KINDS;

/* Precedes the bytes of each: there may be several, and empty ones. */
struct early {
    enum msg_kind kind;
    int from;
    size_t len;
};

static void keep_early(struct strbuf *kept, enum msg_kind kind, int from,
                       const void *bytes, size_t len)
{
    const struct early early = { kind, from, len };

    strbuf_add(kept, &early, sizeof(early));
    strbuf_add(kept, bytes, len);
}

/* The first of that kind; false: none arrived early. */
static bool take_early(struct strbuf *kept, enum msg_kind kind, int *from,
                       struct strbuf *bytes)
{
    struct early early;

    for (size_t at = 0; at < kept->len; at += sizeof(early) + early.len) {
        char *head = kept->data + at, *end;

        memcpy(&early, head, sizeof(early));
        if (early.kind != kind)
            continue;
        end = head + sizeof(early) + early.len;
        strbuf_add(bytes, head + sizeof(early), early.len);
        *from = early.from;
        memmove(head, end, (size_t)(kept->data + kept->len - end));
        kept->len -= sizeof(early) + early.len;
        return true;
    }
    return false;
}

/* Messages that a later call will ask for. */
static bool is_for_later(enum msg_kind kind)
{
    return kind == MSG_SHARE || kind == MSG_STATS || kind == MSG_TRACE ||
           kind == MSG_SEEN || kind == MSG_OWNER;
}

/* What a rank that is not rank 0 says unasked to the worker of another. */
static bool is_for_worker(enum msg_kind kind)
{
    return kind == MSG_OFFER || kind == MSG_LANDED || kind == MSG_HASH;
}

/* Its decision is still on its way, while the sender has had that and works. */
static void keep_for_later(struct ranks *ranks, int from, const struct msg *msg)
{
    struct agree *agree = &ranks->agree;

    if (is_for_later(msg->kind))
        keep_early(&agree->early, msg->kind, from, msg->blob, (size_t)msg->blob_len);
    else if (ranks->rank != 0 && is_for_worker(msg->kind))
        keep_early(&agree->early, FOR_WORKER, from, agree->bytes.data, agree->bytes.len);
}

int agree_take_early(struct ranks *ranks, struct strbuf *bytes, struct msg *msg,
                     int *from, struct err *err)
{
    if (ranks->agree.early.len == 0)
        return 0;
    strbuf_clear(bytes);
    if (!take_early(&ranks->agree.early, FOR_WORKER, from, bytes))
        return 0;
    if (bytes->failed)
        return err_memory(err, "a message");
    return msg_decode(msg, bytes->data, bytes->len, err) < 0 ? -1 : 1;
}

/* Receive what has arrived. Messages of an earlier step (late progress, for instance) are
 * dropped. 1 once the decision of the step is in *msg; 0 before; -1 for bytes that are
 * not a message. */
static int hear_all(struct ranks *ranks, struct msg *msg, struct err *err)
{
    int from, rc;

    while ((rc = mail_take(ranks, &ranks->agree.bytes, msg, &from, err)) > 0) {
        if (msg->kind == MSG_DECISION && msg->step == ranks->agree.step)
            return 1;
        keep_for_later(ranks, from, msg);
        agree_hear(ranks, msg);
    }
    return rc == 0 && ranks->agree.early.failed ? err_memory(err, "a message") : rc;
}

static bool is_interrupted(const struct ranks *ranks)
{
    return !ranks->bound && ranks->interrupted(ranks->interrupted_arg);
}

int agree_listen(struct ranks *ranks, struct err *err)
{
    bool interrupted = is_interrupted(ranks);
    struct msg msg;

    if (hear_all(ranks, &msg, err) < 0)
        return -1;
    if (interrupted)
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    return ranks->agree.worst.code != ERR_NONE ? err_copy(err, &ranks->agree.worst) : 0;
}

void agree_bind(struct ranks *ranks)
{
    ranks->bound = true;
}

void agree_unbind(struct ranks *ranks)
{
    ranks->bound = false;
}

void agree_settle(struct ranks *ranks)
{
    ranks->settled = true;
    guard_settle(NULL);
    err_clear(&ranks->agree.worst);
}

void agree_reopen(struct ranks *ranks)
{
    ranks->settled = false;
    ranks->agree.told = false;
    guard_reopen();
}

/* Rank 0 has all votes: send the decision. A rank that it cannot be sent to is gone; the
 * others get it all the same, and ranks/liveness.h notices the loss. */
static void decide(struct ranks *ranks)
{
    struct agree *agree = &ranks->agree;
    struct msg msg = { .kind = MSG_DECISION, .step = agree->step };

    /* A rank may have seen only a consequence, such as a missing file. */
    if (ranks->explain)
        ranks->explain(ranks->explain_arg, &agree->worst);
    msg.code = (int32_t)agree->worst.code;
    msg.reason = (int32_t)agree->worst.reason;
    msg.rank = agree->worst.rank;
    msg.text = agree->worst.text;
    for (int to = 0; to < ranks->size; to++)
        mail_send(ranks, to, &msg, NULL);
    agree->votes = 0;
    err_clear(&agree->worst);
}

/* The decision of this step, into *msg; a signal here ends it for all. */
static int wait_for_decision(struct ranks *ranks, struct msg *msg, struct err *err)
{
    struct agree *agree = &ranks->agree;
    struct nap nap = AGREE_NAP;
    int heard;

    while ((heard = hear_all(ranks, msg, err)) == 0) {
        if (ranks->rank == 0 && agree->votes == ranks->size)
            decide(ranks);
        if (ranks->rank != 0 && !agree->told && is_interrupted(ranks)) {
            struct msg abort = { .kind = MSG_ABORT,
                                 .code = ERR_INTERRUPTED,
                                 .rank = ranks->rank,
                                 .text = "interrupted" };

            agree->told = true;
            if (mail_send(ranks, 0, &abort, err) < 0)
                return -1;
        }
        nap_take(&nap);
    }
    return heard < 0 ? -1 : 0;
}

/* No decision was received: a settled outcome counts. */
static int leave_step(struct ranks *ranks, struct err *err)
{
    if (ranks->liveness.lost)
        return mail_end(ranks, err);
    if (!ranks->settled)
        return -1;
    err_clear(err);
    return 0;
}

int agree_step(struct ranks *ranks, int rc, struct err *err)
{
    struct agree *agree = &ranks->agree;
    struct msg msg = { .kind = MSG_VOTE,
                       .step = agree->step,
                       .code = rc < 0 ? (int32_t)(err->code ? err->code : ERR_DEFECT) : 0,
                       .reason = rc < 0 ? (int32_t)err->reason : 0,
                       /* An error that another rank saw first stays its own. */
                       .rank = rc < 0 && err->rank > 0 ? err->rank : ranks->rank,
                       .text = rc < 0 ? err->text : "" };

    if (ranks->liveness.lost)
        return mail_end(ranks, err);
    rc = mail_send(ranks, 0, &msg, err);
    if (rc == 0)
        rc = wait_for_decision(ranks, &msg, err);
    agree->step++;
    if (rc < 0)
        return leave_step(ranks, err);
    if (msg.code == ERR_NONE)
        return 0;
    err_clear(err);
    msg_error(&msg, err);
    err->rank = msg.rank;
    return -1;
}

static int receive_share(struct ranks *ranks, struct strbuf *bytes, struct err *err)
{
    struct strbuf *in = &ranks->agree.bytes;
    struct msg msg = { .kind = MSG_KINDS };
    struct nap nap = AGREE_NAP;
    int from;

    if (take_early(&ranks->agree.early, MSG_SHARE, &from, bytes))
        return 0;
    while (msg.kind != MSG_SHARE) {
        int rc = mail_take(ranks, in, &msg, &from, err);

        if (rc == 0)
            nap_take(&nap);
        if (rc < 0)
            return -1;
    }
    strbuf_add(bytes, msg.blob, (size_t)msg.blob_len);
    /* A plan may be long and contains a token: free and wipe it. */
    explicit_bzero(in->data, in->cap);
    strbuf_release(in);
    return 0;
}

int agree_share_down(struct ranks *ranks, struct strbuf *bytes, bool mine,
                     const int child[2], struct err *err)
{
    struct msg msg = { .kind = MSG_SHARE };

    const struct msg nothing = { .kind = MSG_SHARE };
    int rc;

    if (ranks->liveness.lost)
        return err_copy(err, &ranks->liveness.loss);
    rc = mine ? 0 : receive_share(ranks, bytes, err);
    if (rc == 0 && bytes->failed)
        rc = err_memory(err, "the data shared by another rank");
    /* A rank without bytes forwards an empty message: the ranks below would wait. */
    if (rc == 0) {
        msg.blob = bytes->data;
        msg.blob_len = bytes->len;
    }
    for (int i = 0; i < 2; i++)
        if (child[i] < ranks->size && mail_send(ranks, child[i], &msg, err) < 0) {
            rc = -1;
            mail_send(ranks, child[i], &nothing, NULL);
        }
    return rc;
}

int agree_share(struct ranks *ranks, struct strbuf *bytes, struct err *err)
{
    const int child[] = { 2 * ranks->rank + 1, 2 * ranks->rank + 2 };

    return agree_share_down(ranks, bytes, ranks->rank == 0, child, err);
}

/* The next of the kind that *msg says, into *msg. */
static int receive_gathered(struct ranks *ranks, struct msg *msg, int *from,
                            struct err *err)
{
    struct strbuf *in = &ranks->agree.bytes;
    const enum msg_kind kind = msg->kind;
    struct nap nap = AGREE_NAP;
    int there;

    strbuf_clear(in);
    if (take_early(&ranks->agree.early, kind, from, in)) {
        msg->blob = in->data;
        msg->blob_len = in->len;
        return in->failed ? err_memory(err, "a message") : 0;
    }
    while ((there = mail_take(ranks, in, msg, from, err)) >= 0) {
        if (there == 0)
            nap_take(&nap);
        else if (msg->kind == kind)
            return 0;
        else
            agree_hear(ranks, msg);
    }
    return -1;
}

int agree_gather(struct ranks *ranks, enum msg_kind kind, const void *bytes, size_t len,
                 int (*take)(void *arg, int rank, const void *bytes, size_t len,
                             struct err *err),
                 void *arg, struct err *err)
{
    const struct msg mine = { .kind = kind, .blob = bytes, .blob_len = len };
    int from, rc;

    if (ranks->liveness.lost)
        return ranks->rank == 0 ? take(arg, 0, bytes, len, err) : 0;
    rc = mail_send(ranks, 0, &mine, err);
    if (rc < 0 || ranks->rank != 0)
        return rc;
    /* Receive all of them, even after a failure: none may be left for the next gather. */
    for (int missing = ranks->size; missing > 0; missing--) {
        struct msg msg = { .kind = kind };

        if (receive_gathered(ranks, &msg, &from, err) < 0)
            return -1;
        if (rc == 0)
            rc = take(arg, from, msg.blob, (size_t)msg.blob_len, err);
    }
    return rc;
}

void agree_release(struct agree *agree)
{
    strbuf_release(&agree->bytes);
    strbuf_release(&agree->early);
}
