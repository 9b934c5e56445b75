/* The program: options in, one line on stdout and an exit code out. */
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/clean.h"
#include "app/options.h"
#include "base/log.h"
#include "doctor/commands.h"
#include "doctor/doctor.h"
#include "doctor/helper.h"
#include "io/guard.h"
#include "io/mpi/comm_mpi.h"

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    signalled = number;
}

/* A busy machine may take its time, however little patience the ranks have. */
static const double collective_least = 10, watch_least = 1; /* seconds */

/* The start and the end of MPI are collectives, in which a rank that is gone would keep
 * the others for ever. */
static void watch_collective(double timeout, const char *what, int code)
{
    double seconds = timeout > collective_least ? timeout : collective_least;
    char text[256];

    snprintf(text, sizeof(text),
             "rank %d: %s did not finish within %.0f s: a rank has died or hangs",
             comm_launch_index(), what, seconds);
    /* Two of a node speak: the first may be the one that is gone. */
    guard_watch(&(struct guard_watch){ seconds, code,
                                       comm_launch_local() < 2 ? text : NULL, NULL });
}

/* In between it is MPI's calls for messages that may never return. A rank that is alone
 * makes none, and nobody waits for it. */
static void watch_loops(const struct options *options, int size)
{
    double timeout = options->get.rank_timeout;
    double seconds = timeout > watch_least ? timeout : watch_least;
    bool stages = options->command == COMMAND_GET && !options->get.dry_run;
    char text[384], host[256] = "";

    gethostname(host, sizeof(host) - 1);
    snprintf(text, sizeof(text),
             "rank %d on %s has hung for %.0f s in one call, of MPI or of a file system, "
             "exiting",
             comm_launch_index(), host, seconds);
    guard_watch(&(struct guard_watch){ size > 1 ? seconds : 0, ERR_INTERRUPTED, text,
                                       stages ? "; run the same command again to resume"
                                              : "; run again" });
}

struct start {
    const struct options *options;
    int size; /* of the job */
    bool over;
};

/* Asked for the first time when all collectives of the start are over. */
static int was_signalled(void *arg)
{
    struct start *start = arg;

    if (!start->over)
        watch_loops(start->options, start->size);
    start->over = true;
    return signalled != 0;
}

static void catch_signals(void)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU };
    struct sigaction action = { .sa_handler = on_signal };

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* the write then fails with EFBIG, which has a sentence */
}

static const struct log plain = { .level = LOG_WARN, .rank = -1 };

/* Of several ranks one speaks. */
static int print(const char *text)
{
    if (comm_launch_index() != 0)
        return 0;
    return fputs(text ? text : "", stdout) >= 0 && fflush(stdout) == 0 ? 0 : ERR_DEFECT;
}

static int print_help(const struct options *options)
{
    struct strbuf text = { 0 };
    int code;

    options_help(&text, options->topic);
    code = text.failed ? ERR_DEFECT : print(text.data);
    strbuf_release(&text);
    return code;
}

/* What every rank could say, one says. */
static int complain(int rank, const struct err *err)
{
    if (rank == 0)
        log_line(&plain, LOG_ERROR, "%s", err->text);
    return (int)err->code;
}

/* Ranks may have different environments. The lowest whose options are bad speaks, and all
 * end with its code: the others would wait for it. Collective. */
static bool all_agree(int rank, int *code, const struct err *err)
{
    int mine = *code ? rank : INT_MAX, who = INT_MAX;

    MPI_Allreduce(&mine, &who, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (who == INT_MAX)
        return true;
    if (who == rank)
        log_line(&plain, LOG_ERROR, "%s", err->text);
    MPI_Bcast(code, 1, MPI_INT, who, MPI_COMM_WORLD);
    return false;
}

static int check_launch(struct err *err, int *index)
{
    int of;

    if (!comm_is_singleton(index, &of))
        return 0;
    return err_set(err, ERR_USAGE,
                   "the launcher started %d processes that are not connected by MPI, "
                   "each would fetch everything: use the mpirun of the MPI that mpifetch "
                   "was built with, or 'srun --mpi=pmix'",
                   of);
}

static int run_command(const struct options *options, int rank, bool *lost)
{
    struct mpifetch_report report;
    static int (*const calls[])(MPI_Comm, const struct mpifetch_options *,
                                struct mpifetch_report *) = {
        [COMMAND_GET] = mpifetch_get,
        [COMMAND_PLAN] = mpifetch_plan,
        [COMMAND_VERIFY] = mpifetch_verify,
        [COMMAND_CLEAN] = clean,
    };
    bool says_path = options->command == COMMAND_VERIFY ||
                     (options->command == COMMAND_GET && !options->get.dry_run);
    int status = options->command == COMMAND_DOCTOR
                     ? doctor(MPI_COMM_WORLD, options, &report)
                     : calls[options->command](MPI_COMM_WORLD, &options->get, &report);

    *lost = report.lost != 0;
    /* That rank 0 is lost is for one of each node to say. */
    if (status != MPIFETCH_OK && report.rank > 0 &&
        (rank == 0 || (*lost && rank == report.rank)))
        log_line(&plain, LOG_ERROR, "rank %d: %s", report.rank, report.error);
    else if (status != MPIFETCH_OK && rank == 0)
        log_line(&plain, LOG_ERROR, "%s", report.error);
    guard_settle_line();
    if (status == MPIFETCH_OK && rank == 0 && says_path &&
        (puts(report.path) < 0 || fflush(stdout) != 0)) {
        log_line(&plain, LOG_ERROR,
                 "'%s' is complete, but its path cannot be written to stdout",
                 report.path);
        return ERR_DEFECT;
    }
    return status;
}

/* All between the start of MPI and its end. code: what the options came to. */
static int run_ranks(const struct options *options, int code, struct err *err, bool *lost)
{
    struct start start = { .options = options };
    struct options own = *options;
    struct err launch = { 0 };
    int rank = 0, index = 0;

    watch_collective(options->get.rank_timeout, "MPI start-up", ERR_INTERRUPTED);
    if (guard_start(code == 0 ? err : NULL) < 0 && code == 0)
        code = (int)err->code;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &start.size);
    if (check_launch(&launch, &index) < 0)
        return complain(index, &launch);
    if (!all_agree(rank, &code, err)) {
        MPI_Barrier(MPI_COMM_WORLD); /* the sentence is out before anybody ends */
        return code;
    }
    own.get.interrupted = was_signalled;
    own.get.interrupted_arg = &start;
    return run_command(&own, rank, lost);
}

int main(int argc, char **argv)
{
    struct options options;
    struct err err = { 0 };
    bool lost = false;
    int provided, code;

    /* Another mpifetch has started this one, to try what may hang: no rank of any job. */
    if (argc == 2 && strcmp(argv[1], HELPER_WORD) == 0)
        return commands_serve();
    /* Help must work where MPI does not, on a login node say. */
    code = options_parse(&options, argc, argv, &err) < 0 ? (int)err.code : 0;
    if (code == 0 && options.command == COMMAND_HELP) {
        code = print_help(&options);
        goto out;
    }
    if (code == 0 && options.command == COMMAND_VERSION) {
        code = print("mpifetch " MPIFETCH_VERSION "\n");
        goto out;
    }
    catch_signals();
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    code = run_ranks(&options, code, &err, &lost);
    if (lost) {
        fflush(NULL);
        _exit(code); /* MPI_Finalize would wait for who is gone */
    }
    /* Until the process is gone: what MPI has left to the end counts as well. */
    watch_collective(options.get.rank_timeout, "MPI_Finalize", code);
    MPI_Finalize();
out:
    options_release(&options);
    return code;
}
