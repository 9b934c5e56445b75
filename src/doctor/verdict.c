#include "doctor/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *verdict_reason(char *out, size_t size, int outcome)
{
    static const char *const words[] = {
        [0] = "works",
        [-OUTCOME_SILENT] = "no response in time",
        [-OUTCOME_WRONG] = "reported success, but did nothing",
        [-OUTCOME_LOST] = "the helper process died",
        [-OUTCOME_NONE] = "not tested",
    };
    const char *before = outcome < OUTCOME_UNPREPARED ? "not tested: " : "";
    int reason = outcome < OUTCOME_UNPREPARED ? OUTCOME_UNPREPARED - outcome : outcome;
    const char *name = strerrorname_np(reason);

    if (outcome <= 0 && (size_t)-outcome < countof(words))
        snprintf(out, size, "%s", words[-outcome]);
    else
        snprintf(out, size, "%s%s%s%s", before, name ? name : "", name ? ": " : "",
                 strerror(reason));
    return out;
}

int verdict_unprepared(int reason)
{
    return OUTCOME_UNPREPARED - reason;
}

bool verdict_is_full(int outcome)
{
    int reason = outcome < OUTCOME_UNPREPARED ? OUTCOME_UNPREPARED - outcome : outcome;

    return reason == ENOSPC || reason == EDQUOT;
}

bool verdict_refuses(int outcome)
{
    return outcome == OUTCOME_WRONG || (outcome > 0 && !verdict_is_full(outcome));
}

enum attempt { GOT, HELD, REFUSED, SILENT, ABSENT };

static enum attempt attempt_of(int outcome)
{
    switch (outcome) {
    case 0:
        return GOT;
    case EAGAIN:
    case EACCES: /* what fcntl may say of a lock that somebody has */
        return HELD;
    case OUTCOME_SILENT:
        return SILENT;
    case OUTCOME_LOST:
    case OUTCOME_NONE:
        return ABSENT;
    default:
        return verdict_refuses(outcome) ? REFUSED : ABSENT;
    }
}

enum lock_verdict verdict_lock(const struct lock_outcomes *outcomes)
{
    static const enum lock_verdict when_near_is_held[] = {
        [GOT] = LOCK_NODE_ONLY, [HELD] = LOCK_EVERYWHERE, [REFUSED] = LOCK_UNEVEN,
        [SILENT] = LOCK_SILENT, [ABSENT] = LOCK_ONE_NODE,
    };
    enum attempt hold = attempt_of(outcomes->hold), near = attempt_of(outcomes->near),
                 far = attempt_of(outcomes->far);

    /* Nobody had it: that it is held is as good as refused. */
    if (hold == REFUSED || hold == HELD)
        return LOCK_REFUSED;
    if (hold == SILENT || near == SILENT || far == SILENT)
        return LOCK_SILENT;
    if (hold == ABSENT || near == ABSENT)
        return LOCK_UNTESTED;
    if (near == GOT)
        return LOCK_NOBODY;
    return near == REFUSED ? LOCK_UNEVEN : when_near_is_held[far];
}

int verdict_worse(int a, int b)
{
    static const int weight[] = {
        [GOT] = 4, [SILENT] = 3, [REFUSED] = 2, [HELD] = 1, [ABSENT] = 0
    };

    return weight[attempt_of(b)] > weight[attempt_of(a)] ? b : a;
}

static const struct {
    const char *word, *words;
} locks[LOCK_VERDICTS] = {
    [LOCK_UNTESTED] = { "untested", "could not be tested" },
    [LOCK_EVERYWHERE] = { "between_nodes", "works, within a node and between nodes" },
    [LOCK_ONE_NODE] = { "within_node_tested",
                        "works within a node; not tested between nodes" },
    [LOCK_NODE_ONLY] = { "within_node_only",
                         "works within a node only, not between nodes" },
    [LOCK_NOBODY] = { "excludes_nobody", "does not lock: every process gets it at once" },
    [LOCK_UNEVEN] = { "uneven", "inconsistent: some processes cannot lock" },
    [LOCK_REFUSED] = { "refused", "fails" },
    [LOCK_SILENT] = { "silent", "the call hangs" },
};

const char *verdict_lock_word(enum lock_verdict verdict)
{
    return locks[verdict].word;
}

const char *verdict_lock_words(enum lock_verdict verdict)
{
    return locks[verdict].words;
}

int verdict_race(const unsigned *winners, unsigned rounds)
{
    int outcome = rounds > 0 ? 0 : OUTCOME_NONE;

    for (unsigned i = 0; i < rounds; i++) {
        if (winners[i] > 1)
            return OUTCOME_WRONG;
        if (winners[i] == 0)
            outcome = OUTCOME_NONE;
    }
    return outcome;
}
