/* app/session.h -- one call of the library: the phases in order. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "io/http.h"
#include "mpifetch.h"
#include "phase/coordinator.h"
#include "phase/report.h"
#include "phase/seen.h"
#include "phase/stage.h"
#include "phase/worker.h"

struct session {
    const struct mpifetch_options *options;
    bool only_plan; /* say what would be done; then DEST may be missing. As rank 0 has it
                     * once session_list is over: environments may differ */
    struct run run;
    struct report report;
    struct stage stage; /* rank 0 */
    struct http *http;  /* rank 0: listing and resolving */
    unsigned *slots;    /* of each rank */
    char *dest;         /* absolute */
    char *source;       /* rank 0: the source, absolute where it is a path */
    struct coordinator *coordinator;
    struct worker *worker;
    struct seen_mark mark;
    double began, phase_began;
};

/* Collective, and agreed. */
int session_open(struct session *s, MPI_Comm comm, const struct mpifetch_options *options,
                 bool only_plan, struct err *err);

/* Collective. Rank 0 asks the source and looks at DEST; s->stage and the plan are then
 * rank 0's. */
int session_list(struct session *s, struct err *err);

/* Collective. Staging, fetch, publish; nothing if all is there. */
int session_fetch(struct session *s, struct err *err);
int session_publish(struct session *s, struct err *err);

/* Collective. Summary, report and trace, whatever happened before. */
void session_report(struct session *s, int rc, const struct err *err);

void session_close(struct session *s);

#endif
