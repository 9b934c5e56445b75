#include <stdlib.h>
#include <string.h>

#include "doctor/exam_part.h"
#include "doctor/rateprobe.h"
#include "doctor/volume.h"

static const double SECONDS = 1.5;

enum { BYTES_MOST = 256 << 20, SHARE_OF_FREE = 100 };

/* Of one node's own directory. */
struct local {
    bool asked, told;
    int trial; /* of looking */
    bool made; /* our directory is there */
    struct volume volume;
    enum lock_verdict flock;
    double rate; /* bytes a second; 0: not measured */
};

/* The errands of a turn are those of the nodes that were asked, in order. */
static const struct errand *next_answer(const struct exam *exam, size_t *next)
{
    return &exam->desk.errand[(*next)++];
}

static int look(struct exam *exam, struct local *local, struct err *err)
{
    size_t next = 0;

    for (int node = 0; node < exam->nodes; node++)
        if (local[node].asked)
            desk_order(&exam->desk, exam->first[node], 0, EXAM_PATIENCE, "look",
                       exam->scratch[node], NULL);
    if (desk_wait(&exam->desk, err) < 0)
        return -1;
    for (int node = 0; node < exam->nodes; node++) {
        const struct errand *errand = local[node].asked ? next_answer(exam, &next) : NULL;

        if (!errand)
            continue;
        local[node].trial = errand->trial;
        if (errand->bytes.len == sizeof(local[node].volume))
            memcpy(&local[node].volume, errand->bytes.data, errand->bytes.len);
    }
    return 0;
}

static int make(struct exam *exam, struct local *local, struct err *err)
{
    size_t next = 0;
    int asked = 0;

    for (int node = 0; node < exam->nodes; node++) {
        if (!local[node].asked || local[node].trial != 0)
            continue;
        exam->scratch_own[node] = exam_new_name(exam->scratch[node]);
        if (!exam->scratch_own[node])
            return err_memory(err, "a path");
        desk_order(&exam->desk, exam->first[node], 0, EXAM_PATIENCE, "make",
                   exam->scratch_own[node], NULL);
        asked++;
    }
    if (asked == 0)
        return 0;
    if (desk_wait(&exam->desk, err) < 0)
        return -1;
    for (int node = 0; node < exam->nodes; node++) {
        int trial;

        if (!exam->scratch_own[node])
            continue;
        trial = next_answer(exam, &next)->trial;
        local[node].made = trial == 0;
        if (trial > 0) { /* else it may have been made all the same */
            free(exam->scratch_own[node]);
            exam->scratch_own[node] = NULL;
        }
    }
    return 0;
}

static int lock(struct exam *exam, struct local *local, struct err *err)
{
    for (int node = 0; node < exam->nodes; node++) {
        struct exam_lock trial = { .method = "flock",
                                   .dir = exam->scratch_own[node],
                                   .holder = exam->first[node] };

        if (!local[node].made)
            continue;
        if (exam_lock(exam, &trial, err) < 0)
            return -1;
        local[node].flock = trial.verdict;
    }
    return 0;
}

static void order_bytes(struct exam *exam, int node, uint64_t free_bytes)
{
    uint64_t most = free_bytes / SHARE_OF_FREE;
    struct strbuf path = { 0 }, amount = { 0 }, seconds = { 0 };

    exam_below(exam, &path, exam->scratch_own[node], "bytes");
    strbuf_addf(&amount, "%llu",
                (unsigned long long)(most < BYTES_MOST ? most : BYTES_MOST));
    strbuf_addf(&seconds, "%.1f", SECONDS);
    if (path.data && amount.data && seconds.data)
        desk_order(&exam->desk, exam->first[node], 0, 4 * EXAM_PATIENCE, "bytes",
                   path.data, seconds.data, amount.data, NULL);
    else
        exam->desk.failed = true;
    strbuf_release(&path);
    strbuf_release(&amount);
    strbuf_release(&seconds);
}

static int measure(struct exam *exam, struct local *local, struct err *err)
{
    size_t next = 0;
    int asked = 0;

    for (int node = 0; node < exam->nodes; node++)
        if (local[node].made) {
            order_bytes(exam, node, local[node].volume.bytes);
            asked++;
        }
    if (asked == 0)
        return 0;
    if (desk_wait(&exam->desk, err) < 0)
        return -1;
    for (int node = 0; node < exam->nodes; node++) {
        const struct errand *errand = local[node].made ? next_answer(exam, &next) : NULL;
        struct rateprobe rate;

        if (!errand || errand->trial != 0 || errand->bytes.len != sizeof(rate))
            continue;
        memcpy(&rate, errand->bytes.data, sizeof(rate));
        local[node].rate = rate.seconds > 0 ? (double)rate.amount / rate.seconds : 0;
    }
    return 0;
}

static bool are_alike(const struct local *a, const struct local *b)
{
    return a->trial == b->trial && a->made == b->made && a->flock == b->flock &&
           a->volume.magic == b->volume.magic &&
           a->volume.writable == b->volume.writable &&
           strcmp(a->volume.mount.type, b->volume.mount.type) == 0 &&
           strcmp(a->volume.mount.options, b->volume.mount.options) == 0;
}

static void tell_rate(struct exam *exam, const struct local *local, const bool *marked,
                      int count)
{
    int slowest = -1;
    struct sheet_row *row;

    for (int node = 0; node < exam->nodes; node++)
        if (marked[node] && local[node].rate > 0 &&
            (slowest < 0 || local[node].rate < local[slowest].rate))
            slowest = node;
    if (slowest < 0)
        return;
    row = sheet_row(&exam->sheet, "bytes", "writing", "measured",
                    count > 1 ? "%.0f MB/s on the slowest node, %s" : "%.0f MB/s (%s)",
                    local[slowest].rate / 1e6,
                    comm_host(exam->run->ranks.comm, exam->first[slowest]));
    row->number = local[slowest].rate;
    row->unit = "bytes_per_second";
}

static int tell(struct exam *exam, struct local *local, int first, struct err *err)
{
    bool *marked = calloc((size_t)exam->nodes, sizeof(*marked));
    struct strbuf hosts = { 0 };
    int count = 0;

    if (!marked)
        return err_memory(err, "the list of nodes");
    for (int node = first; node < exam->nodes; node++)
        if (local[node].asked && !local[node].told &&
            are_alike(&local[node], &local[first]) &&
            strcmp(exam->scratch[node], exam->scratch[first]) == 0) {
            local[node].told = node != first;
            marked[node] = true;
            count++;
        }
    exam_hosts(exam, marked, &hosts);
    sheet_section(&exam->sheet, "scratch", "scratch '%s' on %d node%s (%s)",
                  exam->scratch[first], count, count == 1 ? "" : "s",
                  hosts.data ? hosts.data : "");
    exam_volume_rows(exam, &local[first].volume, local[first].trial);
    if (local[first].made) {
        sheet_row(
            &exam->sheet, "flock", "flock", verdict_lock_word(local[first].flock), "%s",
            local[first].flock == LOCK_ONE_NODE ? "excludes on the node"
                                                : verdict_lock_words(local[first].flock));
        tell_rate(exam, local, marked, count);
    }
    strbuf_release(&hosts);
    free(marked);
    return 0;
}

int exam_scratch(struct exam *exam, struct err *err)
{
    struct local *local = calloc((size_t)exam->nodes, sizeof(*local));
    int asked = 0, rc = local ? 0 : err_memory(err, "the list of nodes");

    for (int node = 0; rc == 0 && node < exam->nodes; node++) {
        local[node].asked = exam->scratch[node] != NULL;
        asked += local[node].asked;
    }
    if (rc == 0 && asked > 0) {
        rc = look(exam, local, err);
        if (rc == 0)
            rc = make(exam, local, err);
        if (rc == 0)
            rc = lock(exam, local, err);
        if (rc == 0 && !exam->quick)
            rc = measure(exam, local, err);
        for (int node = 0; rc == 0 && node < exam->nodes; node++)
            if (local[node].asked && !local[node].told)
                rc = tell(exam, local, node, err);
    }
    free(local);
    return rc;
}
