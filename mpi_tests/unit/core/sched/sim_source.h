/* sim_source.h -- a source, and the ranks that fetch from it, in a time of their own: what
 * core/sched/governor.h makes of it. */
#ifndef SIM_SOURCE_H
#define SIM_SOURCE_H

#include "core/sched/governor.h"

enum { SIM_RANKS = 16 };

/* Rates are bytes a second, 0: no limit of that kind. */
struct sim_source {
    int ranks;
    double each; /* of each connection */
    double host; /* of each rank's link */
    double all;  /* of the source */
    double slow; /* of the link of rank 0, from `slow_at` on */
    double slow_at;
    unsigned limit; /* connections, above which all get `share` for two seconds */
    double share;
    double ramp;                         /* seconds until it gives everything */
    unsigned refuses;                    /* answers 429 above so many connections */
    double noise;                        /* share by which a rate varies */
    double drop_at, drop_until, drop_to; /* the source is slow for a while */
};

struct sim_result {
    double share; /* of what the source gives at its best */
    double seconds;
    unsigned level, highest, lowest;
    unsigned changes, collapses; /* collapses: times the source was above its limit */
    double collapsed;            /* seconds in them */
};

/* Fetch what takes so many seconds at the source's best. */
struct sim_result sim_run(const struct sim_source *source,
                          const struct governor_policy *policy, double seconds);

double sim_best(const struct sim_source *source, unsigned most);

#endif
