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
            "this directory is too full to be examined (no bytes, inodes or quota left): "
            "what could not be tried is not known. Make room and run doctor again");
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
            "directories cannot be renamed here, so get cannot publish: choose a DEST on "
            "another file system");
    else if (flips &&
             (verdict_refuses(facts->symlink) || verdict_refuses(facts->rename_symlink)))
        say(to, ADVICE_WARN, publishing,
            "this file system neither swaps two names nor lets a symlink be replaced, so "
            "get cannot publish a directory here in one step: choose a DEST on another "
            "file system");
    else if (facts->rename_directory != 0 || !is_known ||
             (flips && (facts->symlink != 0 || facts->rename_symlink != 0)))
        say(to, ADVICE_NOTE, publishing,
            "how get would publish here could not be tried: nothing is known");
    else if (flips)
        say(to, ADVICE_NOTE, publishing,
            "this file system does not swap two names: get makes DEST a symlink into "
            ".DEST.versions from the start, and an update is one rename of that symlink. "
            "A DEST that is a plain directory already is refused, since it could only be "
            "updated with a gap");
    else
        say(to, ADVICE_GOOD, publishing,
            "get puts a new DEST in its place by one rename and %s: a reader sees the "
            "old tree "
            "or the whole new one",
            layout_choose(&again).step == LAYOUT_EXCHANGE
                ? "an update by swapping two names"
                : "refuses an update");
}

static void advise_get(const struct adviser *to)
{
    const struct advice_case *facts = to->facts;

    advise_step(to);
    if (verdict_refuses(facts->hard_link))
        say(to, ADVICE_NOTE, publishing,
            "without hard links an update cannot take over unchanged files: it fetches "
            "them again");
    if (facts->case_sensitive == TRIAL_WRONG)
        say(to, ADVICE_NOTE, publishing,
            "names that differ in case only are one name here: repositories that have "
            "such names do not fit");
}

static void advise_sharing(const struct adviser *to)
{
    const struct advice_case *facts = to->facts;

    if (facts->blind > 0)
        say(to, ADVICE_WARN, publishing,
            "%d of %d nodes do not see what another makes in this directory, or their "
            "file "
            "system does not answer: get and what reads its DEST need a directory that "
            "all "
            "nodes share",
            facts->blind, facts->nodes);
    if (facts->unseen)
        say(to, ADVICE_WARN, publishing,
            "a change was not seen in time: get waits for every node before it ends, and "
            "says so if one does not see what it published; other programs must wait by "
            "themselves before they read what another node wrote");
    else if (facts->seen > AT_ONCE)
        say(to, ADVICE_NOTE, publishing,
            "changes took up to %.1f s to be seen: get waits for every node before it "
            "ends, so the next step finds DEST; other programs must not take a file for "
            "missing that another node has just made",
            facts->seen);
}

static void advise_cache(const struct adviser *to)
{
    if (verdict_refuses(to->facts->symlink))
        say(to, ADVICE_NOTE, cache,
            "without symlinks get --hf-cache puts the files themselves into the "
            "snapshot, as the library does by itself; HF_HUB_DISABLE_SYMLINKS=1 (since "
            "1.9) says so to the library from the start, and "
            "HF_HUB_DISABLE_SYMLINKS_WARNING=1 silences its warning");
}

/* What a process that does not get the lock does, or does not. */
static void advise_lying(const struct adviser *to, const char *who)
{
    say(to, ADVICE_WARN, library,
        "%s do not exclude each other by flock. Before 1.18 such processes append to the "
        "same NAME.incomplete when they download the same file, which can corrupt the "
        "cache; since 1.18 each downloads a file of its own, so every byte comes once "
        "for each of them",
        who);
}

static void advise_refused(const struct adviser *to)
{
    int trial = to->facts->flock_trial;

    /* filelock takes these for a lock that somebody else has */
    if (trial == EAGAIN || trial == EACCES) {
        say(to, ADVICE_WARN, library,
            "flock says that somebody holds a lock that nobody has taken: the library "
            "waits for ever for it, without a word");
        return;
    }
    if (trial != ENOSYS) {
        say(to, ADVICE_WARN, library,
            "flock fails, and not with ENOSYS, which is the only errno that the library "
            "has an answer to: its downloads and everything with local_dir end with that "
            "error");
        return;
    }
    say(to, ADVICE_WARN, library,
        "there is no flock. Before 0.25 the library fails with 'Function not "
        "implemented'; since 0.25 it falls back to lock files, with filelock before 3.24 "
        "it may then wait for ever for the file that its first attempt left, and the "
        "lock file of a job that was killed on another node blocks all others until "
        "somebody removes it (CACHE/.locks)");
}

static void advise_locks(const struct adviser *to)
{
    switch (to->facts->flock) {
    case LOCK_EVERYWHERE:
        say(to, ADVICE_GOOD, library,
            "flock excludes between nodes: of many processes one downloads a file, and "
            "the others wait for it, without a limit");
        return;
    case LOCK_ONE_NODE:
        say(to, ADVICE_NOTE, library,
            "flock excludes on this node, so processes here are safe from each other; "
            "run doctor with ranks on two nodes to know it of nodes");
        return;
    case LOCK_NODE_ONLY:
        advise_lying(to, "processes on different nodes");
        return;
    case LOCK_NOBODY:
        advise_lying(to, "processes, on one node or on several,");
        return;
    case LOCK_UNEVEN:
        advise_lying(to, "processes that cannot lock and those that can");
        return;
    case LOCK_REFUSED:
        advise_refused(to);
        return;
    case LOCK_SILENT:
        say(to, ADVICE_WARN, library,
            "a call of flock hangs: a download by the library hangs with it");
        return;
    case LOCK_UNTESTED:
    case LOCK_VERDICTS:
        say(to, ADVICE_NOTE, library, "flock could not be tested: nothing is known");
        return;
    }
}

static void advise_variables(const struct adviser *to)
{
    if (to->facts->flock == LOCK_EVERYWHERE)
        return;
    say(to, ADVICE_NOTE, library,
        "no variable of the library turns its locks off, but it takes none to read a "
        "cache: fetch with mpifetch get --hf-cache, then set HF_HUB_OFFLINE=1 for the "
        "step that reads");
    say(to, ADVICE_NOTE, library,
        "without get: HF_HOME (or HF_HUB_CACHE) on a disk of the node itself keeps "
        "nodes apart, at the price of one download for each; a local_dir here takes "
        "locks even when all is there");
}

static void advise_others(const struct adviser *to)
{
    if (verdict_refuses(to->facts->exclusive) || to->facts->race_failed)
        say(to, ADVICE_WARN, others,
            "O_EXCL does not tell who was first: lock files, which programs fall back to "
            "where there is no flock, exclude nobody here");
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
