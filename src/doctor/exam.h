/* doctor/exam.h -- a directory under examination: rank 0 gives the orders (doctor/desk.h),
 * and writes down what comes of them.
 *
 * All test files lie in one directory of our own, DIR/.mpifetch-doctor-XXXXXX, which goes
 * when the examination ends, however it ends.
 *
 * Life cycle   exam_open, exam_run, exam_close, on all ranks.
 * Ownership    the caller owns struct exam; sheet and facts are rank 0's. */
#ifndef DOCTOR_EXAM_H
#define DOCTOR_EXAM_H

#include "doctor/advice.h"
#include "doctor/desk.h"
#include "doctor/sheet.h"

/* Of one directory on each node: on DIR once, on a scratch directory for each node. */
struct exam {
    struct run *run;
    struct desk desk;
    const char *dir; /* borrowed, absolute */
    bool quick;      /* measure no speeds */

    /* rank 0 */
    struct sheet sheet;
    struct advice_case facts;
    int nodes;
    int *first;         /* lowest rank of each node */
    bool *blind;        /* of each node: it does not see our directory */
    char *own;          /* our directory, or NULL; known before it is made */
    uint64_t space;     /* bytes free in DIR */
    uint64_t inodes;    /* free; UINT64_MAX where they are not counted */
    char **scratch;     /* of each node: the directory asked for, or NULL */
    char **scratch_own; /* of each node: our directory in it, or NULL */
    bool lacks_write;   /* DIR cannot be written to: much stays unknown */
};

int exam_open(struct exam *exam, struct run *run, const char *dir, bool quick,
              struct err *err);

/* Collective. scratch of each rank, or NULL. ERR_DEST if DIR is missing, or cannot be
 * written to: then what could be found out is in the sheet all the same. Agreed. */
int exam_run(struct exam *exam, const char *scratch, struct err *err);

void exam_close(struct exam *exam);

#endif
