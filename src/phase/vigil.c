#include "phase/vigil.h"

#include "io/clock.h"
#include "io/guard.h"
#include "phase/run.h"

int vigil_open(struct run *run, double timeout, struct err *err)
{
    return silence_init(&run->vigil.silence, run->rank, run->size, timeout, clock_now(),
                        err);
}

void vigil_close(struct run *run)
{
    silence_release(&run->vigil.silence);
}

/* Who cannot be sent to is gone, and will be found silent. */
void vigil_speak(struct run *run)
{
    const struct msg msg = { .kind = MSG_ALIVE };

    guard_turn();
    silence_tick(&run->vigil.silence, clock_now());
    if (!silence_speak(&run->vigil.silence))
        return;
    silence_said(&run->vigil.silence);
    if (run->rank != 0)
        agree_send(run, 0, &msg, NULL);
    for (int to = 1; to < run->size && run->rank == 0; to++)
        agree_send(run, to, &msg, NULL);
}

/* Each node has one that says that rank 0 is lost: its lowest other rank. */
static int speaker(const struct run *run)
{
    int rank = 1;

    while (comm_node(run->comm, rank) != comm_node(run->comm, run->rank))
        rank++;
    return rank;
}

/* Of the lost rank, for this one to say. */
static void describe(struct run *run)
{
    struct vigil *vigil = &run->vigil;

    err_clear(&vigil->loss);
    err_set(&vigil->loss, ERR_INTERRUPTED,
            "rank %d on %s has said nothing for %.0f s: it is given up%s", vigil->who,
            comm_host(run->comm, vigil->who), vigil->silence.timeout,
            run->agree.final ? ""
            : vigil->stages
                ? "; run the same command again, it continues with what is staged"
                : "; run it again");
    vigil->loss.rank = run->rank == 0 ? 0 : speaker(run);
}

/* Rank 0, once it is certain what the run came to. */
static void tell_all(struct run *run)
{
    struct msg msg = { .kind = MSG_LOST };

    describe(run);
    msg.code = run->agree.final ? ERR_NONE : ERR_INTERRUPTED;
    msg.text = run->vigil.loss.text;
    /* The lost one as well: it may only have been asleep. */
    for (int to = 1; to < run->size; to++)
        agree_send(run, to, &msg, NULL);
    run->vigil.told = true;
}

/* If rank 0 wakes up it must not publish: this one reports a failure. */
static void tell_rank_0(struct run *run)
{
    const struct msg msg = { .kind = MSG_ABORT,
                             .code = ERR_INTERRUPTED,
                             .rank = run->rank,
                             .text = run->vigil.loss.text };

    agree_send(run, 0, &msg, NULL);
}

static int give_up(struct run *run, int rank, struct err *err)
{
    struct vigil *vigil = &run->vigil;

    vigil->lost = true;
    vigil->who = rank;
    describe(run);
    if (run->rank != 0)
        tell_rank_0(run);
    else if (!run->aside) /* else that may still end in a publish */
        tell_all(run);
    return err_copy(err, &vigil->loss);
}

static int hear_lost(struct run *run, const struct msg *msg, struct err *err)
{
    struct vigil *vigil = &run->vigil;

    vigil->lost = true;
    if (msg->code == ERR_NONE)
        agree_settle(run);
    err_clear(&vigil->loss);
    err_set(&vigil->loss, ERR_INTERRUPTED, "%s", msg->text);
    return err_copy(err, &vigil->loss);
}

int vigil_take(struct run *run, struct strbuf *bytes, struct msg *msg, int *from,
               struct err *err)
{
    struct vigil *vigil = &run->vigil;
    int rc, rank;

    if (vigil->lost)
        return err_copy(err, &vigil->loss);
    guard_turn();
    *from = -1;
    while ((rc = comm_recv(run->comm, bytes, from, err)) > 0) {
        silence_heard(&vigil->silence, *from);
        if (msg_decode(msg, bytes->data, bytes->len, err) < 0)
            return -1;
        if (msg->kind == MSG_LOST)
            return hear_lost(run, msg, err);
        if (msg->kind != MSG_ALIVE)
            return 1;
    }
    /* Signs of life wait behind a long message; that they have come is enough. */
    if (*from >= 0)
        silence_heard(&vigil->silence, *from);
    /* Where nothing can be received any more all others look silent, and that ends it. */
    vigil_speak(run);
    rank = silence_due(&vigil->silence);
    return rank < 0 ? rc : give_up(run, rank, err);
}

int vigil_end(struct run *run, struct err *err)
{
    if (run->rank == 0 && !run->vigil.told)
        tell_all(run);
    if (!run->agree.final)
        return err_copy(err, &run->vigil.loss);
    err_clear(err);
    return 0;
}
