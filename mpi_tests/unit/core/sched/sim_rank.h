/* sim_rank.h -- a virtual rank, and the invented world it lives in: events in order of an
 * invented clock, messages that take time but keep their order, links that are shared.
 *
 * A rank knows nothing but the messages it gets. It keeps to what core/sched/sched.h asks
 * of a rank: one last word for each lease, and an answer when it is cut. */
#ifndef SIM_RANK_H
#define SIM_RANK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/sched/rate.h"
#include "core/sched/relay.h"
#include "core/sched/sched.h"

enum { SIM_REQUEST = 64 << 10 }; /* bytes that a request costs beside its own */

enum sim_event_kind {
    SIM_ACTION, /* to a rank */
    SIM_HASH,   /* to a rank */
    SIM_REPORT, /* to the coordinator */
    SIM_TIMER,  /* a rank's own */
    SIM_FREEZE, /* a rank stops answering for `seconds` */
    SIM_WAKE    /* the coordinator's own */
};

enum sim_report {
    SIM_CREDIT,
    SIM_PROGRESS,
    SIM_RECEIVED,
    SIM_DONE,
    SIM_FAILED,
    SIM_DROPPED,
    SIM_SHORTENED,
    SIM_HASHED
};

struct sim_event {
    double at, seconds;
    uint64_t order; /* events of one time happen in the order they were made */
    enum sim_event_kind kind;
    enum sim_report report;
    int rank;
    uint32_t segment, count, epoch;
    uint64_t bytes;
    struct sched_action *action; /* owned */
    struct midstate state;
};

struct sim_item {
    uint32_t segment, count, unit;
    bool active, fails, corrupt;
    double left, size, fails_at; /* bytes */
    double most;                 /* bytes a second of its connection; 0: any */
    double weight;               /* of its share of the link */
    double stuck_until;
};

struct sim_rank {
    double per_second;
    double first, each; /* bytes a second of its first connection, of each; 0: any */
    double uneven;      /* a connection may get so many times what is fair, or a part */
    unsigned slots, ahead;
    struct rate rate;
    struct sim_item *item;
    unsigned nitems, room;
    uint32_t units;
    double received; /* bytes of items that have ended */
    double advanced, frozen_until, reported;
    double link_in, link_out; /* when the last message arrives */
    uint32_t epoch;           /* of the timer */
};

struct sim_faults {
    double fail, corrupt, stick, freeze; /* chances */
    double refuse; /* chance that a failure is the refusal of a range */
};

struct sim_world {
    uint64_t seed, order;
    double now, latency;
    struct sim_faults faults;
    const struct segments *segments;
    struct sim_rank *rank;
    int nranks;
    struct sim_event *heap;
    unsigned nevents, room;
    /* The places of the segments: who may write, what lies there, who put it there. */
    int *writer, *owner;
    uint64_t *token;
    uint64_t fetched; /* bytes over the links */
    unsigned corrupted, begun, cut;
};

uint64_t sim_random(struct sim_world *world);
double sim_chance(struct sim_world *world); /* in [0, 1) */
uint64_t sim_good(uint32_t segment);        /* the token of the right content */
struct midstate sim_hash(struct midstate from, uint64_t token, uint64_t bytes);

void sim_push(struct sim_world *world, struct sim_event event);
bool sim_pop(struct sim_world *world, struct sim_event *event);

/* With latency, behind all that went the same way. */
void sim_send(struct sim_world *world, struct sim_event event);

/* An event whose kind is the rank's. */
void sim_rank_event(struct sim_world *world, struct sim_event *event);
void sim_rank_start(struct sim_world *world, int rank);

#endif
