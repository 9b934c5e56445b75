#include "phase/vigil.h"

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
    bool beaten, lives;
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

bool vigil_is_gone(const char *staging)
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

/* Whether the number is another than at the last look. */
static bool grows(struct watch *watch)
{
    char *path = joined(watch->staging, "beat");
    uint64_t number = 0;
    bool there = path && beat_read(path, &number);
    bool grown = there && watch->beaten && number != watch->number;

    if (there) {
        watch->beaten = true;
        watch->number = number;
    }
    free(path);
    return grown;
}

/* false: nothing is certain yet. */
static bool look(struct watch *watch, bool until_life, enum vigil *end)
{
    double now = clock_now();

    if (grows(watch)) {
        watch->lives = true;
        watch->since = now;
    }
    if (now >= watch->probed + PROBE) {
        watch->probed = now;
        *end = VIGIL_GONE;
        if (vigil_is_gone(watch->staging))
            return true;
    }
    *end = VIGIL_LEFT;
    if (!is_there(watch->staging, "."))
        return true;
    *end = VIGIL_LIVES;
    if (until_life && watch->lives)
        return true;
    *end = VIGIL_SILENT;
    return now >= watch->since + VIGIL_PATIENCE;
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

int vigil_keep(struct run *run, const char *staging, bool until_life, enum vigil *end,
               struct err *err)
{
    struct watch watch = { .staging = staging, .since = clock_now() };

    while (!look(&watch, until_life, end)) {
        say_waiting(run, &watch);
        if (agree_poll(run, err) < 0)
            return -1;
        clock_sleep(LOOK);
    }
    return 0;
}
