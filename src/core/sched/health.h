/* core/sched/health.h -- which connections are so slow that a new one is worth a try.
 *
 * A source may be many servers behind one name, and give a connection the speed of the one
 * that it leads to. What is good is what the best tenth of the connections of the same host
 * to the same source reach, or, once most of them are through, did reach; one that stays far below is replaced. Not so where the host is
 * slow as a whole, where the connection waits for us, or where most of them do: the disk
 * is the limit then.
 *
 * The number is bounded, for each host and for the job. And it is learned whether they
 * help: if a dozen in a row are no better (three dozen, if others of the job are), or if
 * they are but the host receives no more than before, since its link is full, the host is
 * left alone for a while, longer each time.
 *
 * Life cycle   health_init; health_hear for each connection that a rank reports; health_next
 *              until it returns false, carrying out each choice; health_release.
 * Time         an argument, in seconds from any origin, never going back. */
#ifndef CORE_SCHED_HEALTH_H
#define CORE_SCHED_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/sched/rate.h"

/* What a rank says of the connection that brings a segment. */
struct health_word {
    uint32_t segment;
    uint32_t source; /* a number for scheme, host and port */
    double rate;     /* bytes a second, lately */
    double seconds;  /* for which it has been seen to bring bytes */
    bool ours;       /* it waited for us, or cannot be replaced */
};

struct health_connection {
    struct health_word word;
    double heard;
    double old_rate, replaced; /* of the one before it; 0: it stands on trial no more */
};

struct health_host {
    int first, end; /* its ranks lie in [first, end) */
    struct rate budget;
    double rest_until, rest_gap;
    double base, promised;     /* rate of the host before the trials; what they brought */
    unsigned base_of;          /* its connections then */
    unsigned trials, failures; /* open; in a row */
    double best, best_at;      /* what was good lately, and when */
    unsigned best_of;          /* how many connections there were */
    uint32_t best_source;
    double known; /* what is good, found in that look */
    uint64_t known_look;
    uint32_t known_source;
};

struct health {
    struct health_connection *connection; /* `most` for each rank */
    struct health_host *host;
    const int *node; /* of each rank; borrowed */
    int nranks, nhosts, turn;
    unsigned most;
    struct rate budget;
    double *spoke;        /* when each rank did last; what it left out has ended */
    double forget;        /* seconds after which the same holds */
    double tried, helped; /* trials of the job, of late */
    double looked;
    uint64_t looks;
    uint64_t replaced;
};

struct health_choice {
    int rank;
    uint32_t segment;
    double rate, good;
};

/* most: connections of a rank; node: numbers below nranks; period: seconds between two
 * words of a rank about one of them. */
int health_init(struct health *health, int nranks, unsigned most, const int *node,
                double period, struct err *err);
void health_release(struct health *health);

/* All that a rank says at one time are all connections that it has. */
void health_hear(struct health *health, int rank, const struct health_word *word,
                 double now);

/* true: the rest of that segment is to come over a new connection. */
bool health_next(struct health *health, double now, struct health_choice *choice);

#endif
