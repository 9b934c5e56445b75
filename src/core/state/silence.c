#include "core/state/silence.h"

#include <math.h>
#include <stdlib.h>

enum { SIGNS = 6 }; /* of life per timeout: some may be late */

static double share(const struct silence *silence)
{
    return silence->timeout / SIGNS;
}

/* Rank 0 watches everybody, the others rank 0 alone. */
static int watched(const struct silence *silence)
{
    return silence->self == 0 ? silence->size : 1;
}

void silence_set(struct silence *silence, double timeout, double now)
{
    silence->timeout = timeout;
    silence->looked = now;
    silence->speak_at = silence->listened + share(silence);
    silence->look_at = silence->listened;
    for (int i = 0; i < watched(silence); i++)
        silence->heard[i] = silence->listened;
}

int silence_init(struct silence *silence, int self, int size, double timeout, double now,
                 struct err *err)
{
    *silence = (struct silence){ .self = self, .size = size };
    silence->heard = calloc((size_t)size, sizeof(*silence->heard));
    if (!silence->heard)
        return err_memory(err, "the list of ranks");
    silence_set(silence, timeout, now);
    return 0;
}

void silence_release(struct silence *silence)
{
    free(silence->heard);
    silence->heard = NULL;
}

void silence_tick(struct silence *silence, double now)
{
    silence->listened += fmin(fmax(now - silence->looked, 0), share(silence));
    silence->looked = now;
}

void silence_heard(struct silence *silence, int rank)
{
    if (rank < watched(silence))
        silence->heard[rank] = silence->listened;
}

void silence_said(struct silence *silence)
{
    silence->speak_at = silence->listened + share(silence);
}

bool silence_speak(const struct silence *silence)
{
    return silence->size > 1 && silence->listened >= silence->speak_at;
}

int silence_due(struct silence *silence)
{
    if (silence->listened < silence->look_at)
        return -1;
    silence->look_at = silence->listened + share(silence) / 2;
    for (int i = 0; i < watched(silence); i++)
        if (i != silence->self &&
            silence->listened - silence->heard[i] >= silence->timeout)
            return i;
    return -1;
}
