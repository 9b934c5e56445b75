/* core/sched/goodput.h -- how fast a job receives, from what its ranks say of themselves.
 *
 * Ranks report at times of their own, so each one's rate is that between two words of
 * itself, and the job's is their sum. `recent` is the rate of the last half second;
 * `mean` that since the last goodput_begin, of words that lie wholly behind it.
 *
 * Time         an argument, in seconds from any origin, never going back. */
#ifndef CORE_SCHED_GOODPUT_H
#define CORE_SCHED_GOODPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct goodput_word {
    double at;
    uint64_t bytes;
};

struct goodput_rank {
    struct goodput_word last, mark, from;
    double rate;  /* between mark and last */
    double usual; /* as goodput_keep found it */
    bool known, measured;
};

struct goodput {
    struct goodput_rank *rank;
    int nranks;
    double begin;
};

int goodput_init(struct goodput *goodput, int nranks, struct err *err);
void goodput_release(struct goodput *goodput);

/* The rank has received so many bytes since the run began. */
void goodput_hear(struct goodput *goodput, int rank, uint64_t bytes, double now);

double goodput_recent(const struct goodput *goodput);

/* The mean counts from that time on. */
void goodput_begin(struct goodput *goodput, double from);

/* *span: the seconds that it covers for every rank that has received anything; 0 as long
 * as one of them has not spoken twice. */
double goodput_mean(const struct goodput *goodput, double *span);

/* The mean of each rank is its usual rate. */
void goodput_keep(struct goodput *goodput);

/* Whether three quarters of the ranks that had a usual rate are below that share of it: not
 * so if one of them is slow by itself. */
bool goodput_fell(const struct goodput *goodput, double share);

#endif
