/* sched_bench.c -- what the scheduler costs rank 0 with 1,024 ranks.
 *
 * Ranks ask ahead, report start, one progress and done for each segment, as real ones do;
 * each link has its own speed, so that the end of the run has late leases too. A grant's
 * share of all calls counts. Prints microseconds of CPU a grant; the budget is 2. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "core/sched/sched.h"

enum { RANKS = 1024, SLOTS = 4, AHEAD = 4, MIB = 1 << 20 };

/* What a rank does next, and when. A unit is finished in one go. */
struct unit {
    double at;
    int rank;
    bool begun;
    uint32_t count, together;
    uint32_t segment[SCHED_BATCH];
};

struct bench {
    struct segments segments;
    struct sched *sched;
    struct unit *heap;
    uint32_t nheap, room;
    double now, inside; /* inside: seconds by the clock on the wall, in the scheduler */
    uint64_t grants, granted, others;
    double busy_until[RANKS][SLOTS];
};

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6 +
           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec * 1e-6;
}

static double wall_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double link_speed(int rank)
{
    return rank % 100 == 7 ? 1e7 : 1e8 * (1 + rank % 13 / 13.0);
}

static void swap(struct unit *a, struct unit *b)
{
    struct unit c = *a;

    *a = *b;
    *b = c;
}

static void push(struct bench *bench, const struct unit *unit)
{
    struct unit *heap;
    uint32_t i = bench->nheap++;

    if (i == bench->room) {
        bench->room = bench->room ? 2 * bench->room : 1024;
        bench->heap = realloc(bench->heap, bench->room * sizeof(*bench->heap));
        if (!bench->heap)
            abort();
    }
    heap = bench->heap;
    heap[i] = *unit;
    for (; i > 0 && heap[i].at < heap[(i - 1) / 2].at; i = (i - 1) / 2)
        swap(&heap[i], &heap[(i - 1) / 2]);
}

static bool pop(struct bench *bench, struct unit *unit)
{
    struct unit *heap = bench->heap;

    if (bench->nheap == 0)
        return false;
    *unit = heap[0];
    heap[0] = heap[--bench->nheap];
    for (uint32_t i = 0;;) {
        uint32_t least = i;

        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < bench->nheap && heap[child].at < heap[least].at)
                least = child;
        if (least == i)
            return true;
        swap(&heap[i], &heap[least]);
        i = least;
    }
}

/* Begin the unit in the slot that is free first. */
static void obey(struct bench *bench, const struct sched_action *action)
{
    struct unit unit = { .rank = action->rank,
                         .together = action->together,
                         .count = action->count };
    double *slot = bench->busy_until[action->rank];
    uint64_t bytes = 0;
    int first = 0;

    for (uint32_t i = 0; i < action->count; i++) {
        unit.segment[i] = action->segment[i];
        bytes += 65536 +
                 segments_bytes(&bench->segments, action->segment[i], action->together);
    }
    for (int i = 1; i < SLOTS; i++)
        first = slot[i] < slot[first] ? i : first;
    unit.at = fmax(bench->now, slot[first]);
    slot[first] = unit.at + (double)bytes * SLOTS / link_speed(action->rank);
    push(bench, &unit);
}

static void drain(struct bench *bench)
{
    struct sched_action action[32];
    bool more = true;

    while (more) {
        double began = wall_seconds();
        int n = 0;

        while (n < 32 && (more = sched_next(bench->sched, bench->now, &action[n])))
            n++;
        bench->inside += wall_seconds() - began;
        for (int i = 0; i < n; i++) {
            bench->grants += action[i].kind == SCHED_GRANT;
            if (action[i].kind == SCHED_GRANT)
                bench->granted += (uint64_t)action[i].count * action[i].together;
            bench->others += action[i].kind != SCHED_GRANT;
            if (action[i].kind == SCHED_GRANT)
                obey(bench, &action[i]);
            else if (action[i].together > 0)
                sched_shortened(bench->sched, action[i].rank, action[i].segment[0],
                                action[i].together, bench->now);
            else
                sched_cancelled(bench->sched, action[i].rank, action[i].segment[0]);
        }
    }
}

static void report(struct bench *bench, struct unit *unit)
{
    if (!unit->begun) {
        double bytes = 0;

        for (uint32_t i = 0; i < unit->count; i++) {
            sched_progress(bench->sched, unit->rank, unit->segment[i], 0, bench->now);
            bytes += 65536 + (double)segments_bytes(&bench->segments, unit->segment[i],
                                                    unit->together);
        }
        unit->begun = true;
        unit->at += bytes * SLOTS / link_speed(unit->rank);
        push(bench, unit);
        return;
    }
    for (uint32_t i = 0; i < unit->count; i++) {
        uint32_t segment = unit->segment[i];

        sched_progress(bench->sched, unit->rank, segment,
                       segment_bytes(&bench->segments, segment) / 2, bench->now);
        sched_done(bench->sched, unit->rank, segment, unit->together, bench->now);
    }
    sched_credit(bench->sched, unit->rank, 1);
}

static void run_all(struct bench *bench)
{
    struct unit unit;

    for (int rank = 0; rank < RANKS; rank++)
        sched_credit(bench->sched, rank, SLOTS + AHEAD);
    drain(bench);
    while (!sched_finished(bench->sched) && pop(bench, &unit)) {
        double began;

        bench->now = unit.at;
        began = wall_seconds();
        report(bench, &unit);
        bench->inside += wall_seconds() - began;
        drain(bench);
    }
    if (!sched_finished(bench->sched))
        abort();
}

static void run(const char *name, size_t nfiles, uint64_t size)
{
    const struct sched_policy policy = {
        .slots = RANKS * SLOTS, .stall = 30, .small = MIB, .batch_bytes = 16 * MIB
    };
    struct plan plan = { .nfiles = nfiles };
    struct bench *bench = calloc(1, sizeof(*bench));
    double cpu, wall;

    plan.files = calloc(nfiles, sizeof(*plan.files));
    if (!bench || !plan.files)
        abort();
    for (size_t i = 0; i < nfiles; i++)
        plan.files[i].size = size;
    if (segments_cut(&bench->segments, &plan, SEGMENT_WHOLE, NULL) < 0)
        abort();
    cpu = cpu_seconds();
    if (sched_create(&bench->sched, &bench->segments, RANKS, &policy, NULL) < 0)
        abort();
    printf("%s: create %.1f ms", name, (cpu_seconds() - cpu) * 1e3);
    cpu = cpu_seconds();
    wall = wall_seconds();
    run_all(bench);
    /* CPU seconds come from the system, but asking it at each call would cost more than
     * the call: the wall clock, which is cheap, only says which share of them it is. */
    cpu = (cpu_seconds() - cpu) * bench->inside / (wall_seconds() - wall);
    printf(", %llu grants of %llu segments, %llu other actions, %.2f us a grant, "
           "%.3f us a segment\n",
           (unsigned long long)bench->grants, (unsigned long long)bench->granted,
           (unsigned long long)bench->others, cpu * 1e6 / (double)bench->grants,
           cpu * 1e6 / (double)bench->granted);
    sched_destroy(bench->sched);
    segments_release(&bench->segments);
    free(bench->heap);
    free(bench);
    free(plan.files);
}

int main(void)
{
    run("100,000 segments of 200 files", 200, (uint64_t)500 * SEGMENT_WHOLE);
    run("100,000 segments of one file", 1, (uint64_t)100000 * SEGMENT_WHOLE);
    run("1,000,000 small files", 1000000, 16 << 10);
    return 0;
}
