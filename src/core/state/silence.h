/* core/state/silence.h -- who has not been heard for too long, and when to give a sign of life.
 *
 * Rank 0 watches all others, and each of them watches rank 0. Whoever has said nothing
 * for `timeout` seconds is given up; so that nobody looks dead who merely waits, each
 * speaks every sixth of that time.
 *
 * Life cycle   silence_init; silence_tick in every turn of every loop that waits, then
 *              silence_due and silence_speak; silence_heard with each message that came,
 *              silence_said when this rank has spoken; silence_release.
 * Time         an argument: seconds from any origin. What counts is the time for which
 *              this rank listened: if it was itself stopped, or kept by something long,
 *              only a sixth of the timeout counts of it, so that it listens again before
 *              it gives up anybody. */
#ifndef CORE_STATE_SILENCE_H
#define CORE_STATE_SILENCE_H

#include <stdbool.h>

#include "base/err.h"

struct silence {
    int self, size;
    double timeout;
    double looked;   /* time of the last tick */
    double listened; /* seconds for which this rank has listened */
    double speak_at; /* by the same measure, as are the next two */
    double look_at;
    double *heard; /* of each rank that is watched */
};

int silence_init(struct silence *silence, int self, int size, double timeout, double now,
                 struct err *err);
void silence_release(struct silence *silence);

/* Another timeout. Nobody has been silent so far. */
void silence_set(struct silence *silence, double timeout, double now);

void silence_tick(struct silence *silence, double now);

/* A message of that rank came. */
void silence_heard(struct silence *silence, int rank);

/* Everybody who watches this rank has had a message of it. */
void silence_said(struct silence *silence);

/* Whether a sign of life is to be given. */
bool silence_speak(const struct silence *silence);

/* The lowest rank that is to be given up, or -1. Looks at all ranks a few times in each
 * timeout, so that it costs nothing to ask. */
int silence_due(struct silence *silence);

#endif
