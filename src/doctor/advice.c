#include "doctor/advice.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/plan/layout.h"

enum { TEXT_MOST = 1000 };

static const double AT_ONCE = 1; /* seconds: what a start of a program hides */

struct adviser {
    const struct advice_case *facts;
    void (*say)(void *arg, enum advice_level level, const char *topic, const char *text);
    void *arg;
};

static void say(const struct adviser *to, enum advice_level level, const char *topic,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void say(const struct adviser *to, enum advice_level level, const char *topic,
                const char *fmt, ...)
{
    char text[TEXT_MOST];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    to->say(to->arg, level, topic, text);
}

static const char publishing[] = "publishing", cache[] = "cache",
                  library[] = "huggingface_hub", others[] = "other programs";

static void advise_room(const struct adviser *to)
{
    if (to->facts->full)
        say(to, ADVICE_WARN, publishing,
            "this directory is too full to test everything (no bytes, inodes or "
            "quota left): free some space and run doctor again");
}

/* The step that get would take is asked of the code that takes it. */
static void advise_step(const struct adviser *to)
{
    const struct advice_case *facts = to->facts;
    bool is_known = facts->exchange == 0 || verdict_refuses(facts->exchange);
    bool swaps = facts->exchange == 0;
    const struct layout_case fresh = { .dest = LAYOUT_MISSING, .can_exchange = swaps };
    const struct layout_case again = { .dest = LAYOUT_OURS, .can_exchange = swaps };
    bool flips = is_known && layout_choose(&fresh).step == LAYOUT_FLIP;

    if (verdict_refuses(facts->rename_directory))
        say(to, ADVICE_WARN, publishing,
            "directories cannot be renamed here, so get cannot publish: choose a "
            "DEST on another file system");
    else if (flips &&
             (verdict_refuses(facts->symlink) || verdict_refuses(facts->rename_symlink)))
        say(to, ADVICE_WARN, publishing,
            "this file system can neither swap two names nor replace a symlink, so "
            "get cannot publish a directory here in one step: choose a DEST on "
            "another file system");
    else if (facts->rename_directory != 0 || !is_known ||
             (flips && (facts->symlink != 0 || facts->rename_symlink != 0)))
        say(to, ADVICE_NOTE, publishing, "could not test how get would publish here");
    else if (flips)
        say(to, ADVICE_NOTE, publishing,
            "this file system cannot swap two names: get makes DEST a symlink into "
            ".DEST.versions from the start, and an update replaces that symlink with "
            "one rename. get refuses to update a DEST that is a plain directory, "
            "because readers would see a gap");
    else
        say(to, ADVICE_GOOD, publishing,
            "get publishes a new DEST with one rename and %s: readers see either the "
            "old tree or the complete new one",
            layout_choose(&again).step == LAYOUT_EXCHANGE
                ? "an update by swapping two names"
                : "refuses an update");
}

static void advise_links(const struct adviser *to)
{
    bool flips = verdict_refuses(to->facts->exchange);

    if (to->facts->hides_links)
        say(to, flips ? ADVICE_WARN : ADVICE_NOTE, publishing,
            "this directory is sticky and all may write to it: where "
            "fs.protected_symlinks is set, as on most systems, other users cannot follow "
            "a DEST that is a symlink%s. Use a directory of your own in it",
            flips ? ", as get makes it here" : " (--versions)");
}

static void advise_stripes(const struct adviser *to)
{
    const struct advice_case *facts = to->facts;

    if (facts->lustre && facts->one_stripe)
        say(to, ADVICE_WARN, publishing,
            "each file made here lies on one disk of Lustre (stripe count 1), so all "
            "nodes "
            "that read a large one wait for the same server. %s. For other programs: lfs "
            "setstripe -c 8 -S 16M DIRECTORY",
            facts->own_layout ? "get leaves it so, because the directory has this layout "
                                "of its own"
                              : "get spreads files of 256 MiB and more (--stripe)");
}

static void advise_get(const struct adviser *to)
{
    const struct advice_case *facts = to->facts;

    advise_step(to);
    advise_links(to);
    if (verdict_refuses(facts->hard_link))
        say(to, ADVICE_NOTE, publishing,
            "no hard links: an update downloads unchanged files again instead of "
            "reusing them");
    if (facts->case_sensitive == OUTCOME_WRONG)
        say(to, ADVICE_NOTE, publishing,
            "file names are not case-sensitive: repositories with names that differ "
            "in case only cannot be stored here");
}

static void advise_sharing(const struct adviser *to)
{
    const struct advice_case *facts = to->facts;

    if (facts->blind > 0)
        say(to, ADVICE_WARN, publishing,
            "%d of %d nodes do not see what another node creates in this directory, "
            "or their file system does not respond: get, and programs that read "
            "DEST, need a directory that all nodes share",
            facts->blind, facts->nodes);
    if (facts->unseen)
        say(to, ADVICE_WARN, publishing,
            "a change was not seen in time by all nodes: get waits for every node "
            "and reports any that does not see DEST; other programs must do so "
            "themselves before they read what another node wrote");
    else if (facts->seen > AT_ONCE)
        say(to, ADVICE_NOTE, publishing,
            "other nodes need up to %.1f s to see a change: get waits for every node "
            "before it ends, so the next job step finds DEST; other programs must "
            "not take a file that they do not see yet for missing",
            facts->seen);
}

static void advise_cache(const struct adviser *to)
{
    if (verdict_refuses(to->facts->symlink))
        say(to, ADVICE_NOTE, cache,
            "no symlinks: get --hf-cache stores the files themselves in the "
            "snapshot, as the library does; HF_HUB_DISABLE_SYMLINKS=1 (since 1.9) "
            "saves the library its own test, and HF_HUB_DISABLE_SYMLINKS_WARNING=1 "
            "hides its warning");
}

/* What a process that does not get the lock does, or does not. */
static void advise_lying(const struct adviser *to, const char *who)
{
    say(to, ADVICE_WARN, library,
        "flock does not lock between %s. Before 1.18 the library lets such "
        "processes append to the same NAME.incomplete, which can corrupt the "
        "cache; since 1.18 each process downloads a copy of its own, so every "
        "file is downloaded once per process",
        who);
}

static void advise_refused(const struct adviser *to)
{
    int outcome = to->facts->flock_outcome;

    /* filelock takes these for a lock that somebody else has */
    if (outcome == EAGAIN || outcome == EACCES) {
        say(to, ADVICE_WARN, library,
            "flock reports a lock as held that nobody has taken: the library waits "
            "for it for ever, without a message");
        return;
    }
    if (outcome != ENOSYS) {
        say(to, ADVICE_WARN, library,
            "flock fails with an error other than ENOSYS, the only one that the "
            "library handles: its downloads, and everything with local_dir, fail "
            "with that error");
        return;
    }
    say(to, ADVICE_WARN, library,
        "flock is not supported. Before 0.25 the library fails with 'Function "
        "not implemented'; since 0.25 it falls back to lock files: with filelock "
        "before 3.24 it may then wait for ever for the file that its first "
        "attempt left, and the lock file of a job that was killed on another "
        "node blocks all others until it is removed (CACHE/.locks)");
}

static void advise_locks(const struct adviser *to)
{
    switch (to->facts->flock) {
    case LOCK_EVERYWHERE:
        say(to, ADVICE_GOOD, library,
            "flock works between nodes: of several processes one downloads a file, "
            "and the others wait for it, without a time limit");
        return;
    case LOCK_ONE_NODE:
        say(to, ADVICE_NOTE, library,
            "flock works within this node; run doctor with ranks on two nodes to "
            "test it between nodes");
        return;
    case LOCK_NODE_ONLY:
        advise_lying(to, "processes on different nodes");
        return;
    case LOCK_NOBODY:
        advise_lying(to, "any two processes");
        return;
    case LOCK_UNEVEN:
        advise_lying(to, "processes that can lock and those that cannot");
        return;
    case LOCK_REFUSED:
        advise_refused(to);
        return;
    case LOCK_SILENT:
        say(to, ADVICE_WARN, library,
            "flock hangs: a download by the library hangs with it");
        return;
    case LOCK_UNTESTED:
    case LOCK_VERDICTS:
        say(to, ADVICE_NOTE, library, "flock could not be tested");
        return;
    }
}

static void advise_variables(const struct adviser *to)
{
    if (to->facts->flock == LOCK_EVERYWHERE)
        return;
    say(to, ADVICE_NOTE, library,
        "no environment variable turns the locks of the library off, but reading "
        "a cache takes none: fetch with mpifetch get --hf-cache, then set "
        "HF_HUB_OFFLINE=1 for the job step that reads");
    say(to, ADVICE_NOTE, library,
        "without mpifetch get: set HF_HOME (or HF_HUB_CACHE) to a disk of the "
        "node itself, at the price of one download per node; a local_dir here "
        "takes locks even if it is complete");
}

static void advise_others(const struct adviser *to)
{
    if (verdict_refuses(to->facts->exclusive) || to->facts->race_failed)
        say(to, ADVICE_WARN, others,
            "O_EXCL does not work: lock files, which programs use where there is no "
            "flock, protect nothing here");
}

void advice_give(const struct advice_case *facts,
                 void (*say_one)(void *arg, enum advice_level level, const char *topic,
                                 const char *text),
                 void *arg)
{
    const struct adviser to = { facts, say_one, arg };

    advise_room(&to);
    advise_sharing(&to);
    advise_get(&to);
    advise_stripes(&to);
    advise_cache(&to);
    advise_locks(&to);
    advise_variables(&to);
    advise_others(&to);
}

const char *advice_word(enum advice_level level)
{
    static const char *const words[] = {
        [ADVICE_GOOD] = "good",
        [ADVICE_NOTE] = "note",
        [ADVICE_WARN] = "warning",
    };

    return words[level];
}
