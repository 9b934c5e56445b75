#include "resume/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "resume/leftovers.h"
#include "resume/owner_watch.h"
#include "resume/run_dir.h"

static const double LOOK = 0.5; /* seconds between two looks */
static const double SLOW = 2;   /* seconds after which a look says nothing */
static const char mark[] = ".mpifetch-", doctor[] = ".mpifetch-doctor-",
                  scratch[] = "mpifetch-";

enum { SUFFIX = 6 };

/* One whose run may live. */
struct sweep_doubt {
    struct sweep_doubt *next;
    char *dir, *staging;
    uint64_t number; /* at first */
    bool lives;
};

static bool is_directory_of_ours(const char *path)
{
    struct fs_info info;

    return fs_look(path, &info, NULL) == 0 && info.kind == FS_DIRECTORY &&
           fs_is_mine(&info);
}

static void say(const struct sweep *sweep, const char *path)
{
    log_line(&sweep->run->ranks.log, LOG_WARN, "%s '%s'",
             sweep->only_say ? "would remove" : "removed", path);
}

static void refuse(struct sweep *sweep, const char *path, const struct err *why)
{
    sweep->refused++;
    log_line(&sweep->run->ranks.log, LOG_WARN, "keeping '%s': %s", path, why->text);
}

/* The destination that a staging directory belongs to, to be freed. */
static char *dest_of(const char *dir)
{
    const char *slash = strrchr(dir, '/');
    const char *end = strstr(slash + 1, mark);
    struct strbuf dest = { 0 };

    for (const char *next = end; next; next = strstr(next + 1, mark))
        end = next;
    strbuf_add(&dest, dir, (size_t)(slash + 1 - dir));
    if (end && end > slash + 2)
        strbuf_add(&dest, slash + 2, (size_t)(end - slash - 2));
    return strbuf_steal(&dest);
}

/* It is taken over first, as by a run that wants it: only one can win that. 1: another
 * process was faster. */
static int take_and_remove(struct sweep *sweep, const char *dir, const char *staging,
                           struct err *err)
{
    struct strbuf own = { 0 };
    const char *end = dir + strlen(dir) - strlen(strrchr(dir, '-') + 1);
    char *parent = strndup(dir, (size_t)(strrchr(dir, '/') - dir));
    char *prefix = parent ? strndup(dir + strlen(parent) + 1,
                                    (size_t)(end - dir) - strlen(parent) - 1)
                          : NULL;
    char *dest = dest_of(dir), *to = NULL;
    int rc = -1;

    if (parent && prefix && dest && fs_private_dir(parent, prefix, &own, err) == 0)
        to = fs_join(own.data, strrchr(staging, '/') + 1);
    if (to)
        rc = fs_rename(staging, to, FS_RENAME_ABSENT, err);
    if (to && rc < 0 && errno == ENOENT)
        rc = 1;
    if (rc == 0 &&
        !leftovers_remove(&(struct leftovers_removal){ sweep->run, dest, false }, to))
        rc = err_set(err, ERR_DEST, "some of it remains in '%s'", to);
    if (rc < 0)
        err_memory(err, "a path"); /* where nothing else was the reason */
    if (own.data)
        fs_remove_empty(own.data, NULL);
    free(parent);
    free(prefix);
    free(dest);
    free(to);
    strbuf_release(&own);
    return rc;
}

static void remove_staging(struct sweep *sweep, const char *dir, const char *staging)
{
    struct err why = { 0 };
    int rc = sweep->only_say ? 0 : take_and_remove(sweep, dir, staging, &why);

    if (rc < 0)
        refuse(sweep, staging, &why);
    if (rc != 0)
        return;
    sweep->removed++;
    say(sweep, staging);
    if (!sweep->only_say)
        fs_remove_empty(dir, NULL);
}

static int doubt(struct sweep *sweep, const char *dir, const char *staging,
                 struct err *err)
{
    struct sweep_doubt *doubt = calloc(1, sizeof(*doubt));

    if (doubt) {
        doubt->dir = strdup(dir);
        doubt->staging = strdup(staging);
        doubt->number = owner_watch_number(staging);
        doubt->next = sweep->doubts;
        sweep->doubts = doubt;
    }
    return doubt && doubt->dir && doubt->staging ? 0 : err_memory(err, "a path");
}

static int sweep_staging(struct sweep *sweep, const char *dir, struct err *err)
{
    bool readable;
    char *staging = run_dir_find(dir, &readable);
    int rc = 0;

    /* Of a run that was killed as it began, or as it ended. */
    if (staging && !sweep->only_say && fs_remove_empty(staging, NULL) == 0) {
        free(staging);
        staging = NULL;
    }
    if (!staging && readable && !sweep->only_say)
        fs_remove_empty(dir, NULL);
    if (staging && owner_watch_is_gone(staging))
        remove_staging(sweep, dir, staging);
    else if (staging)
        rc = doubt(sweep, dir, staging, err);
    free(staging);
    return rc;
}

/* One directory of a process that left its name in it. */
static void sweep_plain(struct sweep *sweep, const char *dir)
{
    struct err why = { 0 };

    if (!is_directory_of_ours(dir))
        return;
    if (!owner_watch_is_gone(dir)) {
        sweep->alive++;
        log_line(&sweep->run->ranks.log, LOG_INFO,
                 "keeping '%s': its process may still be running", dir);
    } else if (!sweep->only_say && fs_remove_tree(dir, &why) < 0) {
        refuse(sweep, dir, &why);
    } else {
        sweep->removed++;
        say(sweep, dir);
    }
}

struct listing {
    struct sweep *sweep;
    const char *dir, *name; /* NULL name: of any destination */
    bool scratch;
};

/* Whether a name is that of a staging of any destination, or of one. */
static bool is_staging(const char *entry, const char *name)
{
    struct strbuf prefix = { 0 };
    const char *end = NULL;
    bool good;

    for (const char *next = strstr(entry, mark); next; next = strstr(next + 1, mark))
        end = next;
    if (!end || *entry != '.')
        return false;
    if (name)
        strbuf_addf(&prefix, ".%s%s", name, mark);
    else
        strbuf_add(&prefix, entry, (size_t)(end - entry) + strlen(mark));
    good = !prefix.failed && run_dir_is_staging(entry, prefix.data);
    strbuf_release(&prefix);
    return good;
}

static bool has_suffix(const char *entry, const char *prefix)
{
    return text_starts(entry, prefix) && strlen(entry) == strlen(prefix) + SUFFIX;
}

static int visit(void *arg, const char *entry, struct err *err)
{
    const struct listing *listing = arg;
    struct sweep *sweep = listing->sweep;
    bool plain = listing->scratch ? has_suffix(entry, scratch)
                                  : !listing->name && has_suffix(entry, doctor);
    bool staging = !listing->scratch && is_staging(entry, listing->name);
    char *path = plain || staging ? fs_join(listing->dir, entry) : NULL;
    int rc = 0;

    if ((plain || staging) && !path)
        rc = err_memory(err, "a path");
    else if (plain)
        sweep_plain(sweep, path);
    else if (staging)
        rc = sweep_staging(sweep, path, err);
    free(path);
    /* Others wait in the step after this for rank 0. */
    return rc < 0 || sweep->run->ranks.rank != 0
               ? rc
               : background_poll(&sweep->run->ranks, err);
}

static int list(struct sweep *sweep, const char *dir, const char *name, bool scratch_dir,
                struct err *err)
{
    struct listing listing = { sweep, dir, name, scratch_dir };
    struct fs_info info;

    if (fs_look_through(dir, &info, err) < 0)
        return -1;
    return info.kind == FS_DIRECTORY ? fs_list(dir, visit, &listing, err) : 0;
}

int sweep_stagings(struct sweep *sweep, const char *dir, const char *name,
                   struct err *err)
{
    return list(sweep, dir, name, false, err);
}

int sweep_scratch(struct sweep *sweep, const char *dir, struct err *err)
{
    return list(sweep, dir, NULL, true, err);
}

static void decide(struct sweep *sweep, const struct sweep_doubt *doubt)
{
    if (!fs_is_there(doubt->staging, "."))
        return; /* its run has ended, or somebody else has it */
    if (!doubt->lives) {
        remove_staging(sweep, doubt->dir, doubt->staging);
        return;
    }
    sweep->alive++;
    log_line(&sweep->run->ranks.log, LOG_WARN, "keeping '%s': its run is active",
             doubt->staging);
}

static void look_at_all(const struct sweep *sweep)
{
    for (struct sweep_doubt *doubt = sweep->doubts; doubt; doubt = doubt->next)
        doubt->lives |= owner_watch_number(doubt->staging) > doubt->number;
}

int sweep_wait(struct sweep *sweep, struct err *err)
{
    double left = OWNER_PATIENCE;

    if (!sweep->doubts)
        return 0;
    log_line(&sweep->run->ranks.log, LOG_WARN,
             "some runs may still be active: watching their heartbeats for %d s",
             OWNER_PATIENCE);
    while (left > 0) {
        double began;

        if (background_poll(&sweep->run->ranks, err) < 0)
            return -1;
        clock_sleep(LOOK);
        began = clock_now();
        look_at_all(sweep);
        /* While a file system hangs no run can update its heartbeat. */
        if (clock_now() < began + SLOW)
            left -= LOOK;
    }
    for (const struct sweep_doubt *doubt = sweep->doubts; doubt; doubt = doubt->next)
        decide(sweep, doubt);
    return 0;
}

void sweep_release(struct sweep *sweep)
{
    while (sweep->doubts) {
        struct sweep_doubt *doubt = sweep->doubts;

        sweep->doubts = doubt->next;
        free(doubt->dir);
        free(doubt->staging);
        free(doubt);
    }
}
