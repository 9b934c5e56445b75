/* fetch/outbox.h -- reports to the coordinator, collected so that a turn sends only a few
 * messages however many small files there are.
 *
 * Errors       -1: MPI itself failed. */
#ifndef FETCH_OUTBOX_H
#define FETCH_OUTBOX_H

#include "fetch/task.h"

struct outbox {
    struct run *run;
    struct msg landed; /* fills up during a turn */
    struct msg sums;   /* of what is in landed, where other nodes need them */
    struct strbuf sum;
    uint32_t credit; /* units to ask for */
    double reported; /* clock_now of the last progress message */
    bool started;    /* a large transfer began: the coordinator must not take it back */
    bool idle;       /* nothing is under way on this rank */
    bool at_end;     /* tasks run, and none waits to follow them */
};

void outbox_open(struct outbox *outbox, struct run *run, uint32_t credit);
void outbox_close(struct outbox *outbox);

int outbox_landed(struct outbox *outbox, const struct task *task, struct err *err);
int outbox_failed(struct outbox *outbox, const struct task *task, struct err *err);
int outbox_shortened(struct outbox *outbox, const struct task *task, struct err *err);
int outbox_cancelled(struct outbox *outbox, const struct task *task, struct err *err);

/* End of a turn: send what was collected. Credit is requested only if there is room for
 * more work. A few times a second, and whenever a large transfer has begun, the progress of the
 * tasks in that list is sent. */
int outbox_send(struct outbox *outbox, struct task *first, bool room, struct err *err);

#endif
