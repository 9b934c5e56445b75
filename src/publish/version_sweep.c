#include "publish/version_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "io/fs/fs.h"
#include "resume/leftovers.h"
#include "resume/versions.h"
#include "staging/foreign_files.h"

enum { NAMED = 20 }; /* entries that a message names, the rest is counted */

struct visit {
    const struct version_sweep *sweep;
    struct fs_dir versions;
    unsigned kept;
};

static void say_kept(struct visit *visit, const char *name, const char *reason,
                     const char *foreign)
{
    const struct log *log = &visit->sweep->run->ranks.log;

    if (++visit->kept > NAMED)
        return;
    if (foreign)
        log_line(log, LOG_WARN,
                 "keeping '%s/%s': it contains '%s', which mpifetch did not create",
                 visit->versions.path, name, foreign);
    else
        log_line(log, LOG_WARN, "keeping '%s/%s': it %s", visit->versions.path, name,
                 reason);
}

/* Since another run has published it sweeps: what it leaves is its affair. In this order: a
 * run that has shown its version removes its staging afterwards. */
static bool may_be_shown(const struct visit *visit, const char *name)
{
    const struct version_sweep *sweep = visit->sweep;
    const struct fs_dir *parent = &sweep->run->staging.parent;
    const char *dest = sweep->run->opt.dest;

    return leftovers_may_be_shown(parent, dest, &visit->versions, name) ||
           !versions_is_shown(parent, dest, sweep->version);
}

/* false, and it is named: it must stay. --force speaks of what is replaced at DEST, not of
 * earlier versions. */
static bool is_free(struct visit *visit, const char *name)
{
    const struct run *run = visit->sweep->run;
    const struct record_tree version = { &visit->versions, name, &run->staging.parent,
                                         run->opt.dest };
    const char *fault = versions_fault(&version, &run->staging.dir);
    char *foreign = NULL;
    bool has = !fault && foreign_files_are_in(&version, &foreign);

    if (fault || has)
        say_kept(visit, name, fault ? fault : "cannot be read as a whole", foreign);
    free(foreign);
    return !fault && !has;
}

/* Away first and looked at again then: whoever leads DEST to it until it is away is seen,
 * and nobody can do so afterwards. */
static void sweep_one(struct visit *visit, const char *name)
{
    const struct run_staging *staging = &visit->sweep->run->staging;
    char moved[FS_NAME];
    struct err err = { 0 };

    if (may_be_shown(visit, name) || !is_free(visit, name))
        return;
    if (versions_sweep(&visit->versions, name, &staging->dir, moved, &err) < 0) {
        log_line(&visit->sweep->run->ranks.log, LOG_WARN, "%s", err.text);
        return;
    }
    /* If that fails whoever removes the staging tries again, and says so. */
    versions_put_back(&staging->parent, visit->sweep->run->opt.dest, &staging->dir, moved,
                      NULL);
}

static bool stays(const struct version_sweep *sweep, const char *name)
{
    return strcmp(name, sweep->version) == 0 ||
           (sweep->before && strcmp(name, sweep->before) == 0);
}

void version_sweep(const struct version_sweep *sweep)
{
    const struct run *run = sweep->run;
    struct visit visit = { .sweep = sweep };
    size_t at = 0;

    if (versions_open(&visit.versions, &run->staging.parent, run->opt.dest, false, NULL) <
        0)
        return;
    while (at < sweep->old->len) {
        const char *name = sweep->old->data + at;

        if (!stays(sweep, name))
            sweep_one(&visit, name);
        at += strlen(name) + 1;
    }
    if (visit.kept > NAMED)
        log_line(&run->ranks.log, LOG_WARN, "keeping %u more entries of '%s'",
                 visit.kept - NAMED, visit.versions.path);
    fs_dir_close(&visit.versions);
}
