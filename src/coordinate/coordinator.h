/* coordinate/coordinator.h -- rank 0: receives what all ranks report, asks core what to
 * do, and sends it out.
 *
 * Life cycle   coordinator_create once the staging is built; worker_run drives
 *              coordinator_hear and coordinator_step until all ranks were told to stop;
 *              then all digests are known; coordinator_destroy. */
#ifndef COORDINATE_COORDINATOR_H
#define COORDINATE_COORDINATOR_H

#include "core/sched/governor.h"
#include "io/http/http.h"
#include "ranks/run.h"
#include "staging/existing.h"

struct coordinator;

/* http: for resolving, used by nobody else meanwhile. existing: one for each file of the
 * plan, borrowed until the coordinator is destroyed. slots: of each rank. ERR_DIGEST if
 * an empty file is planned with the digest of something else. */
int coordinator_create(struct coordinator **out, struct run *run, struct http *http,
                       struct existing_file *existing, const unsigned *slots,
                       struct err *err);
void coordinator_destroy(struct coordinator *coordinator);

int coordinator_hear(struct coordinator *coordinator, int from, const struct msg *msg,
                     struct err *err);

/* One turn: let core decide, and send what it decided. *moved is set if anything was. */
int coordinator_step(struct coordinator *coordinator, bool *moved, struct err *err);

/* All segments are stored; some may still have to be hashed. */
bool coordinator_has_all(const struct coordinator *coordinator);

struct coordinator_figures {
    uint64_t to_fetch;         /* bytes */
    uint64_t resolve_requests; /* by this rank, for signed URLs */
    double last_landed;        /* clock_now when the last segment was stored */
    struct governor_figures connections;
};
/* With --per-node on several nodes: clock_now when that one had all; 0: never. */
double coordinator_complete(const struct coordinator *coordinator, int node);

void coordinator_figures(const struct coordinator *coordinator,
                         struct coordinator_figures *figures);

#endif
