#include "app/started.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/url.h"
#include "core/state/msg.h"
#include "io/fs/fs_dir.h"
#include "io/sha256.h"

static const char *const labels[] = { "version", "command", "SOURCE", "--manifest",
                                      "DEST" };

enum { ROWS = 5, ROW = 200 };

/* What rank 0 was started with, a row for each label. The size, and that the version comes
 * first, is the same in all versions. */
struct started {
    struct {
        uint8_t digest[32];
        char shown[ROW - 32]; /* without secrets; may be cut */
    } row[ROWS];
};

static void set_row(struct started *started, int row, const char *text)
{
    char *shown = started->row[row].shown;

    sha256_bytes(text ? text : "", strlen(text ? text : ""), started->row[row].digest);
    if (text && strstr(text, "://"))
        url_redact(shown, sizeof(started->row[row].shown), text);
    else
        snprintf(shown, sizeof(started->row[row].shown), "%s", text ? text : "");
}

static const char *dest_of(const struct mpifetch_options *get)
{
    return get->per_node ? get->per_node : get->into ? get->into : get->dest;
}

static const char *source_of(const struct mpifetch_options *get)
{
    return get->source;
}

/* The first is shown, all count. */
static void add_each(struct started *started, int row, const struct options *options,
                     const char *(*text)(const struct mpifetch_options *get))
{
    char *shown = started->row[row].shown;
    size_t len = strlen(shown);
    struct strbuf all = { 0 };

    for (size_t i = 0; i < options->count; i++)
        strbuf_addf(&all, "%s\n", text(&options->each[i]) ? text(&options->each[i]) : "");
    if (all.data)
        sha256_bytes(all.data, all.len, started->row[row].digest);
    if (len > 0)
        snprintf(shown + len, sizeof(started->row[row].shown) - len, " and %zu more",
                 options->count - 1);
    strbuf_release(&all);
}

static void set_started(struct started *started, const struct options *options)
{
    const struct mpifetch_options *get = &options->get;
    char version[64], both[2 * FS_NAME];
    const char *dest = get->per_node && get->dest ? both : dest_of(get);
    const char *const texts[ROWS] = { version, command_name(options->command),
                                      get->source, get->manifest, dest };

    snprintf(both, sizeof(both), "%s on each node, and %s",
             get->per_node ? get->per_node : "", get->dest ? get->dest : "");
    memset(started, 0, sizeof(*started));
    snprintf(version, sizeof(version), "%s (contract %d)", MPIFETCH_VERSION,
             MSG_CONTRACT);
    for (int i = 0; i < ROWS; i++)
        set_row(started, i, texts[i]);
    if (options->count == 0)
        return;
    add_each(started, 2, options, source_of);
    add_each(started, ROWS - 1, options, dest_of);
}

/* Where the difference is in the query of a URL, say, the texts look alike. */
static int tell_difference(const char *label, const char *mine, const char *first,
                           int rank, struct err *err)
{
    if (strcmp(mine, first) == 0)
        return err_set(err, ERR_USAGE,
                       "rank %d was started with %s '%s', rank 0 with another, which "
                       "differs in a part that is not shown, such as the query: all "
                       "ranks of a job need the same %s",
                       rank, label, mine, label);
    return err_set(err, ERR_USAGE,
                   "rank %d was started with %s '%s', rank 0 with '%s': all ranks "
                   "of a job need the same %s",
                   rank, label, mine, first, label);
}

static int compare_started(const struct started *mine, const struct started *first,
                           int rank, struct err *err)
{
    for (int i = 0; i < ROWS; i++)
        if (memcmp(mine->row[i].digest, first->row[i].digest, 32) != 0)
            return tell_difference(labels[i], mine->row[i].shown, first->row[i].shown,
                                   rank, err);
    return 0;
}

int started_alike(const struct options *options, int rank, struct err *err)
{
    struct started mine, first;
    int differs, who = INT_MAX;

    set_started(&mine, options);
    first = mine;
    MPI_Bcast(&first, sizeof(first), MPI_BYTE, 0, MPI_COMM_WORLD);
    first.row[ROWS - 1].shown[sizeof(first.row[0].shown) - 1] = '\0';
    differs = compare_started(&mine, &first, rank, err) < 0 ? rank : INT_MAX;
    MPI_Allreduce(&differs, &who, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (who == INT_MAX)
        return 0;
    if (who != rank)
        err_clear(err);
    return -1;
}
