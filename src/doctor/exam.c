#include "doctor/exam.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doctor/exam_part.h"

/* Seconds. Alone rank 0 gives no sign of life, for which the others do not wait long. */
static const double CLEAN_PATIENCE = 60, ALONE_PATIENCE = 20;

static int find_nodes(struct exam *exam, struct err *err)
{
    const struct run *run = exam->run;
    size_t most = (size_t)run->ranks.size;

    exam->first = calloc(most, sizeof(*exam->first));
    exam->blind = calloc(most, sizeof(*exam->blind));
    exam->scratch = calloc(most, sizeof(*exam->scratch));
    exam->scratch_own = calloc(most, sizeof(*exam->scratch_own));
    if (!exam->first || !exam->blind || !exam->scratch || !exam->scratch_own)
        return err_memory(err, "the list of nodes");
    /* Nodes are numbered by their lowest rank. */
    for (int rank = 0; rank < run->ranks.size; rank++)
        if (comm_node(run->ranks.comm, rank) == exam->nodes)
            exam->first[exam->nodes++] = rank;
    return 0;
}

int exam_open(struct exam *exam, struct run *run, const char *dir, bool quick,
              struct err *err)
{
    *exam = (struct exam){ .run = run, .dir = dir, .quick = quick };
    desk_open(&exam->desk, run);
    return find_nodes(exam, err);
}

static int take_scratch(void *arg, int rank, const void *bytes, size_t len,
                        struct err *err)
{
    struct exam *exam = arg;
    int node = comm_node(exam->run->ranks.comm, rank);

    if (len == 0 || exam->first[node] != rank)
        return 0;
    exam->scratch[node] = strndup(bytes, len);
    return exam->scratch[node] ? 0 : err_memory(err, "a path");
}

static int make_own(struct exam *exam, struct err *err)
{
    struct strbuf reason = { 0 };
    const struct errand *made;

    exam->own = exam_new_name(exam->dir);
    if (!exam->own)
        return err_memory(err, "a path");
    desk_order(&exam->desk, 0, 0, EXAM_PATIENCE, "make", exam->own, NULL);
    made = desk_wait_one(&exam->desk, err);
    if (!made)
        return -1;
    if (made->trial == 0)
        return 0;
    exam->lacks_write = true;
    err_set(err, ERR_DEST,
            "'%s' cannot be examined further, since nothing can be made in it: %s",
            exam->dir, exam_reason(&reason, made->trial));
    strbuf_release(&reason);
    if (made->trial > 0) { /* else it may have been made all the same */
        free(exam->own);
        exam->own = NULL;
    }
    return -1;
}

static int examine(struct exam *exam, struct err *err)
{
    static const struct {
        const char *what;
        int (*look)(struct exam *exam, struct err *err);
    } parts[] = {
        { "which nodes see it", exam_sharing }, { "locks", exam_locks },
        { "names and files", exam_names },      { "races", exam_race },
        { "visibility", exam_sight },           { "speed", exam_rates },
    };
    struct err fault = { 0 };
    size_t count = countof(parts) - (exam->quick ? 1 : 0); /* speed is the last */
    int rc = exam_volumes(exam, err);

    if (rc == 0 && make_own(exam, &fault) < 0 && !exam->lacks_write) {
        *err = fault;
        rc = -1;
    }
    for (size_t i = 0; rc == 0 && !exam->lacks_write && i < count; i++) {
        log_line(&exam->run->ranks.log, LOG_INFO, "trying %s", parts[i].what);
        rc = parts[i].look(exam, err);
        exam->facts.full = exam->desk.full;
    }
    if (rc == 0)
        rc = exam_scratch(exam, err);
    if (rc == 0 && exam->lacks_write) {
        *err = fault;
        rc = -1;
    }
    return rc;
}

static void tell_left(const struct exam *exam, const char *path, int rank, int trial)
{
    struct strbuf reason = { 0 };

    log_line(&exam->run->ranks.log, LOG_WARN, "'%s' on %s is left behind: remove it: %s",
             path, comm_host(exam->run->ranks.comm, rank), exam_reason(&reason, trial));
    strbuf_release(&reason);
}

/* By messages, which go nowhere any more once a rank is lost. */
static bool ask_all_to_remove(struct exam *exam)
{
    struct err fault = { 0 };

    exam->desk.failed = false;
    exam->desk.waited = true;
    if (exam->own)
        desk_order(&exam->desk, 0, 0, CLEAN_PATIENCE, "remove", exam->own, NULL);
    for (int node = 0; node < exam->nodes; node++)
        if (exam->scratch_own[node])
            desk_order(&exam->desk, exam->first[node], 1, CLEAN_PATIENCE, "remove",
                       exam->scratch_own[node], NULL);
    if (exam->desk.waited)
        return true; /* there is nothing */
    if (desk_wait(&exam->desk, &fault) < 0)
        return false;
    for (size_t i = 0; i < exam->desk.count; i++)
        if (exam->desk.errand[i].trial != 0)
            tell_left(exam, exam->desk.errand[i].order.data + sizeof("remove"),
                      exam->desk.errand[i].rank, exam->desk.errand[i].trial);
    return true;
}

/* Where rank 0 has only itself: what lies on other nodes can but be named. */
static void remove_here(struct exam *exam)
{
    int trial =
        exam->own ? desk_alone(&exam->desk, ALONE_PATIENCE, "remove", exam->own) : 0;

    if (trial != 0)
        tell_left(exam, exam->own, 0, trial);
    for (int node = 0; node < exam->nodes; node++) {
        const char *path = exam->scratch_own[node];

        if (!path)
            continue;
        trial = node == 0 ? desk_alone(&exam->desk, ALONE_PATIENCE, "remove", path)
                          : TRIAL_NONE;
        if (trial != 0)
            tell_left(exam, path, exam->first[node], trial);
    }
}

/* Whatever came before, and without regard to signals: they are why it ends, often. */
static void clean_up(struct exam *exam)
{
    exam->desk.unstoppable = true;
    if (!ask_all_to_remove(exam))
        remove_here(exam);
}

int exam_run(struct exam *exam, const char *scratch, struct err *err)
{
    struct run *run = exam->run;
    bool asked = scratch && strcmp(scratch, "none") != 0;
    struct err fault = { 0 };
    int rc;

    rc = agree_gather(&run->ranks, MSG_ANSWER, asked ? scratch : "",
                      asked ? strlen(scratch) : 0, take_scratch, exam, err);
    if (agree_step(&run->ranks, rc, err) < 0)
        return -1;
    if (run->ranks.rank != 0) {
        rc = desk_serve(&exam->desk, err);
        return agree_step(&run->ranks, rc, err);
    }
    rc = examine(exam, err);
    clean_up(exam);
    if (desk_close(&exam->desk, rc < 0 ? &fault : err) < 0)
        rc = -1;
    return agree_step(&run->ranks, rc, err);
}

void exam_close(struct exam *exam)
{
    desk_release(&exam->desk);
    sheet_release(&exam->sheet);
    for (int node = 0; node < exam->nodes; node++) {
        free(exam->scratch[node]);
        free(exam->scratch_own[node]);
    }
    free(exam->scratch);
    free(exam->scratch_own);
    free(exam->first);
    free(exam->blind);
    free(exam->own);
    *exam = (struct exam){ 0 };
}
