/* app/main.c -- the program: command line in, one line on stdout and an exit code out. */
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/clean.h"
#include "app/config.h"
#include "app/failure.h"
#include "app/options.h"
#include "app/places.h"
#include "app/several.h"
#include "app/started.h"
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

/* A lower limit: on a busy machine MPI may take longer than --rank-timeout. */
static const double collective_least = 10, watch_least = 1; /* seconds */

/* MPI_Init and MPI_Finalize are collective: without a watch one lost rank would block all
 * others for ever. */
static void watch_collective(double timeout, const char *what, int code)
{
    double seconds = timeout > collective_least ? timeout : collective_least;
    char text[256];

    snprintf(text, sizeof(text),
             "rank %d: %s did not finish within %.0f s: a rank has died or hangs",
             comm_launch_index(), what, seconds);
    /* Two ranks of a node print it: the first may be the lost one. */
    guard_watch(&(struct guard_watch){ seconds, code,
                                       comm_launch_local() < 2 ? text : NULL, NULL });
}

/* Between them, calls that send or receive may never return. A single rank makes no such
 * calls, and nobody waits for it. */
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

/* First called when all collectives of the start are over. */
static int was_signalled(void *arg)
{
    struct start *start = arg;

    if (!start->over)
        watch_loops(start->options, start->size);
    start->over = true;
    return signalled != 0;
}

static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU };

enum { caught_count = sizeof(caught) / sizeof(caught[0]) };

/* nohup, and a shell without job control for what it puts in the background, ignore signals
 * for a program that is to live on. */
static void find_ignored(bool ignored[caught_count])
{
    struct sigaction before;

    for (int i = 0; i < caught_count; i++)
        ignored[i] =
            sigaction(caught[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN;
}

/* Before MPI_Init, and after it: what MPI loads may take signals for itself, as UCX does with
 * SIGHUP. */
static void catch_signals(const bool ignored[caught_count])
{
    struct sigaction action = { .sa_flags = 0 };

    sigemptyset(&action.sa_mask);
    for (int i = 0; i < caught_count; i++) {
        action.sa_handler = ignored[i] ? SIG_IGN : on_signal;
        sigaction(caught[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write then fails with EFBIG instead */
}

static const struct log plain = { .level = LOG_WARN, .rank = -1 };

/* Of several ranks one prints. */
static int print(const char *text)
{
    if (comm_launch_index() != 0)
        return 0;
    return fputs(text ? text : "", stdout) >= 0 && fflush(stdout) == 0 ? 0 : ERR_DEFECT;
}

static bool is_help(const struct options *options)
{
    return options->command == COMMAND_HELP || options->command == COMMAND_VERSION;
}

static int print_help(const struct options *options)
{
    struct strbuf text = { 0 };
    int code;

    if (options->command == COMMAND_VERSION)
        return print("mpifetch " MPIFETCH_VERSION "\n");
    options_help(&text, options->topic);
    code = text.failed ? ERR_DEFECT : print(text.data);
    strbuf_release(&text);
    return code;
}

/* An error that all ranks have: one prints it. */
static int complain(int rank, const struct err *err)
{
    if (rank == 0)
        log_line(&plain, LOG_ERROR, "%s", err->text);
    return (int)err->code;
}

static int show_config(const struct config *config, const struct options *options,
                       struct err *err)
{
    struct strbuf text = { 0 };
    int rc = 0;

    for (int i = CONFIG_FILES - 1; i >= 0; i--)
        if (config->file[i].name[0])
            strbuf_addf(&text, "# %s: %s\n", config->file[i].name,
                        config->file[i].there ? "read" : "not there");
    options_show(options, config->file[CONFIG_SITE].name, config->file[CONFIG_USER].name,
                 &text);
    if (text.failed)
        rc = err_memory(err, "options");
    else if (print(text.data) != 0)
        rc = err_set(err, ERR_DEFECT, "cannot write to stdout");
    strbuf_release(&text);
    return rc;
}

/* Ranks may have different environments. The lowest rank with invalid options prints the
 * error, and all end with its code: otherwise they would wait for it. Collective. */
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

/* Collective. The defaults of the site and of the user, which rank 0 reads for all. */
static int add_defaults(struct options *options, int rank, int *code, struct err *err)
{
    struct config config = { 0 };
    int rc = 0, skip = options->no_config;

    MPI_Bcast(&skip, 1, MPI_INT, 0, MPI_COMM_WORLD);
    if (rank == 0 && !skip)
        rc = config_read(&config, err);
    if (config_share(&config, rank, rc < 0 ? NULL : err) < 0)
        rc = -1;
    if (rc == 0)
        rc = config_take(&config, options, err);
    if (rc == 0 && rank == 0 && options->show_config)
        rc = show_config(&config, options, err);
    *code = rc < 0 ? (int)err->code : 0;
    config_release(&config);
    return all_agree(rank, code, err) ? 0 : -1;
}

/* Of several sources, or paths. */
static int call_for_each(const struct options *options, struct mpifetch_report *reports)
{
    enum session_task task = options->command == COMMAND_VERIFY ? SESSION_VERIFY
                             : options->command == COMMAND_PLAN || options->get.dry_run
                                 ? SESSION_PLAN
                                 : SESSION_GET;

    return several_run(MPI_COMM_WORLD, options->each, options->count, reports, task);
}

static int call_command(const struct options *options, struct mpifetch_report *report)
{
    if (options->count > 0)
        return call_for_each(options, report);
    switch (options->command) {
    case COMMAND_GET:
        return mpifetch_get(MPI_COMM_WORLD, &options->get, report);
    case COMMAND_PLAN:
        return mpifetch_plan(MPI_COMM_WORLD, &options->get, report);
    case COMMAND_VERIFY:
        return mpifetch_verify(MPI_COMM_WORLD, &options->get, report);
    case COMMAND_CLEAN:
        return clean(MPI_COMM_WORLD, &options->get, report);
    case COMMAND_DOCTOR:
        return doctor(MPI_COMM_WORLD, options, report);
    case COMMAND_HELP:
    case COMMAND_VERSION:
        break;
    }
    *report = (struct mpifetch_report){ 0 };
    return print_help(options);
}

/* What was not tried is told in the summary. */
static void print_failures(const struct mpifetch_report *reports, size_t count, int rank)
{
    char text[FAILURE_TEXT];

    for (size_t i = 0; i < count; i++)
        if (reports[i].status != MPIFETCH_OK && reports[i].rank >= 0 &&
            failure_text(&reports[i], rank, text, sizeof(text)))
            log_line(&plain, LOG_ERROR, "%s", text);
}

/* A line for each that was published. */
static int print_paths(const struct mpifetch_report *reports, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (reports[i].status == MPIFETCH_OK &&
            (puts(reports[i].path) < 0 || fflush(stdout) != 0)) {
            log_line(&plain, LOG_ERROR,
                     "'%s' is complete, but its path cannot be written to stdout",
                     reports[i].path);
            return -1;
        }
    return 0;
}

/* reports: room for each. */
static int run_command(const struct options *options, int rank,
                       struct mpifetch_report *reports, bool *lost)
{
    size_t count = options->count ? options->count : 1;
    bool says_path = options->command == COMMAND_VERIFY ||
                     (options->command == COMMAND_GET && !options->get.dry_run);
    int status = call_command(options, reports);

    *lost = reports[0].lost != 0;
    guard_tell();
    print_failures(reports, count, rank);
    if (rank == 0 && says_path && print_paths(reports, count) < 0)
        status = ERR_DEFECT;
    guard_told();
    return status;
}

/* Everything between MPI_Init and MPI_Finalize. code: the result of options_parse. */
static int run_ranks(struct options *options, int code, struct err *err, bool *lost)
{
    struct start start = { .options = options };
    struct mpifetch_report one;
    struct err launch = { 0 };
    int rank = 0, index = 0;

    watch_collective(options->get.rank_timeout, "MPI start-up", ERR_INTERRUPTED);
    /* MPICH has no other way to let an error of a request be ours to judge. */
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    if (guard_start(code == 0 ? err : NULL) < 0 && code == 0)
        code = (int)err->code;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &start.size);
    if (check_launch(&launch, &index) < 0)
        return complain(index, &launch);
    if (!all_agree(rank, &code, err)) {
        MPI_Barrier(MPI_COMM_WORLD); /* the error is printed before any rank exits */
        return code;
    }
    if (started_alike(options, rank, err) < 0) {
        if (err->text[0])
            log_line(&plain, LOG_ERROR, "%s", err->text);
        MPI_Barrier(MPI_COMM_WORLD);
        return ERR_USAGE;
    }
    if (add_defaults(options, rank, &code, err) < 0 || options->show_config) {
        MPI_Barrier(MPI_COMM_WORLD);
        return code;
    }
    if (options->warning && rank == 0 && options->get.verbosity >= 0)
        log_line(&plain, LOG_WARN, "%s", options->warning);
    options->get.interrupted = was_signalled;
    options->get.interrupted_arg = &start;
    places_fill(options);
    return run_command(options, rank, options->each ? options->reports : &one, lost);
}

int main(int argc, char **argv)
{
    struct options options;
    struct err err = { 0 };
    bool lost = false, ignored[caught_count];
    int provided, code;

    /* Started by another mpifetch as a helper for calls that may hang: not a
     * rank of a job. */
    if (argc == 2 && strcmp(argv[1], HELPER_WORD) == 0)
        return commands_serve();
    /* Help must work without MPI, on a login node for instance. But beside ranks that do
     * something else they would wait for this one for ever. */
    code = options_parse(&options, argc, argv, &err) < 0 ? (int)err.code : 0;
    if (code == 0 && is_help(&options) && !comm_is_launched()) {
        code = print_help(&options);
        goto out;
    }
    find_ignored(ignored);
    catch_signals(ignored);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    catch_signals(ignored);
    code = run_ranks(&options, code, &err, &lost);
    if (lost) {
        fflush(NULL);
        _exit(code); /* MPI_Finalize would wait for the lost rank */
    }
    /* Until the process has ended: MPI also does work at exit. */
    watch_collective(options.get.rank_timeout, "MPI_Finalize", code);
    MPI_Finalize();
out:
    options_release(&options);
    return code;
}
