/* fetch/worker.h -- every rank's part of a fetch: keeps its slots busy, stores,
 * hashes, reports.
 *
 * Life cycle   worker_create, worker_run (until the coordinator says stop),
 *              worker_destroy.
 * Collective   worker_run: each rank runs it, and all return together with
 *              the same result. */
#ifndef FETCH_WORKER_H
#define FETCH_WORKER_H

#include "core/state/stats.h"
#include "ranks/run.h"

struct worker;
struct coordinator;
struct http;
struct existing_file;

/* coordinator: on rank 0, else NULL. http: borrowed; used by nobody else until
 * worker_destroy, which drops what is under way. existing: of each file of the plan, borrowed; used by
 * a keeper whose node has a copy of its own, and gets the digests of its files. */
int worker_create(struct worker **out, struct run *run, struct coordinator *coordinator,
                  struct http *http, struct existing_file *existing, struct err *err);

/* Collective. 0, or -1 with the error that ended the run; err->rank says who saw it. */
int worker_run(struct worker *worker, struct err *err);

/* What has passed between this node and others, if this rank is its keeper. */
struct traffic worker_traffic(struct worker *worker);

/* Wait until the disk has what this rank wrote into staging. */
int worker_sync(struct worker *worker, struct err *err);

void worker_destroy(struct worker *worker);

#endif
