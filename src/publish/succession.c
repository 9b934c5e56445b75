#include "publish/succession.h"

#include "io/fs/fs.h"
#include "ranks/background.h"
#include "ranks/wants.h"
#include "staging/existing.h"

enum { SUCCESSION_POLL = 1000 }; /* files between two checks for signals */

static int take_root(struct succession *succession, struct err *err)
{
    fs_traits_release(&succession->traits);
    return fs_traits_take(&succession->old, ".", &succession->traits, err);
}

static int give_root(struct succession *succession, struct err *err)
{
    return fs_traits_give(&succession->traits, &succession->run->staging.tree, ".", true,
                          &succession->lost, err);
}

/* Missing, or a file that is to be replaced, hands on nothing. */
static int open_old(struct succession *succession, struct err *err)
{
    const char *dest = succession->run->opt.dest;
    struct fs_info info;

    fs_dir_close(&succession->old);
    if (fs_look_through(NULL, dest, &info, err) < 0)
        return -1;
    return info.kind == FS_DIRECTORY ? fs_dir_open(&succession->old, NULL, dest, err) : 0;
}

int succession_open(struct succession *succession, struct run *run, bool empty,
                    struct err *err)
{
    succession_release(succession);
    succession->run = run;
    succession->empty = empty;
    if (open_old(succession, err) < 0)
        return -1;
    if (!succession->old.path)
        return 0;
    return take_root(succession, err) < 0 ? -1 : give_root(succession, err);
}

static bool is_below(const struct succession *succession)
{
    return succession->old.path && !succession->empty;
}

static int pass(struct succession *succession, const char *name, struct err *err)
{
    return fs_traits_pass(&succession->old, name, &succession->run->staging.tree, name,
                          &succession->lost, err);
}

int succession_directory(void *arg, const char *name, struct err *err)
{
    struct succession *succession = arg;

    return is_below(succession) ? pass(succession, name, err) : 0;
}

int succession_files(struct succession *succession, const struct existing_file *existing,
                     struct err *err)
{
    const struct run *run = succession->run;

    for (size_t i = 0; is_below(succession) && i < run->plan.nfiles; i++) {
        if (i % SUCCESSION_POLL == 0 && background_poll(&succession->run->ranks, err) < 0)
            return -1;
        if (!existing[i].there && wants_file(run, i) &&
            pass(succession, plan_path(&run->plan, i), err) < 0)
            return -1;
    }
    return 0;
}

int succession_step(struct succession *succession, struct err *err)
{
    if (open_old(succession, err) < 0)
        return -1;
    if (succession->old.path &&
        (take_root(succession, err) < 0 || give_root(succession, err) < 0))
        return -1;
    if (succession->lost.len > 0)
        log_line(&succession->run->ranks.log, LOG_WARN,
                 "'%s' loses what cannot be given to its new content: %s",
                 succession->run->opt.dest, succession->lost.data);
    strbuf_clear(&succession->lost);
    return 0;
}

void succession_end(struct succession *succession, const struct fs_dir *parent,
                    const char *name)
{
    if (succession->traits.there)
        fs_traits_close(&succession->traits, parent, name);
}

void succession_release(struct succession *succession)
{
    fs_dir_close(&succession->old);
    fs_traits_release(&succession->traits);
    strbuf_release(&succession->lost);
    *succession = (struct succession){ 0 };
}
