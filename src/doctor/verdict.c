#include "doctor/verdict.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

struct reason {
    int number;
    const char *name;
};

/* The C library names them only since glibc 2.32. */
static const struct reason reasons[] = {
    { EPERM, "EPERM" },
    { ENOENT, "ENOENT" },
    { EIO, "EIO" },
    { ENXIO, "ENXIO" },
    { EBADF, "EBADF" },
    { EAGAIN, "EAGAIN" },
    { ENOMEM, "ENOMEM" },
    { EACCES, "EACCES" },
    { EBUSY, "EBUSY" },
    { EEXIST, "EEXIST" },
    { EXDEV, "EXDEV" },
    { ENODEV, "ENODEV" },
    { ENOTDIR, "ENOTDIR" },
    { EISDIR, "EISDIR" },
    { EINVAL, "EINVAL" },
    { EMFILE, "EMFILE" },
    { ENOTTY, "ENOTTY" },
    { EFBIG, "EFBIG" },
    { ENOSPC, "ENOSPC" },
    { EROFS, "EROFS" },
    { EMLINK, "EMLINK" },
    { ENAMETOOLONG, "ENAMETOOLONG" },
    { ENOLCK, "ENOLCK" },
    { ENOSYS, "ENOSYS" },
    { ENOTEMPTY, "ENOTEMPTY" },
    { ELOOP, "ELOOP" },
    { EDEADLK, "EDEADLK" },
    { EOVERFLOW, "EOVERFLOW" },
    { EOPNOTSUPP, "EOPNOTSUPP" },
    { ETIMEDOUT, "ETIMEDOUT" },
    { ESTALE, "ESTALE" },
    { EDQUOT, "EDQUOT" },
    { EREMOTEIO, "EREMOTEIO" },
    { ENOTCONN, "ENOTCONN" },
    { ECONNRESET, "ECONNRESET" },
    { EHOSTDOWN, "EHOSTDOWN" },
};

void verdict_reason(struct strbuf *out, int trial)
{
    static const char *const words[] = {
        [-TRIAL_SILENT] = "did not answer in time",
        [-TRIAL_WRONG] = "says that it was done, but it was not",
        [-TRIAL_LOST] = "the process that tried it ended",
        [-TRIAL_NONE] = "not tried",
    };

    if (trial == 0) {
        strbuf_adds(out, "works");
        return;
    }
    if (trial < 0 && (size_t)-trial < countof(words)) {
        strbuf_adds(out, words[-trial]);
        return;
    }
    if (trial < TRIAL_UNPREPARED) {
        strbuf_adds(out, "not tried: ");
        trial = TRIAL_UNPREPARED - trial;
    }
    for (size_t i = 0; i < countof(reasons); i++)
        if (reasons[i].number == trial)
            strbuf_addf(out, "%s: ", reasons[i].name);
    strbuf_adds(out, strerror(trial));
}

int verdict_unprepared(int reason)
{
    return TRIAL_UNPREPARED - reason;
}

bool verdict_is_full(int trial)
{
    int reason = trial < TRIAL_UNPREPARED ? TRIAL_UNPREPARED - trial : trial;

    return reason == ENOSPC || reason == EDQUOT;
}

bool verdict_refuses(int trial)
{
    return trial == TRIAL_WRONG || (trial > 0 && !verdict_is_full(trial));
}

enum attempt { GOT, HELD, REFUSED, SILENT, ABSENT };

static enum attempt attempt_of(int trial)
{
    switch (trial) {
    case 0:
        return GOT;
    case EAGAIN:
    case EACCES: /* what fcntl may say of a lock that somebody has */
        return HELD;
    case TRIAL_SILENT:
        return SILENT;
    case TRIAL_LOST:
    case TRIAL_NONE:
        return ABSENT;
    default:
        return verdict_refuses(trial) ? REFUSED : ABSENT;
    }
}

enum lock_verdict verdict_lock(const struct lock_trials *trials)
{
    static const enum lock_verdict when_near_is_held[] = {
        [GOT] = LOCK_NODE_ONLY, [HELD] = LOCK_EVERYWHERE, [REFUSED] = LOCK_UNEVEN,
        [SILENT] = LOCK_SILENT, [ABSENT] = LOCK_ONE_NODE,
    };
    enum attempt hold = attempt_of(trials->hold), near = attempt_of(trials->near),
                 far = attempt_of(trials->far);

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
    [LOCK_EVERYWHERE] = { "between_nodes", "excludes, on a node and between nodes" },
    [LOCK_ONE_NODE] = { "within_node_tested",
                        "excludes on this node; between nodes it is untested, since only "
                        "one node takes part" },
    [LOCK_NODE_ONLY] = { "within_node_only",
                         "excludes on a node only, not between nodes" },
    [LOCK_NOBODY] = { "excludes_nobody",
                      "excludes nobody: it succeeds for everybody at once" },
    [LOCK_UNEVEN] = { "uneven", "not the same for all: some processes cannot lock" },
    [LOCK_REFUSED] = { "refused", "refused" },
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
    int trial = rounds > 0 ? 0 : TRIAL_NONE;

    for (unsigned i = 0; i < rounds; i++) {
        if (winners[i] > 1)
            return TRIAL_WRONG;
        if (winners[i] == 0)
            trial = TRIAL_NONE;
    }
    return trial;
}
