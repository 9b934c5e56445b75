#include "report/trace.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "ranks/run.h"

static const char *const kind_names[TRACE_KINDS] = { "fetch",      "hash", "copy",
                                                     "renew",      "take", "dest",
                                                     "connections" };

void trace_open(struct trace *trace, size_t sources, double now)
{
    *trace = (struct trace){ .origin = now,
                             .most = sources > 1 ? TRACE_MOST / sources : TRACE_MOST };
}

void trace_span(struct trace *trace, enum trace_kind kind, unsigned row, uint32_t segment,
                uint32_t count, double begin, double end)
{
    if (!trace)
        return;
    if (trace->spans >= trace->most) {
        trace->left_out++;
        return;
    }
    if (trace->spans == trace->room) {
        size_t room = trace->room ? 2 * trace->room : 256;
        struct trace_span *grown = realloc(trace->span, room * sizeof(*grown));

        if (!grown) {
            trace->left_out++;
            return;
        }
        trace->span = grown;
        trace->room = room;
    }
    trace->span[trace->spans++] = (struct trace_span){
        begin - trace->origin, end - trace->origin, (uint32_t)kind, row, segment, count,
    };
}

void trace_release(struct trace *trace)
{
    free(trace->span);
    *trace = (struct trace){ 0 };
}

struct trace_file {
    const struct run *run;
    const char *path;
    struct strbuf *text;
    double ahead; /* seconds: the origin after that of the first source */
};

enum { ROW_SOURCE = 4000 };

/* A row (thread, in the format's words) for each slot, each pool thread and each buffer. */
static unsigned row_of(const struct trace_span *span)
{
    if (span->kind == TRACE_TAKE)
        return 2000 + span->row;
    if (span->kind == TRACE_DEST)
        return 3000;
    return span->kind == TRACE_FETCH || span->kind == TRACE_RENEW ? span->row
                                                                  : 1000 + span->row;
}

static void add_event(struct trace_file *file, json_t *event)
{
    char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;

    strbuf_addf(file->text, "%s%s", file->text->len > 0 ? ",\n" : "[\n",
                text ? text : "{}");
    free(text);
    json_decref(event);
}

static void add_span(struct trace_file *file, int rank, const struct trace_span *span)
{
    const struct run *run = file->run;
    const char *path = "";
    double begin = file->ahead + span->begin;

    if (span->kind == TRACE_CONNECTIONS) {
        add_event(file, json_pack("{s:s, s:s, s:i, s:f, s:{s:i}}", "name", "connections",
                                  "ph", "C", "pid", rank, "ts", begin * 1e6, "args",
                                  "connections", (int)span->segment));
        return;
    }
    if (span->segment < run->segments.count)
        path = plan_path(&run->plan, run->segments.file[span->segment]);
    add_event(file,
              json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:{s:i, s:i, s:s}}", "name",
                        span->kind < TRACE_KINDS ? kind_names[span->kind] : "?", "ph",
                        "X", "pid", rank, "tid", (int)row_of(span), "ts", begin * 1e6,
                        "dur", (span->end - span->begin) * 1e6, "args", "segment",
                        (int)span->segment, "count", (int)span->count, "file", path));
}

static int take_spans(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct trace_file *file = arg;
    struct strbuf name = { 0 };
    struct trace_span span;

    (void)err;
    strbuf_addf(&name, "rank %d (%s)", rank, comm_host(file->run->ranks.comm, rank));
    add_event(file,
              json_pack("{s:s, s:s, s:i, s:{s:s}}", "name", "process_name", "ph", "M",
                        "pid", rank, "args", "name", name.data ? name.data : "rank"));
    strbuf_release(&name);
    for (size_t at = 0; at + sizeof(span) <= len; at += sizeof(span)) {
        memcpy(&span, (const char *)bytes + at, sizeof(span));
        add_span(file, rank, &span);
    }
    return 0;
}

/* From the origin until all has been gathered. */
static void add_source(struct trace_file *file, const char *source, double seconds)
{
    add_event(file, json_pack("{s:s, s:s, s:i, s:i, s:f, s:f}", "name", source, "ph", "X",
                              "pid", 0, "tid", ROW_SOURCE, "ts", file->ahead * 1e6, "dur",
                              seconds * 1e6));
}

int trace_gather(struct run *run, struct trace_text *all, const char *source,
                 struct err *err)
{
    const struct trace *trace = run->trace;
    struct trace_file file = { .run = run, .text = &all->text };

    /* Without one nothing was to be fetched. */
    if (all->origin == 0)
        all->origin = trace->origin;
    if (trace->origin > 0)
        file.ahead = trace->origin - all->origin;
    if (source && run->ranks.rank == 0 && trace->origin > 0)
        add_source(&file, source, clock_now() - trace->origin);
    return agree_gather(&run->ranks, MSG_TRACE, trace->span,
                        trace->spans * sizeof(*trace->span), take_spans, &file, err);
}

static int write_text(void *arg, struct err *err)
{
    const struct trace_file *file = arg;

    return fs_write_all(NULL, file->path, file->text->data, file->text->len, true, false,
                        err);
}

int trace_write(struct run *run, struct trace_text *all, const char *path,
                struct err *err)
{
    struct trace_file file = { .run = run, .path = path, .text = &all->text };

    strbuf_adds(&all->text, all->text.len > 0 ? "\n]\n" : "[\n]\n");
    return all->text.failed ? err_memory(err, "the trace")
                            : background_run(&run->ranks, write_text, &file, err);
}

void trace_text_release(struct trace_text *all)
{
    strbuf_release(&all->text);
    *all = (struct trace_text){ 0 };
}
