/* report/report_list.h -- the JSON report of several sources: the report of each, and sums
 * (schema: docs/report.md). On rank 0.
 *
 * Life cycle   zeroed; report_list_put for each source; report_list_write;
 *              report_list_release. */
#ifndef REPORT_REPORT_LIST_H
#define REPORT_REPORT_LIST_H

#include "report/report.h"

struct json_t;

struct report_list {
    struct json_t *rows; /* NULL: none yet */
};

/* At that place, from 0 on. source: as the user named it, without secrets; for a source
 * that could not be listed. */
int report_list_put(struct report_list *list, size_t at, const char *source,
                    const struct run *run, const struct report *report, struct err *err);

/* status: of the call. seconds: that it took. */
int report_list_write(const struct report_list *list, int status, double seconds,
                      const char *path, struct err *err);

void report_list_release(struct report_list *list);

#endif
