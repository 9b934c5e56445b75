#include "resume/owner_watch.h"

#include <stdlib.h>

#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/heartbeat.h"
#include "io/owner_file.h"
#include "io/process.h"
#include "ranks/background.h"
#include "ranks/nodes.h"

static const double LOOK = 0.25;    /* seconds between two looks */
static const double LOOK_LATER = 2; /* the same, once it is clear that it takes long */
static const double LONG = 60;      /* seconds after which that is clear */
static const double PROBE = 1;      /* the same, at its processes */
static const double SAY_AGAIN = 60; /* seconds between two lines about the same wait */

struct owner_watch {
    const struct fs_dir *staging;
    uint64_t number;
    bool looked, lives;
    double since, probed, said;
};

static bool ask_owner(const struct fs_dir *staging,
                      bool (*is)(const char *text, const struct owner_view *view))
{
    struct owner_view view = { .lives = process_lives };
    char *text = owner_file_read(staging);
    bool yes;

    process_here(&view.here);
    process_job(&view.job);
    yes = text && is(text, &view);
    free(text);
    return yes;
}

bool owner_watch_is_gone(const struct fs_dir *staging)
{
    return fs_is_there(staging, "released") || ask_owner(staging, owner_is_gone);
}

bool owner_watch_is_signed(const struct fs_dir *dir)
{
    char *text = owner_file_read(dir);
    bool is = text && owner_is_whole(text);

    free(text);
    return is;
}

uint64_t owner_watch_number(const struct fs_dir *staging)
{
    uint64_t number = 0;

    return heartbeat_read(staging, &number) ? number : 0;
}

/* Whether the number is larger than at the last look. */
static bool grows(struct owner_watch *watch)
{
    uint64_t number = owner_watch_number(watch->staging);
    bool grown = watch->looked && number > watch->number;

    watch->looked = true;
    if (number > watch->number)
        watch->number = number;
    return grown;
}

/* false: nothing is certain yet. */
static bool look(struct owner_watch *watch, enum owner_watch_end *end)
{
    double now = clock_now(), took;

    if (grows(watch)) {
        watch->lives = true;
        watch->since = now;
    }
    if (now >= watch->probed + PROBE) {
        watch->probed = now;
        *end = OWNER_WATCH_GONE;
        if (owner_watch_is_gone(watch->staging))
            return true;
        *end = OWNER_WATCH_REQUEUED;
        if (ask_owner(watch->staging, owner_is_requeued))
            return true;
    }
    *end = OWNER_WATCH_LEFT;
    if (!fs_is_there(watch->staging, "."))
        return true;
    /* A file system that hangs stops the heartbeat of the owner as well. */
    took = clock_now() - now;
    if (took > LOOK)
        watch->since += took;
    *end = OWNER_WATCH_SILENT;
    return now >= watch->since + OWNER_PATIENCE;
}

static void say_waiting(const struct run *run, struct owner_watch *watch)
{
    char host[OWNER_WORD] = "", *text;

    if (!watch->lives || (watch->said > 0 && clock_now() < watch->said + SAY_AGAIN))
        return;
    watch->said = clock_now();
    text = owner_file_read(watch->staging);
    if (text)
        owner_host(text, host);
    free(text);
    log_line(&run->ranks.log, LOG_WARN,
             "another run%s%s is already fetching '%s': waiting for it",
             *host ? " on " : "", host, run->opt.dest);
}

int owner_watch_keep(struct run *run, const struct fs_dir *staging,
                     enum owner_watch_end *end, struct err *err)
{
    double began = clock_now();
    struct owner_watch watch = { .staging = staging, .since = began };

    while (!look(&watch, end)) {
        if (watch.lives && nodes_spread(run)) {
            *end = OWNER_WATCH_LIVES;
            return 0;
        }
        say_waiting(run, &watch);
        if (background_poll(&run->ranks, err) < 0)
            return -1;
        clock_sleep(clock_now() < began + LONG ? LOOK : LOOK_LATER);
    }
    return 0;
}
