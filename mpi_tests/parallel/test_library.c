/* The library inside a program of somebody else: on any communicator, more than once, and
 * with a communicator that stays as it was. */
#include <mpi.h>
#include <mpifetch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum { PATIENCE = 400, TAG = 1 }; /* TAG: one that the library uses as well */

static char root[64]; /* made by rank 0 */
static const char *now_testing = "";
static int rank, size;

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "rank %d: %s: %s\n", rank, now_testing, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void put(const char *name, const char *text, size_t repeat)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/tree/%s", root, name);
    file = fopen(path, "w");
    require(file != NULL, "a source file");
    for (size_t i = 0; i < repeat; i++)
        fputs(text, file);
    require(fclose(file) == 0, "a source file");
}

static void make_tree(void)
{
    char path[256];

    strcpy(root, "/tmp/test_library_XXXXXX");
    if (rank == 0) {
        require(mkdtemp(root) != NULL, "a directory");
        snprintf(path, sizeof(path), "%s/tree", root);
        require(mkdir(path, 0755) == 0, "a directory");
        put("a.txt", "one\n", 1);
        put("b.bin", "0123456789abcdef", 200000);
    }
    MPI_Bcast(root, sizeof(root), MPI_CHAR, 0, MPI_COMM_WORLD);
}

static void remove_tree(void)
{
    char command[128];

    MPI_Barrier(MPI_COMM_WORLD);
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    if (rank == 0)
        require(system(command) == 0, "removing what was made");
}

struct call {
    char source[128], dest[128];
    struct mpifetch_options options;
    struct mpifetch_report report;
};

static void prepare(struct call *call, const char *name)
{
    memset(&call->report, 0xa5, sizeof(call->report)); /* it is an output */
    snprintf(call->source, sizeof(call->source), "file://%s/tree", root);
    snprintf(call->dest, sizeof(call->dest), "%s/%s", root, name);
    mpifetch_options_init(&call->options);
    call->options.source = call->source;
    call->options.dest = call->dest;
    call->options.segment_size = 1 << 20;
    call->options.verbosity = -1;
}

static bool is_same(const struct call *call)
{
    char command[512];

    snprintf(command, sizeof(command),
             "diff -r '%s/tree' '%s' && ls '%s'/.%s.mpifetch/SHA256SUMS >/dev/null", root,
             call->dest, root, strrchr(call->dest, '/') + 1);
    return system(command) == 0;
}

static bool exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

static void check_published(const struct call *call, int status, bool unchanged)
{
    const struct mpifetch_report *report = &call->report;

    if (status != MPIFETCH_OK)
        require(false, report->error);
    require(report->status == MPIFETCH_OK && report->error[0] == '\0', "the report");
    require(strcmp(report->path, call->dest) == 0, "the path in the report");
    require(report->files == 2 && report->bytes == 4 + 16 * 200000, "the sizes");
    require((report->unchanged != 0) == unchanged, "unchanged");
    require(report->bytes_fetched >= (unchanged ? 0 : report->bytes) &&
                (!unchanged || report->bytes_fetched == 0),
            "what was fetched");
    require(exists(call->dest), "DEST is there as soon as the call is over");
}

static void plan_changes_nothing(void)
{
    struct call call;

    prepare(&call, "planned");
    require(mpifetch_plan(MPI_COMM_WORLD, &call.options, &call.report) == MPIFETCH_OK,
            "a plan");
    require(call.report.status == MPIFETCH_OK && !exists(call.dest), "nothing is made");
}

static void two_calls_in_one_process(void)
{
    struct call call;

    for (int turn = 0; turn < 2; turn++) {
        prepare(&call, "twice");
        check_published(&call, mpifetch_get(MPI_COMM_WORLD, &call.options, &call.report),
                        turn == 1);
        MPI_Barrier(MPI_COMM_WORLD);
        require(rank != 0 || is_same(&call), "the tree");
    }
}

static void a_failure_is_the_same_everywhere(void)
{
    struct call call;
    int status, least, most;

    prepare(&call, "none");
    strcat(call.source, "/no-such-file");
    status = mpifetch_get(MPI_COMM_WORLD, &call.options, &call.report);
    MPI_Allreduce(&status, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    MPI_Allreduce(&status, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    require(least == MPIFETCH_SOURCE && most == MPIFETCH_SOURCE, "one status");
    require(strstr(call.report.error, "no-such-file") != NULL, "one sentence");
    require(call.report.reason == MPIFETCH_REASON_ENTRY_NOT_FOUND, "one reason");
    require(strcmp(mpifetch_reason_name(call.report.reason), "entry-not-found") == 0,
            "its name");
    require(!exists(call.dest), "nothing is made");
}

/* Even and odd ranks fetch side by side, to two places, each in reversed
 * order of rank. */
static void on_a_part_of_the_ranks(void)
{
    struct call call;
    MPI_Comm part;
    int first;

    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &part);
    MPI_Comm_rank(part, &first);
    prepare(&call, rank % 2 ? "odd" : "even");
    check_published(&call, mpifetch_get(part, &call.options, &call.report), false);
    MPI_Barrier(part);
    require(first != 0 || is_same(&call), "the tree");
    MPI_Comm_free(&part);
}

/* Ranks that take no part need not even know. */
static void on_one_rank_alone(void)
{
    struct call call;

    if (rank == size - 1) {
        prepare(&call, "alone");
        check_published(&call, mpifetch_get(MPI_COMM_SELF, &call.options, &call.report),
                        false);
        require(is_same(&call), "the tree");
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

/* A message of the caller that is under way, with a tag that the library uses, is neither
 * taken nor in the way. */
static void messages_of_the_caller_stay_his(void)
{
    int next = (rank + 1) % size, before = (rank + size - 1) % size, got = -1;
    struct call call;
    MPI_Request request;

    MPI_Isend(&rank, 1, MPI_INT, next, TAG, MPI_COMM_WORLD, &request);
    prepare(&call, "beside");
    check_published(&call, mpifetch_get(MPI_COMM_WORLD, &call.options, &call.report),
                    false);
    MPI_Recv(&got, 1, MPI_INT, before, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    require(got == before, "the message");
}

/* Ranks that call different functions have no step in common. */
static void each_another_function(void)
{
    struct call call;
    int status;

    if (size == 1)
        return;
    prepare(&call, "mixed");
    status = rank == size - 1
                 ? mpifetch_verify(MPI_COMM_WORLD, &call.options, &call.report)
                 : mpifetch_get(MPI_COMM_WORLD, &call.options, &call.report);
    require(status == MPIFETCH_USAGE, "a refusal");
    require(call.report.rank == size - 1, "the rank that differs");
    require(strstr(call.report.error, "called mpifetch_verify, rank 0 mpifetch_get") !=
                NULL,
            "what each calls");
    require(!exists(call.dest), "nothing is made");
}

/* The second cannot be listed, or is there already, or the digest is another. */
static void several_sources(void)
{
    struct call one, other;
    struct mpifetch_options both[2];
    struct mpifetch_report reports[2];
    int status;

    prepare(&one, "first");
    prepare(&other, "second");
    both[0] = one.options;
    both[1] = other.options;
    both[1].source = "file:///no-such-tree";
    memset(reports, 0xa5, sizeof(reports)); /* outputs */
    status = mpifetch_get_several(MPI_COMM_WORLD, both, 2, reports);
    require(status == MPIFETCH_SOURCE, "a refusal");
    require(reports[1].status == MPIFETCH_SOURCE && reports[1].rank == 0, "the cause");
    require(reports[0].status == MPIFETCH_SOURCE && reports[0].rank == -1, "not tried");
    require(!exists(one.dest) && !exists(other.dest), "nothing is made");
    both[1].source = other.source;
    status = mpifetch_get_several(MPI_COMM_WORLD, both, 2, reports);
    one.report = reports[0];
    other.report = reports[1];
    check_published(&one, status, false);
    check_published(&other, status, false);
    MPI_Barrier(MPI_COMM_WORLD);
    require(rank != 0 || (is_same(&one) && is_same(&other)), "the trees");
    both[1].dest = both[0].dest;
    require(mpifetch_get_several(MPI_COMM_WORLD, both, 2, reports) == MPIFETCH_USAGE,
            "two at one place");
    require(mpifetch_get_several(MPI_COMM_WORLD, both, 0, reports) == MPIFETCH_USAGE,
            "none");
}

static void each_another_count(void)
{
    struct call call;
    struct mpifetch_options both[2];
    struct mpifetch_report reports[2];

    if (size == 1)
        return;
    prepare(&call, "counted");
    memset(reports, 0xa5, sizeof(reports));
    both[0] = both[1] = call.options;
    require(mpifetch_get_several(MPI_COMM_WORLD, both, rank == 0 ? 2 : 1, reports) ==
                MPIFETCH_USAGE,
            "a refusal");
    require(strstr(reports[0].error, "for 1 sources, rank 0 for 2") != NULL,
            "what each calls");
    require(!exists(call.dest), "nothing is made");
}

/* That some ranks have more steps than others would leave all of them waiting. */
static void each_another_destination(void)
{
    struct call call;
    char place[160];

    if (size == 1)
        return;
    prepare(&call, "shared");
    snprintf(place, sizeof(place), "%s/own", root);
    call.options.per_node = rank == 0 ? place : NULL;
    require(mpifetch_get(MPI_COMM_WORLD, &call.options, &call.report) == MPIFETCH_USAGE,
            "a refusal");
    require(strstr(call.report.error, "without a destination beside per_node") != NULL,
            "what each calls");
    require(!exists(call.dest) && !exists(place), "nothing is made");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        { "plan", plan_changes_nothing },
        { "two calls", two_calls_in_one_process },
        { "a failure", a_failure_is_the_same_everywhere },
        { "part of the ranks", on_a_part_of_the_ranks },
        { "one rank alone", on_one_rank_alone },
        { "another function", each_another_function },
        { "several sources", several_sources },
        { "another count", each_another_count },
        { "another destination on each rank", each_another_destination },
        { "the caller's messages", messages_of_the_caller_stay_his },
    };
    int provided;

    alarm(PATIENCE);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    make_tree();
    for (size_t i = 0; i < countof(tests); i++) {
        now_testing = tests[i].name;
        tests[i].run();
        MPI_Barrier(MPI_COMM_WORLD);
        if (rank == 0)
            printf("ok %s\n", tests[i].name);
        fflush(stdout);
    }
    remove_tree();
    MPI_Finalize();
    return 0;
}
