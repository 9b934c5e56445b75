/* core/sched/governor.h -- how many connections the job has to its source.
 *
 * Nobody says how many a source, a link and the round trip between them want. So the
 * governor tries: a few more; if the job then receives more they stay, else they go. There
 * are sources that answer too many connections by giving almost nothing to all of them,
 * without a word: then it takes the last ones away at once, waits until the source has
 * recovered, and remembers the number. A job that gets next to nothing from its first
 * second on may be above that number already: fewer are tried once.
 *
 *     STEADY   a level that works, or the first one
 *     GROWN    more are being tried; `good` is where they began
 *     SHRUNK   some were closed at once; does that help?
 *
 * It judges only while every connection has work and another piece waits, so that the end
 * of the work is no collapse; while most do not wait for a disk or a hash of ours; and only
 * what most ranks see, so that one slow node is none.
 *
 * Life cycle   governor_init; governor_hear for each report of a rank; governor_step a few
 *              times a second, carrying out each change; governor_release.
 * Time         an argument, in seconds from any origin, never going back. */
#ifndef CORE_SCHED_GOVERNOR_H
#define CORE_SCHED_GOVERNOR_H

#include "core/sched/goodput.h"

struct governor_policy {
    unsigned start, least, most;
    bool pinned; /* the user has chosen: nothing changes */
    bool capped; /* the user limits the rate: more connections cannot help */
};

enum governor_state { GOVERNOR_STEADY, GOVERNOR_GROWN, GOVERNOR_SHRUNK };

enum governor_reason {
    GOVERNOR_TRIES_MORE,
    GOVERNOR_NO_GAIN,     /* more did not bring more */
    GOVERNOR_COLLAPSED,   /* the rate of all fell to almost nothing */
    GOVERNOR_TRIES_FEWER, /* it was next to nothing from the start */
    GOVERNOR_NO_COLLAPSE, /* fewer did not bring it back */
    GOVERNOR_ASKED_TO,    /* the source said that there are too many requests */
    GOVERNOR_REASONS
};

struct governor_change {
    unsigned from, to;
    bool at_once; /* close what is too much, instead of not beginning anew */
    enum governor_reason reason;
};

/* What the job does at the moment. */
struct governor_work {
    unsigned running; /* transfers */
    unsigned held;    /* of them: those that wait for us */
    bool hungry;      /* more waits to be fetched than is running */
    uint64_t left;    /* bytes that are still to come */
};

/* Of the whole run, for its report. */
struct governor_figures {
    unsigned first, least, most, last; /* levels */
    unsigned changes;
    unsigned collapses; /* that fewer connections have ended */
};

struct governor {
    struct governor_policy policy;
    struct goodput goodput;
    enum governor_state state;
    unsigned level;      /* connections of the job */
    unsigned good, bad;  /* a level that works; one that does not, 0: none is known */
    double reference;    /* bytes a second at the good level; 0: not known yet */
    double lowest;       /* SHRUNK: what they were before */
    unsigned before;     /* SHRUNK: the level then */
    bool full;           /* all connections have work */
    bool pays;           /* the last ones that were added brought something */
    bool tested;         /* whether they did is known */
    bool refused;        /* the source asked for fewer */
    unsigned low, tries; /* looks in a row at a low rate; levels tried while SHRUNK */
    double entered;      /* the state, with all connections at work */
    double looked, next_growth, next_fear, refused_at, bad_until;
    double growth_gap, fear_gap, bad_gap;
    unsigned failures; /* levels that turned out bad */
    struct governor_figures figures;
};

int governor_init(struct governor *governor, const struct governor_policy *policy,
                  int nranks, struct err *err);
void governor_release(struct governor *governor);

/* The rank has received so many bytes from the source since the run began. */
void governor_hear(struct governor *governor, int rank, uint64_t received, double now);

/* The source has answered with 429 or 503. */
void governor_refused(struct governor *governor);

/* true: from now on change->to connections. Cheap if called too often. */
bool governor_step(struct governor *governor, const struct governor_work *work,
                   double now, struct governor_change *change);

/* Whether rates can be compared with each other: not in and after a collapse. */
bool governor_is_calm(const struct governor *governor);

/* "more are tried", "the source gave almost nothing to all", ... */
const char *governor_reason(enum governor_reason reason);

#endif
