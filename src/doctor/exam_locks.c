#include <stdlib.h>

#include "base/text.h"
#include "doctor/exam_part.h"

static void order_lock(struct exam *exam, const struct exam_lock *lock, int rank,
                       unsigned seat, const char *path)
{
    desk_order(&exam->desk, rank, seat, EXAM_PATIENCE, "lock", lock->method, path, NULL);
}

/* The errands of this turn: near is the first, then those of the marked nodes. */
static void take_far(const struct exam *exam, struct exam_lock *lock)
{
    size_t next = 1;

    for (int node = 0; node < exam->nodes; node++) {
        int trial;

        if (!lock->far || !lock->far[node])
            continue;
        trial = exam->desk.errand[next++].trial;
        if (verdict_worse(lock->trials.far, trial) != lock->trials.far) {
            lock->trials.far = trial;
            lock->worst_node = node;
        }
    }
}

static int unlock_all(struct exam *exam, const struct exam_lock *lock, struct err *err)
{
    for (unsigned seat = 0; seat < DESK_SEATS; seat++)
        desk_order(&exam->desk, lock->holder, seat, EXAM_PATIENCE, "unlock", NULL);
    for (int node = 0; node < exam->nodes; node++)
        if (lock->far && lock->far[node])
            desk_order(&exam->desk, exam->first[node], 0, EXAM_PATIENCE, "unlock", NULL);
    return desk_wait(&exam->desk, err);
}

static int try_lock(struct exam *exam, struct exam_lock *lock, const char *path,
                    struct err *err)
{
    order_lock(exam, lock, lock->holder, 0, path);
    if (desk_wait(&exam->desk, err) < 0)
        return -1;
    lock->trials.hold = exam->desk.errand[0].trial;
    if (lock->trials.hold != 0)
        return 0;
    order_lock(exam, lock, lock->holder, 1, path);
    for (int node = 0; node < exam->nodes; node++)
        if (lock->far && lock->far[node])
            order_lock(exam, lock, exam->first[node], 0, path);
    if (desk_wait(&exam->desk, err) < 0)
        return -1;
    lock->trials.near = exam->desk.errand[0].trial;
    take_far(exam, lock);
    return unlock_all(exam, lock, err);
}

int exam_lock(struct exam *exam, struct exam_lock *lock, struct err *err)
{
    struct strbuf name = { 0 }, path = { 0 };
    int rc;

    lock->trials = (struct lock_trials){ TRIAL_NONE, TRIAL_NONE, TRIAL_NONE };
    lock->worst_node = -1;
    strbuf_addf(&name, "lock-%s", lock->method);
    exam_below(exam, &path, lock->dir, name.data ? name.data : "lock");
    desk_order(&exam->desk, lock->holder, 0, EXAM_PATIENCE, "create",
               path.data ? path.data : "", NULL);
    rc = desk_wait(&exam->desk, err);
    if (rc == 0 && exam->desk.errand[0].trial == 0)
        rc = try_lock(exam, lock, path.data, err);
    lock->verdict = verdict_lock(&lock->trials);
    strbuf_release(&name);
    strbuf_release(&path);
    return rc;
}

static void lock_row(struct exam *exam, const struct exam_lock *lock, const char *name)
{
    const char *words = verdict_lock_words(lock->verdict);
    struct strbuf reason = { 0 };

    if (lock->verdict == LOCK_REFUSED)
        sheet_row(&exam->sheet, lock->method, name, verdict_lock_word(lock->verdict),
                  "%s: %s", words, exam_reason(&reason, lock->trials.hold));
    else if (lock->worst_node >= 0 && lock->verdict != LOCK_EVERYWHERE)
        sheet_row(&exam->sheet, lock->method, name, verdict_lock_word(lock->verdict),
                  "%s (%s %s)", words,
                  comm_host(exam->run->ranks.comm, exam->first[lock->worst_node]),
                  lock->trials.far == 0 ? "got it while it was held"
                                        : exam_reason(&reason, lock->trials.far));
    else
        sheet_row(&exam->sheet, lock->method, name, verdict_lock_word(lock->verdict),
                  "%s", words);
    strbuf_release(&reason);
}

int exam_locks(struct exam *exam, struct err *err)
{
    static const struct {
        const char *method, *name;
    } rows[] = {
        { "flock", "flock" },
        { "fcntl", "fcntl (F_SETLK)" },
        { "ofd", "fcntl (F_OFD_SETLK)" },
    };
    bool *far = calloc((size_t)exam->nodes, sizeof(*far));
    int rc = far ? 0 : err_memory(err, "the list of nodes");

    for (int node = 1; rc == 0 && node < exam->nodes; node++)
        far[node] = !exam->blind[node];
    sheet_section(&exam->sheet, "locks", "locks");
    for (size_t i = 0; rc == 0 && i < countof(rows); i++) {
        struct exam_lock lock = { .method = rows[i].method,
                                  .dir = exam->own,
                                  .far = far };

        rc = exam_lock(exam, &lock, err);
        if (rc < 0)
            break;
        lock_row(exam, &lock, rows[i].name);
        if (i == 0) {
            exam->facts.flock = lock.verdict;
            exam->facts.flock_trial = lock.trials.hold;
        }
    }
    free(far);
    return rc;
}
