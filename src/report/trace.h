/* report/trace.h -- what each rank did when, in the Chrome trace format
 * (Perfetto opens it).
 *
 * Life cycle   trace_open; trace_span as things end; trace_gather; trace_release. A
 *              rank records at most TRACE_MOST spans and then only counts, so memory
 *              stays bounded. Those of several sources go into one text, which
 *              trace_write ends; trace_text_release. */
#ifndef REPORT_TRACE_H
#define REPORT_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

enum trace_kind {
    TRACE_FETCH,
    TRACE_HASH,
    TRACE_COPY,
    TRACE_RENEW, /* of a slot: its connection is replaced */
    TRACE_TAKE,  /* of a buffer: segments, or a part of one, come from another node */
    TRACE_DEST,  /* all of a DEST beside the copies of nodes: filled and published */
    TRACE_CONNECTIONS, /* of rank 0: how many the job may have from then on, in `segment` */
    TRACE_KINDS
};

enum { TRACE_MOST = 100000 };

struct trace_span {
    double begin, end; /* seconds since trace_open */
    uint32_t kind;     /* enum trace_kind */
    uint32_t row;      /* slot for fetch and renew, buffer for take, pool thread else */
    uint32_t segment, count;
};

struct trace {
    double origin; /* clock_now at trace_open: just after all ranks agreed to begin */
    struct trace_span *span;
    size_t spans, room, left_out;
    size_t most; /* spans */
};

/* sources: of the call, each of which has its share of TRACE_MOST. */
void trace_open(struct trace *trace, size_t sources, double now);
/* begin and end as clock_now gave them. trace: NULL records nothing. */
void trace_span(struct trace *trace, enum trace_kind kind, unsigned row, uint32_t segment,
                uint32_t count, double begin, double end);
void trace_release(struct trace *trace);

struct run;

/* Rank 0: of all sources so far; zeroed: none. */
struct trace_text {
    struct strbuf text;
    double origin; /* of the first one */
};

/* Collective: what all ranks have recorded. source: of several, which gets a bar of its
 * own; else NULL. */
int trace_gather(struct run *run, struct trace_text *all, const char *source,
                 struct err *err);

/* Rank 0. */
int trace_write(struct run *run, struct trace_text *all, const char *path,
                struct err *err);
void trace_text_release(struct trace_text *all);

#endif
