/* resume/sweep.h -- finds and removes what dead runs left behind; active runs
 * are left alone.
 *
 *     .NAME.mpifetch-*            stagings beside a destination (resume/claim.h)
 *     .mpifetch-*                 the same in a repository's folder of a cache
 *     .mpifetch-doctor-XXXXXX     of the command doctor
 *     mpifetch-XXXXXX             a rank's own directory in scratch
 *     .NAME.mpifetch              records (staging/record.h), if NAME is gone
 *
 * Runs that are not certainly gone are watched for OWNER_PATIENCE, all together. A
 * scratch directory has no heartbeat: it is removed only if its process is
 * certainly gone.
 *
 * Life cycle   zeroed struct with run and so on; sweep_stagings and sweep_scratch for
 *              each directory; sweep_wait; sweep_release. */
#ifndef RESUME_SWEEP_H
#define RESUME_SWEEP_H

#include "ranks/run.h"

struct sweep_doubt;

struct sweep {
    struct run *run;
    bool only_say;         /* remove nothing */
    const char *published; /* id of a content: what can be resumed of another one stays.
                            * NULL: nothing stays for that reason */
    unsigned removed, alive, refused; /* directories; refused: could not be removed */
    struct sweep_doubt *doubts;       /* runs to be watched */
};

/* Sweep the stagings in dir, of the destination of that name or, for NULL, of any. -1:
 * dir cannot be listed. A missing directory has none. */
int sweep_stagings(struct sweep *sweep, const char *dir, const char *name,
                   struct err *err);

/* Each node has its own scratch: any rank. */
int sweep_scratch(struct sweep *sweep, const char *dir, struct err *err);

/* Watch the runs that may be alive. -1: a signal. */
int sweep_wait(struct sweep *sweep, struct err *err);

void sweep_release(struct sweep *sweep);

#endif
