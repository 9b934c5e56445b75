/* phase/agree.h and phase/vigil.h over real MPI where calls fail, as an MPI says it of a
 * rank that is gone. The first thing that does not hold ends the whole job; a rank that
 * waits for ever is ended by the alarm. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/comm_mpi.h"
#include "phase/run.h"

enum { DEAD = 1, PATIENCE = 100 };

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
    const struct msg vote = { .kind = MSG_VOTE, .id = run->agree.step };

    require(agree_send(run, 0, &vote, NULL) == 0, "sending failed");
    run->agree.step++;
}

static void the_others_leave_a_step(struct run *run)
{
    struct err err = { 0 };

    refused = run->rank == 0 ? DEAD : -1;
    if (run->rank == DEAD)
        vote_and_die(run);
    else
        require(agree_step(run, 0, &err) == 0, "a rank that is gone fails the step");
    refused = -1;
    MPI_Barrier(MPI_COMM_WORLD); /* rank 0 takes each vote for one of its step */
    require(agree_step(run, 0, &err) == 0, "the next step fails");
}

/* Whoever cannot reach rank 0 any more has no decision; after a publish it needs none. */
static void leave_without_rank_0(struct run *run, bool final)
{
    const struct msg vote = { .kind = MSG_VOTE, .id = run->agree.step };
    struct err err = { 0 };

    refused = 0;
    run->agree.final = final;
    require(agree_step(run, 0, &err) == (final ? 0 : -1), "another result");
    require((err.code == ERR_NONE) == final, "another error");
    run->agree.final = false;
    refused = -1;
    require(agree_send(run, 0, &vote, NULL) == 0, "sending failed");
}

static void what_is_settled_stands(struct run *run)
{
    struct err err = { 0 };

    for (int final = 0; final <= 1; final++) {
        if (run->rank == DEAD)
            leave_without_rank_0(run, final == 1);
        else
            require(agree_step(run, 0, &err) == 0, "a good step failed");
        MPI_Barrier(MPI_COMM_WORLD); /* rank 0 takes each vote for one of its step */
    }
}

static void the_others_hear_of_rank_0(struct run *run)
{
    struct strbuf bytes = { 0 };
    struct msg msg = { .kind = MSG_KINDS };
    struct err err = { 0 };
    int from;

    if (run->rank == 0) {
        refused = DEAD;
        require(vigil_open(run, 1, &err) == 0, "out of memory");
        clock_sleep(0.2); /* of which a sixth of the timeout counts: a sign is due */
        vigil_speak(run);
        refused = -1;
        vigil_close(run);
    } else if (run->rank != DEAD) {
        while (comm_recv(run->comm, &bytes, &from, &err) == 0)
            clock_sleep(0.001);
        require(msg_decode(&msg, bytes.data, bytes.len, &err) == 0, "no message");
        require(msg.kind == MSG_ALIVE, "no sign of life");
    }
    strbuf_release(&bytes);
    run->vigil = (struct vigil){ 0 };
    require(agree_step(run, 0, &err) == 0, "a good step failed");
}

static void a_deaf_rank_gives_up(struct run *run)
{
    double until = clock_now() + PATIENCE / 4;
    struct strbuf bytes = { 0 };
    struct err err = { 0 };
    struct msg msg;
    int from;

    if (run->rank == DEAD) {
        deaf = true;
        refused = 0; /* rank 0 has other tests to do */
        require(vigil_open(run, 0.2, &err) == 0, "out of memory");
        while (!run->vigil.lost && clock_now() < until) {
            err_clear(&err);
            require(vigil_take(run, &bytes, &msg, &from, &err) == -1, "no failure");
            clock_sleep(0.001);
        }
        require(run->vigil.lost, "it waits for ever");
        require(err.code == ERR_INTERRUPTED, "the loss is not what is said");
        require(strstr(err.text, "; run it again") != NULL, "staged where nothing is");
        deaf = false;
        refused = -1;
        vigil_close(run);
    }
    strbuf_release(&bytes);
    run->vigil = (struct vigil){ 0 };
    err_clear(&err);
    require(agree_step(run, 0, &err) == 0, "a good step failed");
}

struct test {
    const char *name;
    void (*run)(struct run *run);
};

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        { "the others leave a step", the_others_leave_a_step },
        { "what is settled stands", what_is_settled_stands },
        { "the others hear of rank 0", the_others_hear_of_rank_0 },
        { "a deaf rank", a_deaf_rank_gives_up },
    };
    struct run run = { .interrupted = never };
    struct err err = { 0 };
    int provided;

    alarm(PATIENCE);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    require(comm_open(&run.comm, MPI_COMM_WORLD, &err) == 0, "comm_open");
    run.rank = comm_rank(run.comm);
    run.size = comm_size(run.comm);
    for (size_t i = 0; i < countof(tests) && run.size > DEAD; i++) {
        now_testing = tests[i].name;
        tests[i].run(&run);
        if (run.rank == 0)
            printf("ok %s\n", tests[i].name);
        fflush(stdout);
    }
    agree_release(&run.agree);
    require(comm_close(run.comm, PATIENCE), "a message did not leave");
    MPI_Finalize();
    return 0;
}
