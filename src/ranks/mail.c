#include "ranks/mail.h"

#include <string.h>

#include "io/clock.h"
#include "io/guard.h"
#include "ranks/ranks.h"

int mail_send(struct ranks *ranks, int to, const struct msg *msg, struct err *err)
{
    struct strbuf bytes = { 0 };
    int rc;

    msg_encode(msg, &bytes);
    rc = bytes.failed ? err_memory(err, "a message")
                      : comm_send(ranks->comm, to, bytes.data, bytes.len, err);
    if ((msg->kind == MSG_SHARE || msg->kind == MSG_ASK) &&
        bytes.data) /* a token, maybe */
        explicit_bzero(bytes.data, bytes.cap);
    strbuf_release(&bytes);
    if (ranks->rank != 0 && to == 0)
        silence_said(&ranks->liveness.silence);
    return rc;
}

/* A rank that cannot be sent to is gone, and will be noticed by its silence. */
void mail_speak(struct ranks *ranks)
{
    struct silence *silence = &ranks->liveness.silence;
    const struct msg msg = { .kind = MSG_ALIVE };

    guard_turn();
    silence_tick(silence, clock_now());
    if (!silence_speak(silence))
        return;
    silence_said(silence);
    if (ranks->rank != 0)
        mail_send(ranks, 0, &msg, NULL);
    for (int to = 1; to < ranks->size && ranks->rank == 0; to++)
        mail_send(ranks, to, &msg, NULL);
}

/* Rank 0, once the outcome is certain. */
static void tell_all(struct ranks *ranks)
{
    struct msg msg = { .kind = MSG_LOST, .step = ranks->agree.step };

    liveness_describe(ranks);
    msg.code = ranks->settled ? ERR_NONE : ERR_INTERRUPTED;
    msg.text = ranks->liveness.loss.text;
    /* The lost one too: it may only have been stopped for a while. */
    for (int to = 1; to < ranks->size; to++)
        mail_send(ranks, to, &msg, NULL);
    ranks->liveness.told = true;
}

/* If rank 0 continues it must not publish: report a failure to it. */
static void tell_rank_0(struct ranks *ranks)
{
    const struct msg msg = { .kind = MSG_ABORT,
                             .code = ERR_INTERRUPTED,
                             .reason = REASON_RANK_LOST,
                             .rank = ranks->rank,
                             .text = ranks->liveness.loss.text };

    mail_send(ranks, 0, &msg, NULL);
}

static int give_up(struct ranks *ranks, int rank, struct err *err)
{
    liveness_lose(ranks, rank);
    if (ranks->rank != 0)
        tell_rank_0(ranks);
    else if (!ranks->background) /* else that may still end in a publish */
        tell_all(ranks);
    return err_copy(err, &ranks->liveness.loss);
}

/* Whether the message is for the guest, who gets it. */
static bool is_for_guest(struct ranks *ranks, struct strbuf *bytes, const struct msg *msg,
                         int from)
{
    if (msg->kind != MSG_ASK && msg->kind != MSG_ASK_ON && msg->kind != MSG_ANSWER)
        return false;
    if (ranks->guest)
        ranks->guest->hear(ranks->guest->arg, from, msg);
    if (msg->kind == MSG_ASK)
        explicit_bzero(bytes->data, bytes->cap);
    return true;
}

int mail_take(struct ranks *ranks, struct strbuf *bytes, struct msg *msg, int *from,
              struct err *err)
{
    struct liveness *liveness = &ranks->liveness;
    int rc, rank;

    if (liveness->lost)
        return err_copy(err, &liveness->loss);
    guard_turn();
    if (ranks->guest)
        ranks->guest->turn(ranks->guest->arg);
    *from = -1;
    while ((rc = comm_recv(ranks->comm, bytes, from, err)) > 0) {
        silence_heard(&liveness->silence, *from);
        if (msg_decode(msg, bytes->data, bytes->len, err) < 0)
            return -1;
        if (msg->kind == MSG_LOST)
            return liveness_hear(ranks, msg, err);
        if (msg->kind != MSG_ALIVE && !is_for_guest(ranks, bytes, msg, *from))
            return 1;
    }
    /* Signs of life may be behind a long message: the beginning of one counts. */
    if (*from >= 0)
        silence_heard(&liveness->silence, *from);
    /* If nothing can be received any more, all others look silent, and
     * that ends the run. */
    mail_speak(ranks);
    rank = silence_due(&liveness->silence);
    return rank < 0 ? rc : give_up(ranks, rank, err);
}

int mail_end(struct ranks *ranks, struct err *err)
{
    if (ranks->rank == 0 && !ranks->liveness.told)
        tell_all(ranks);
    if (!ranks->settled)
        return err_copy(err, &ranks->liveness.loss);
    err_clear(err);
    return 0;
}
