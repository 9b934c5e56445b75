/* doctor/probe.h -- a directory that is probed (doctor/probe_list.h): what all probes work
 * on, and what they share. All ranks run the same probes, and each writes down the same
 * results.
 *
 * All test files lie in one directory of our own, DIR/.mpifetch-doctor-XXXXXX, and in one
 * such directory in the scratch directory of each node; both go when the probes end,
 * however they end.
 *
 * Life cycle   probe_open, probe_list_run, probe_close, on all ranks.
 * Ownership    the caller owns struct probe.
 * Errors       -1 and *err, the same on all ranks. What a call came to is a result. */
#ifndef DOCTOR_PROBE_H
#define DOCTOR_PROBE_H

#include "doctor/advice.h"
#include "doctor/orders.h"
#include "doctor/results.h"

enum { PROBE_HOSTS = 1000, PROBE_REASON = 200 };

struct probe_node {
    const char *host;
    const char *scratch; /* directory that was asked for, or NULL */
    bool blind;          /* it does not see our directory */
    /* the probe in hand */
    bool marked, told;    /* in the section that is being written; in one before */
    int looked;           /* outcome of the look at volume */
    struct volume volume; /* of DIR, then of scratch */
    bool holds, tries;    /* the lock */
    struct lock_outcomes lock;
    /* of scratch */
    bool made; /* our directory is there */
    enum lock_verdict flock;
    double rate; /* bytes a second; 0: not measured */
};

struct probe {
    struct run *run;
    struct orders orders;
    bool quick; /* measure no speeds */
    struct strbuf task;
    const char *dir, *own; /* as rank 0 sees them: absolute; own is our directory */
    char *scratch_own; /* our directory in the scratch directory of this rank, or NULL */
    struct probe_node *node;
    int nodes;

    struct results results;
    struct advice_case facts;
    uint64_t space;  /* bytes free in DIR */
    uint64_t inodes; /* free; UINT64_MAX where they are not counted */
    bool asked;      /* for our directory: it may be there */
    bool made;       /* it is */
};

int probe_open(struct probe *probe, struct run *run, struct err *err);

void probe_close(struct probe *probe);

/* The probes, each a section of the results or several. Collective. */
int probe_volumes(struct probe *probe, struct err *err); /* ERR_DEST: no directory */
int probe_sharing(struct probe *probe, struct err *err); /* which nodes see ours */
int probe_locks(struct probe *probe, struct err *err);
int probe_names(struct probe *probe, struct err *err);
int probe_race(struct probe *probe, struct err *err);
int probe_visibility(struct probe *probe, struct err *err);
int probe_speed(struct probe *probe, struct err *err);
int probe_scratch(struct probe *probe, struct err *err);

/* One lock: nodes that hold it take it by one of their helpers, then the other tries to
 * get it, and so do nodes that are to try. lock of each node is what it came to.
 * Collective. */
int probe_lock(struct probe *probe, const char *method, const char *dir, struct err *err);

/* An order of the writing probe, within the bounds of room and time. */
void probe_give_rate(struct probe *probe, int node, enum order_command command,
                     uint64_t most, const char *path);
uint64_t probe_most_bytes(uint64_t space, int nodes);

/* Rows of one kind of file system. */
void probe_volume_rows(struct probe *probe, const struct probe_node *node);
bool probe_same_volume(const struct probe_node *a, const struct probe_node *b);

/* The path of a fresh name in dir for a directory of ours; NULL without memory. It is
 * chosen before anything is made, so that what comes of an order that was given up can be
 * removed. */
char *probe_new_name(const char *dir);

/* "n1, n2, n3 and 5 more": hosts of the nodes that are marked. */
const char *probe_hosts(const struct probe *probe, char out[PROBE_HOSTS]);

/* A verdict for programs: "works", "refused", "wrong", "silent", "untested". */
const char *probe_word(int outcome);

#endif
