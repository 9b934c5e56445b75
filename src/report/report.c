#include "report/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "ranks/nodes.h"
#include "ranks/outcome.h"
#include "ranks/wants.h"
#include "report/json_file.h"

static const char *const phase_names[REPORT_PHASES] = {
    [REPORT_LIST] = "list",          [REPORT_STAGE] = "stage",   [REPORT_FETCH] = "fetch",
    [REPORT_VERIFY] = "verify_tail", [REPORT_COMMIT] = "commit",
};

static int take_stats(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct report *report = arg;

    if (len != sizeof(struct stats))
        return err_set(err, ERR_DEFECT, "rank %d runs a different build of mpifetch",
                       rank);
    memcpy(&report->ranks[rank], bytes, len);
    return 0;
}

int report_gather(struct run *run, struct report *report, struct err *err)
{
    uint64_t *value = run->stats.value;

    value[STAT_CPU] = (uint64_t)((clock_cpu() - run->cpu_before) * 1e6);
    value[STAT_PEAK] = clock_peak();
    value[STAT_GROWTH] = value[STAT_PEAK] > run->memory_at_start
                             ? value[STAT_PEAK] - run->memory_at_start
                             : 0;
    if (run->ranks.rank == 0) {
        report->ranks = calloc((size_t)run->ranks.size, sizeof(*report->ranks));
        if (!report->ranks)
            return err_memory(err, "the report");
    }
    return agree_gather(&run->ranks, MSG_STATS, &run->stats, sizeof(run->stats),
                        take_stats, report, err);
}

uint64_t report_sum(const struct run *run, const struct report *report,
                    enum stats_item item)
{
    return report->ranks ? stats_range(report->ranks, run->ranks.size, item).sum : 0;
}

uint64_t report_duplicated(const struct run *run, const struct report *report)
{
    /* What a node has resumed is not to be fetched, and another may have resumed it too. */
    uint64_t came = report_sum(run, report, STAT_FETCHED) +
                    report_sum(run, report, STAT_NEARBY) +
                    (report->nodes ? 0 : report_sum(run, report, STAT_RESUMED));

    return report->published && came > report->to_fetch ? came - report->to_fetch : 0;
}

static void summarise_doubts(const struct run *run, const struct report *report)
{
    if (report->untrusted_fetched > 0)
        log_line(&run->ranks.log, LOG_WARN,
                 "files without a published digest were not verified; use "
                 "--require-digest to refuse them");
    if (report->dropped_files > 0)
        log_line(&run->ranks.log, LOG_WARN,
                 "%llu file%s of the previous tree removed: not in the source, or "
                 "excluded by the patterns",
                 (unsigned long long)report->dropped_files,
                 report->dropped_files == 1 ? "" : "s");
    if (report->stale)
        log_line(&run->ranks.log, LOG_WARN,
                 "some nodes do not see the new '%s' yet: their file system caches "
                 "directory entries",
                 run->published);
}

/* "; 4 verified, 1 unchanged": only the counts that are not zero. */
static const char *summarise_files(char *text, size_t size, size_t files,
                                   const struct report *report)
{
    const struct {
        uint64_t count;
        const char *what;
    } kinds[] = {
        { files - report->reused_files - report->untrusted_fetched, "verified" },
        { report->reused_files, "unchanged" },
        { report->untrusted_fetched, "without a published digest" },
    };
    size_t len = 0;

    *text = '\0';
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].count > 0 && len < size)
            len += (size_t)snprintf(text + len, size - len, "%s%llu %s",
                                    len > 0 ? ", " : "; ",
                                    (unsigned long long)kinds[i].count, kinds[i].what);
    return text;
}

static void summarise_nodes(const struct run *run, const struct report *report)
{
    int nodes = nodes_count(&run->ranks), slowest = 0;
    char bytes[32], took[32];
    uint64_t taken = 0;

    if (!report->nodes)
        return;
    for (int i = 0; i < nodes; i++) {
        taken += report->nodes[i].traffic.taken;
        if (report->nodes[i].complete > report->nodes[slowest].complete)
            slowest = i;
    }
    log_line(&run->ranks.log, LOG_WARN,
             "%d of %d nodes have it: %s passed between them, the last was %s after %s",
             nodes - outcome_missing(run), nodes, text_bytes(bytes, sizeof(bytes), taken),
             comm_host(run->ranks.comm, nodes_keeper(&run->ranks, slowest)),
             text_seconds(took, sizeof(took), report->nodes[slowest].complete));
}

static void summarise_beside(const struct run *run, const struct report *report)
{
    const struct report_beside *beside = &report->beside;
    char bytes[32], took[32], near[32];

    if (report_sum(run, report, STAT_NEARBY) > 0)
        log_line(&run->ranks.log, LOG_WARN, "%s came from '%s' instead of the source",
                 text_bytes(near, sizeof(near), report_sum(run, report, STAT_NEARBY)),
                 beside->path);
    if (beside->published)
        log_line(&run->ranks.log, LOG_WARN,
                 "'%s' is published as well: it lacked %s, and took %s after the nodes",
                 beside->path, text_bytes(bytes, sizeof(bytes), beside->bytes),
                 text_seconds(took, sizeof(took), beside->seconds));
}

/* "hf://models/acme/demo@main: ", if there are several sources; or the tree. */
static const char *summary_source(char *text, size_t size, const struct run *run,
                                  const struct report *report)
{
    const char *source = report->verified && run->published
                             ? run->published
                             : plan_text(&run->plan, run->plan.source);

    *text = '\0';
    if (report->named && *source)
        snprintf(text, size, "%s: ", source);
    return text;
}

void report_summary(const struct run *run, const struct report *report)
{
    char name[256];
    char bytes[32], fetched[32], rate[32], took[32], kinds[160];
    double seconds = report->total > 0 ? report->total : 1e-9;
    size_t files = run->plan.nfiles;

    if (report->err.code != ERR_NONE)
        return;
    summary_source(name, sizeof(name), run, report);
    if (report->verified) {
        log_line(&run->ranks.log, LOG_WARN,
                 "%sverified %zu file%s, %s, in %s with %d rank%s", name, files,
                 files == 1 ? "" : "s",
                 text_bytes(bytes, sizeof(bytes), run->plan.nbytes),
                 text_seconds(took, sizeof(took), report->total), run->ranks.size,
                 run->ranks.size == 1 ? "" : "s");
        return;
    }
    if (report->unchanged) {
        log_line(&run->ranks.log, LOG_WARN, "%salready up to date: %zu file%s, %s", name,
                 files, files == 1 ? "" : "s",
                 text_bytes(bytes, sizeof(bytes), run->plan.nbytes));
        return;
    }
    log_line(
        &run->ranks.log, LOG_WARN,
        "%spublished %zu file%s, %s: fetched %s in %s (%s/s) with %d rank%s%s", name,
        files, files == 1 ? "" : "s", text_bytes(bytes, sizeof(bytes), run->plan.nbytes),
        text_bytes(fetched, sizeof(fetched), report_sum(run, report, STAT_FETCHED)),
        text_seconds(took, sizeof(took), report->total),
        text_bytes(rate, sizeof(rate),
                   (uint64_t)((double)report_sum(run, report, STAT_FETCHED) / seconds)),
        run->ranks.size, run->ranks.size == 1 ? "" : "s",
        summarise_files(kinds, sizeof(kinds), files, report));
    if (report_sum(run, report, STAT_RESUMED) > 0)
        log_line(&run->ranks.log, LOG_WARN, "resumed: %s had been fetched before",
                 text_bytes(bytes, sizeof(bytes), report_sum(run, report, STAT_RESUMED)));
    summarise_nodes(run, report);
    summarise_beside(run, report);
    summarise_doubts(run, report);
}

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *plan_object(const struct run *run)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:i}", "files", count(run->plan.nfiles),
                     "bytes", count(run->plan.nbytes), "segments",
                     count(run->segments.count), "segment_size",
                     count(run->segments.size), "ranks", run->ranks.size);
}

static json_t *bytes_object(const struct run *run, const struct report *report)
{
    bool there = report->published || report->unchanged || report->verified;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "fetched",
                     count(report_sum(run, report, STAT_FETCHED)), "from_dest",
                     count(report_sum(run, report, STAT_NEARBY)), "duplicated",
                     count(report_duplicated(run, report)), "resumed",
                     count(report_sum(run, report, STAT_RESUMED)), "reused",
                     count(report->reused_bytes), "published",
                     count(there ? run->plan.nbytes : 0));
}

static json_t *requests_object(const struct run *run, const struct report *report)
{
    uint64_t resolve =
        report_sum(run, report, STAT_RESOLVE_REQUESTS) + report->resolve_requests;
    uint64_t retried = report_sum(run, report, STAT_RETRIED) + report->listing_retries;

    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "api", count(report->api_requests),
                     "resolve", count(resolve), "data",
                     count(report_sum(run, report, STAT_DATA_REQUESTS)), "retried",
                     count(retried), "cut", count(report_sum(run, report, STAT_CUT)));
}

static json_t *connections_object(const struct run *run, const struct report *report)
{
    const struct governor_figures *figures = &report->connections;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "first",
                     count(figures->first), "least", count(figures->least), "most",
                     count(figures->most), "last", count(figures->last), "changes",
                     count(figures->changes), "collapses", count(figures->collapses),
                     "replaced", count(report_sum(run, report, STAT_REPLACED)));
}

static json_t *seconds_object(const struct report *report)
{
    json_t *object = json_object();

    for (size_t i = 0; i < REPORT_PHASES; i++)
        json_object_set_new(object, phase_names[i], json_real(report->seconds[i]));
    json_object_set_new(object, "total", json_real(report->total));
    return object;
}

static json_t *ranks_array(const struct run *run, const struct report *report)
{
    json_t *array = json_array();

    for (int i = 0; report->ranks && i < run->ranks.size; i++) {
        const uint64_t *value = report->ranks[i].value;

        json_array_append_new(
            array,
            json_pack(
                "{s:i, s:s, s:i, s:o, s:o, s:f, s:f, s:o, s:o}", "rank", i, "host",
                comm_host(run->ranks.comm, i), "node", comm_node(run->ranks.comm, i),
                "bytes", count(value[STAT_FETCHED]), "segments",
                count(value[STAT_SEGMENTS]), "busy", (double)value[STAT_BUSY] / 1e6,
                "cpu", (double)value[STAT_CPU] / 1e6, "peak_memory",
                count(value[STAT_PEAK]), "memory_growth", count(value[STAT_GROWTH])));
    }
    return array;
}

static json_t *nodes_array(const struct run *run, const struct report *report)
{
    json_t *array = json_array();

    for (int i = 0; report->nodes && i < nodes_count(&run->ranks); i++) {
        const struct report_node *node = &report->nodes[i];
        const struct node_part part = wants_part_of(run, i);
        bool failed = run->nodes.failed[i];
        bool has = !failed || run->nodes.had[i];

        json_array_append_new(
            array,
            json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f}", "host",
                      comm_host(run->ranks.comm, nodes_keeper(&run->ranks, i)),
                      "published", report->published && has && part.files > 0, "error",
                      failed ? json_file_text(run->nodes.err[i].text) : json_null(),
                      "files", count(part.files), "bytes", count(part.bytes), "bytes_in",
                      count(node->traffic.taken), "bytes_out", count(node->traffic.given),
                      "seconds_in", node->traffic.taking, "seconds_out",
                      node->traffic.giving, "complete", node->complete));
    }
    return array;
}

static json_t *beside_object(const struct report_beside *beside)
{
    if (!beside->path)
        return json_null();
    return json_pack(
        "{s:o, s:b, s:b, s:o, s:o, s:f}", "path", json_file_text(beside->path),
        "published", beside->published, "unchanged", beside->unchanged, "error",
        beside->err.code != ERR_NONE ? json_file_text(beside->err.text) : json_null(),
        "bytes", count(beside->bytes), "seconds", beside->seconds);
}

static json_t *extremes_object(const struct run *run, const struct report *report)
{
    static const struct {
        const char *name;
        enum stats_item item;
    } rows[] = { { "bytes", STAT_FETCHED },
                 { "busy_us", STAT_BUSY },
                 { "cpu_us", STAT_CPU },
                 { "peak_memory", STAT_PEAK } };
    json_t *object = json_object();

    for (size_t i = 0; report->ranks && i < countof(rows); i++) {
        struct stats_range range =
            stats_range(report->ranks, run->ranks.size, rows[i].item);

        json_object_set_new(object, rows[i].name,
                            json_pack("{s:o, s:i, s:o, s:i}", "least", count(range.least),
                                      "least_rank", range.least_at, "most",
                                      count(range.most), "most_rank", range.most_at));
    }
    return object;
}

static json_t *error_object(const struct report *report)
{
    if (report->err.code == ERR_NONE)
        return json_null();
    return json_file_text(report->err.text);
}

static json_t *reason_object(const struct err *err)
{
    return err->reason == REASON_NONE ? json_null()
                                      : json_string(err_reason_name(err->reason));
}

static json_t *offline_object(const struct report *report)
{
    return report->offline ? json_file_text(report->offline) : json_null();
}

static json_t *lister_object(const struct run *run, const struct report *report)
{
    if (!run->ranks.comm)
        return json_null(); /* nobody was asked */
    return json_pack("{s:i, s:s}", "rank", report->lister, "host",
                     comm_host(run->ranks.comm, report->lister));
}

json_t *report_object(const struct run *run, const struct report *report)
{
    const struct plan *plan = &run->plan;
    bool there = report->published || report->unchanged || report->verified;
    json_t *path =
        there ? json_file_text(run->shown ? run->shown : run->published) : json_null();

    return json_pack(
        "{s:s, s:i, s:i, s:o, s:o, s:o, s:b, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:o, "
        "s:o}",
        "format", "mpifetch-report", "version", REPORT_VERSION, "status",
        (int)report->err.code, "error", error_object(report), "reason",
        reason_object(&report->err), "path", path, "unchanged", report->unchanged,
        "offline", offline_object(report), "lister", lister_object(run, report), "source",
        plan_text(plan, plan->source), "revision", plan_text(plan, plan->revision), "ref",
        plan_text(plan, plan->ref), "plan", plan_object(run), "bytes",
        bytes_object(run, report), "reused_files", count(report->reused_files),
        "files_on_trust", count(report->untrusted), "requests",
        requests_object(run, report), "connections", connections_object(run, report),
        "seconds", seconds_object(report), "ranks", ranks_array(run, report), "nodes",
        nodes_array(run, report), "dest", beside_object(&report->beside), "extremes",
        extremes_object(run, report));
}

int report_write(const struct run *run, const struct report *report, const char *path,
                 struct err *err)
{
    return json_file_write(report_object(run, report), path, err);
}

void report_release(struct report *report)
{
    free(report->ranks);
    free(report->nodes);
    report->ranks = NULL;
    report->nodes = NULL;
}
