/* fetch/speeds.h -- how fast the connections of this rank are.
 *
 * A connection lives longer than a request, so each has a meter of its own, found by its
 * local port. What a task brings is counted now and then, and when its request ends.
 *
 * Life cycle   speeds_open; speeds_ask and speeds_begin for each request of a task;
 *              speeds_count; speeds_close. */
#ifndef FETCH_SPEEDS_H
#define FETCH_SPEEDS_H

#include "core/sched/meter.h"
#include "fetch/task.h"

struct speed {
    unsigned port; /* 0: unused */
    struct meter meter;
    double used; /* clock_now when it was last counted */
};

struct speeds {
    struct speed *speed;
    unsigned most;
};

int speeds_open(struct speeds *speeds, unsigned connections, struct err *err);
void speeds_close(struct speeds *speeds);

/* The task asks that URL for the rest of its bytes. */
void speeds_ask(struct task *task, const char *url);

/* The first byte is here: the time before it is not the connection's. */
void speeds_begin(struct task *task);

/* The task's bytes since it was last counted are its connection's; then the task has the
 * connection's rate. */
void speeds_count(struct task *task, double now);

/* Its connection will not be used any more. */
void speeds_forget(const struct task *task);

#endif
