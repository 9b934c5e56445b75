/* spread_bench.c -- what planning costs rank 0 with 1,024 nodes that pass on to each other
 * what each has fetched.
 *
 * Nodes report one segment after the other, in turn, and what tickets bring comes in the
 * order of the tickets, node by node: as much is under way all the time as the planner
 * allows. Prints microseconds of CPU a ticket, and a report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/sched/spread.h"

enum { NODES = 1024, MIB = 1 << 20, QUEUE = 4096 };

struct ticket {
    uint32_t first, count, nhops, told;
    struct spread_hop *hop;
};

struct bench {
    struct plan_file file;
    struct plan plan;
    struct segments segments;
    struct spread *spread;
    struct ticket queue[QUEUE];
    uint64_t begun, ended, reports;
};

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6 +
           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec * 1e-6;
}

static void drain(struct bench *bench)
{
    struct spread_ticket ticket;

    while (spread_next(bench->spread, &ticket)) {
        struct ticket *kept = &bench->queue[bench->begun++ % QUEUE];
        size_t bytes = ticket.nhops * sizeof(*ticket.hop);

        if (bench->begun - bench->ended > QUEUE)
            abort();
        free(kept->hop);
        *kept = (struct ticket){ .first = ticket.first,
                                 .count = ticket.count,
                                 .nhops = ticket.nhops,
                                 .hop = malloc(bytes + 1) };
        if (!kept->hop)
            abort();
        memcpy(kept->hop, ticket.hop, bytes);
    }
}

static bool arrive(struct bench *bench)
{
    struct ticket *ticket = &bench->queue[bench->ended % QUEUE];

    if (bench->ended == bench->begun)
        return false;
    spread_have(bench->spread, ticket->hop[ticket->told].node, ticket->first,
                ticket->count);
    bench->reports++;
    bench->ended += ++ticket->told == ticket->nhops;
    return true;
}

static void run(const char *name, uint32_t segments)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct spread_policy policy;
    double cpu = cpu_seconds();

    if (!bench)
        abort();
    bench->file.size = (uint64_t)segments * MIB;
    bench->plan = (struct plan){ .files = &bench->file, .nfiles = 1 };
    if (segments_cut(&bench->segments, &bench->plan, MIB, NULL) < 0)
        abort();
    policy = spread_policy(&bench->segments);
    if (spread_create(&bench->spread, &bench->segments, NODES, &policy, NULL) < 0)
        abort();
    printf("%s: create %.1f ms", name, (cpu_seconds() - cpu) * 1e3);
    cpu = cpu_seconds();
    for (uint32_t i = 0; i < segments; i++) {
        spread_have(bench->spread, (int)(i % NODES), i, 1);
        drain(bench);
        for (int n = 0; n < NODES && arrive(bench); n++)
            drain(bench);
    }
    while (arrive(bench))
        drain(bench);
    if (!spread_finished(bench->spread))
        abort();
    cpu = cpu_seconds() - cpu;
    printf(", %llu tickets, %llu reports, %.1f us a ticket with its reports, %.3f us a "
           "report\n",
           (unsigned long long)bench->begun, (unsigned long long)bench->reports,
           cpu * 1e6 / (double)bench->begun, cpu * 1e6 / (double)bench->reports);
    spread_destroy(bench->spread);
    segments_release(&bench->segments);
    for (int i = 0; i < QUEUE; i++)
        free(bench->queue[i].hop);
    free(bench);
}

int main(void)
{
    run("1,024 nodes", 16384);
    return 0;
}
