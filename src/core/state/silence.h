/* core/state/silence.h -- which rank has not been heard from for too long, and when to
 * send a sign of life.
 *
 * Rank 0 watches all others, and each of them watches rank 0. A rank that has sent
 * nothing for `timeout` seconds is considered lost. So that a rank which merely waits is
 * not, each sends something every sixth of that time.
 *
 * Life cycle   silence_init; silence_tick in every turn of every loop that waits, then
 *              silence_due and silence_speak; silence_heard for each message that
 *              arrived, silence_said when this rank has sent something; silence_release.
 * Time         an argument: seconds from any origin. Only the time for which this rank
 *              listened counts: if it was itself stopped, or busy for long, at most a
 *              sixth of the timeout counts of that, so it listens again before it
 *              considers anybody lost. */
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

/* Change the timeout. All ranks count as heard just now. */
void silence_set(struct silence *silence, double timeout, double now);

void silence_tick(struct silence *silence, double now);

/* A message of that rank came. */
void silence_heard(struct silence *silence, int rank);

/* All ranks that watch this one were sent something. */
void silence_said(struct silence *silence);

/* Whether a sign of life is to be given. */
bool silence_speak(const struct silence *silence);

/* The lowest rank that is to be considered lost, or -1. Looks at all ranks a few times in
 * each timeout, so that it costs nothing to ask. */
int silence_due(struct silence *silence);

#endif
