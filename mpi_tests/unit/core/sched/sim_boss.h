/* sim_boss.h -- a coordinator of virtual ranks, which does what the real one does.
 *
 * After each step it checks what must hold whatever happens: each segment is stored once,
 * two ranks never write one place, hashes go in order from the right state, and something
 * is always left to happen until the end. */
#ifndef SIM_BOSS_H
#define SIM_BOSS_H

#include "core/sched/whole.h"
#include "sim_rank.h"

enum { MIB = 1 << 20, SIM_NOBODY = -1 };

struct sim_config {
    uint64_t seed;
    int nranks;
    unsigned large, most_segments; /* large files, and how many times 8 MiB they get */
    uint64_t exactly;              /* of each large file; 0: by chance */
    double whole;                  /* chance that such a file may not be cut */
    unsigned small;                /* files of at most 1 MiB */
    double had;                    /* chance that a former run stored a segment */
    unsigned slots, ahead;
    double per_second,
        uneven;            /* links: bytes a second, and how much slower they may be */
    double connections;    /* how uneven those of a rank are; 0: not at all */
    double latency, limit; /* limit: bytes a second of the whole job; 0: none */
    struct sim_faults faults;
};

/* What happened, for the summary. */
struct sim_count {
    unsigned steps, grants, cuts, restarts, merged;
};

/* The hash of one file as it should go. */
struct sim_chain {
    uint32_t next, epoch;
    struct midstate state;
    bool done;
};

struct sim_boss {
    struct sim_world world;
    struct plan plan;
    struct segments segments;
    struct sched *sched;
    struct relay *relay;
    struct whole whole;
    struct sim_chain *chain;
    uint32_t *lease;   /* of each segment: how many the lease has that begins with it */
    unsigned *attempt; /* of each segment */
    uint8_t *stored;   /* verdicts SCHED_STORED, less restarts */
    uint32_t wake;     /* epoch of the wake-up that counts */
    double nap, heard; /* until the next turn; when a rank spoke last */
    uint32_t nstored;
    unsigned strikes;
    struct sim_count count;
};

void sim_boss_init(struct sim_boss *boss, const struct sim_config *config);
void sim_boss_release(struct sim_boss *boss);

/* To the end. Returns the invented seconds until the last segment was stored. */
double sim_boss_run(struct sim_boss *boss);

#endif
