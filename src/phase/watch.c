#include "phase/watch.h"

#include <stdlib.h>

#include "io/beat.h"
#include "io/clock.h"
#include "io/fs.h"
#include "io/process.h"

static const double LOOK = 0.25;    /* seconds between two looks */
static const double PROBE = 1;      /* the same, at its processes */
static const double SAY_AGAIN = 60; /* seconds between two lines about the same wait */

static const size_t owner_most = 8 << 20; /* bytes: the longest list of processes */

struct watch {
    const char *staging;
    uint64_t number;
    bool looked, lives;
    double since, probed, said;
};

static char *joined(const char *dir, const char *name)
{
    struct strbuf path = { 0 };

    strbuf_addf(&path, "%s/%s", dir, name);
    return strbuf_steal(&path);
}

static bool is_there(const char *dir, const char *name)
{
    struct fs_info info = { .kind = FS_MISSING };
    char *path = joined(dir, name);

    if (path)
        fs_look(path, &info, NULL);
    free(path);
    return info.kind != FS_MISSING;
}

/* To be freed; NULL: nobody wrote it, or it cannot be read. */
static char *owner_text(const char *staging)
{
    char *path = joined(staging, "owner"), *text = NULL;
    size_t len;

    if (path)
        fs_read_regular(path, owner_most, &text, &len, NULL);
    free(path);
    return text;
}

bool watch_is_gone(const char *staging)
{
    struct owner_view view = { .lives = process_lives };
    char *text;
    bool gone;

    if (is_there(staging, "released"))
        return true;
    process_here(&view.here);
    process_job(&view.job);
    text = owner_text(staging);
    gone = text && owner_is_gone(text, &view);
    free(text);
    return gone;
}

uint64_t watch_number(const char *staging)
{
    char *path = joined(staging, "beat");
    uint64_t number = 0;

    if (!path || !beat_read(path, &number))
        number = 0;
    free(path);
    return number;
}

/* Whether the number is larger than at the last look. */
static bool grows(struct watch *watch)
{
    uint64_t number = watch_number(watch->staging);
    bool grown = watch->looked && number > watch->number;

    watch->looked = true;
    if (number > watch->number)
        watch->number = number;
    return grown;
}

/* false: nothing is certain yet. */
static bool look(struct watch *watch, enum watch_end *end)
{
    double now = clock_now();

    if (grows(watch)) {
        watch->lives = true;
        watch->since = now;
    }
    if (now >= watch->probed + PROBE) {
        watch->probed = now;
        *end = WATCH_GONE;
        if (watch_is_gone(watch->staging))
            return true;
    }
    *end = WATCH_LEFT;
    if (!is_there(watch->staging, "."))
        return true;
    *end = WATCH_SILENT;
    return now >= watch->since + WATCH_PATIENCE;
}

static void say_waiting(const struct run *run, struct watch *watch)
{
    char host[OWNER_WORD] = "", *text;

    if (!watch->lives || (watch->said > 0 && clock_now() < watch->said + SAY_AGAIN))
        return;
    watch->said = clock_now();
    text = owner_text(watch->staging);
    if (text)
        owner_host(text, host);
    free(text);
    log_line(&run->log, LOG_WARN,
             "another run%s%s fetches the same for '%s': waiting for it",
             *host ? " on " : "", host, run->opt.dest);
}

int watch_keep(struct run *run, const char *staging, enum watch_end *end, struct err *err)
{
    struct watch watch = { .staging = staging, .since = clock_now() };

    while (!look(&watch, end)) {
        say_waiting(run, &watch);
        if (agree_poll(run, err) < 0)
            return -1;
        clock_sleep(LOOK);
    }
    return 0;
}
