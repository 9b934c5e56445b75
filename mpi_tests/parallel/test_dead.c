/* ranks/agree.h and ranks/liveness.h over real MPI where calls fail, as an MPI says it of
 * a rank that is gone. The first thing that does not hold ends the whole job; a rank that
 * waits for ever is ended by the alarm. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/mpi/comm_mpi.h"
#include "ranks/mail.h"
#include "ranks/run.h"

enum { DEAD = 1, PATIENCE = 400 };

static const char *now_testing = "";
static int refused = -1; /* the rank to which no send succeeds */
static bool deaf;        /* nothing is received */

int MPI_Isend(const void *buf, int count, MPI_Datatype type, int to, int tag,
              MPI_Comm comm, MPI_Request *request)
{
    if (to == refused)
        return MPI_ERR_OTHER;
    return PMPI_Isend(buf, count, type, to, tag, comm, request);
}

int MPI_Improbe(int from, int tag, MPI_Comm comm, int *there, MPI_Message *message,
                MPI_Status *status)
{
    return deaf ? MPI_ERR_OTHER : PMPI_Improbe(from, tag, comm, there, message, status);
}

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test_dead: %s: %s\n", now_testing, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* It has voted, and is gone before the decision. */
static void vote_and_die(struct run *run)
{
    const struct msg vote = { .kind = MSG_VOTE, .step = run->ranks.agree.step };

    require(mail_send(&run->ranks, 0, &vote, NULL) == 0, "sending failed");
    run->ranks.agree.step++;
}

static void the_others_leave_a_step(struct run *run)
{
    struct err err = { 0 };

    refused = run->ranks.rank == 0 ? DEAD : -1;
    if (run->ranks.rank == DEAD)
        vote_and_die(run);
    else
        require(agree_step(&run->ranks, 0, &err) == 0,
                "a rank that is gone fails the step");
    refused = -1;
    MPI_Barrier(MPI_COMM_WORLD); /* rank 0 takes each vote for one of its step */
    require(agree_step(&run->ranks, 0, &err) == 0, "the next step fails");
}

/* Whoever cannot reach rank 0 any more has no decision; after a publish it needs none. */
static void leave_without_rank_0(struct run *run, bool final)
{
    const struct msg vote = { .kind = MSG_VOTE, .step = run->ranks.agree.step };
    struct err err = { 0 };

    refused = 0;
    run->ranks.settled = final;
    require(agree_step(&run->ranks, 0, &err) == (final ? 0 : -1), "another result");
    require((err.code == ERR_NONE) == final, "another error");
    run->ranks.settled = false;
    refused = -1;
    require(mail_send(&run->ranks, 0, &vote, NULL) == 0, "sending failed");
}

static void a_settled_outcome_counts(struct run *run)
{
    struct err err = { 0 };

    for (int final = 0; final <= 1; final++) {
        if (run->ranks.rank == DEAD)
            leave_without_rank_0(run, final == 1);
        else
            require(agree_step(&run->ranks, 0, &err) == 0, "a good step failed");
        MPI_Barrier(MPI_COMM_WORLD); /* rank 0 takes each vote for one of its step */
    }
}

static void the_others_hear_of_rank_0(struct run *run)
{
    struct strbuf bytes = { 0 };
    struct msg msg = { .kind = MSG_KINDS };
    struct err err = { 0 };
    int from;

    if (run->ranks.rank == 0) {
        refused = DEAD;
        require(liveness_open(&run->ranks, 1, &err) == 0, "out of memory");
        clock_sleep(0.2); /* of which a sixth of the timeout counts: a sign is due */
        mail_speak(&run->ranks);
        refused = -1;
        liveness_close(&run->ranks);
    } else if (run->ranks.rank != DEAD) {
        while (comm_recv(run->ranks.comm, &bytes, &from, &err) == 0)
            clock_sleep(0.001);
        require(msg_decode(&msg, bytes.data, bytes.len, &err) == 0, "no message");
        require(msg.kind == MSG_ALIVE, "no sign of life");
    }
    strbuf_release(&bytes);
    run->ranks.liveness = (struct liveness){ 0 };
    require(agree_step(&run->ranks, 0, &err) == 0, "a good step failed");
}

static void a_deaf_rank_gives_up(struct run *run)
{
    double until = clock_now() + PATIENCE / 4;
    struct strbuf bytes = { 0 };
    struct err err = { 0 };
    struct msg msg;
    int from;

    if (run->ranks.rank == DEAD) {
        deaf = true;
        refused = 0; /* rank 0 has other tests to do */
        require(liveness_open(&run->ranks, 0.2, &err) == 0, "out of memory");
        while (!run->ranks.liveness.lost && clock_now() < until) {
            err_clear(&err);
            require(mail_take(&run->ranks, &bytes, &msg, &from, &err) == -1,
                    "no failure");
            clock_sleep(0.001);
        }
        require(run->ranks.liveness.lost, "it waits for ever");
        require(err.code == ERR_INTERRUPTED, "the loss is not what is said");
        require(strstr(err.text, "; run again") != NULL, "staged where nothing is");
        deaf = false;
        refused = -1;
        liveness_close(&run->ranks);
    }
    strbuf_release(&bytes);
    run->ranks.liveness = (struct liveness){ 0 };
    err_clear(&err);
    require(agree_step(&run->ranks, 0, &err) == 0, "a good step failed");
}

struct test {
    const char *name;
    void (*run)(struct run *run);
};

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        { "the others leave a step", the_others_leave_a_step },
        { "a settled outcome counts", a_settled_outcome_counts },
        { "the others hear of rank 0", the_others_hear_of_rank_0 },
        { "a deaf rank", a_deaf_rank_gives_up },
    };
    struct run run = { .ranks.interrupted = never };
    struct err err = { 0 };
    int provided;

    alarm(PATIENCE);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    require(comm_open(&run.ranks.comm, MPI_COMM_WORLD, &err) == 0, "comm_open");
    run.ranks.rank = comm_rank(run.ranks.comm);
    run.ranks.size = comm_size(run.ranks.comm);
    for (size_t i = 0; i < countof(tests) && run.ranks.size > DEAD; i++) {
        now_testing = tests[i].name;
        tests[i].run(&run);
        if (run.ranks.rank == 0)
            printf("ok %s\n", tests[i].name);
        fflush(stdout);
    }
    agree_release(&run.ranks.agree);
    require(comm_close(run.ranks.comm, PATIENCE), "a message did not leave");
    MPI_Finalize();
    return 0;
}
