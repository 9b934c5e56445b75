#include "publish/witness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/fs/fs.h"
#include "ranks/wants.h"

enum { STATE = 65 };

static void describe(char text[STATE], uint64_t size, int64_t mtime_ns)
{
    snprintf(text, STATE, "%" PRIu64 " %" PRId64, size, mtime_ns);
}

/* By opening it: that makes a network file system compare its cache with the server. One
 * that this user may not read is no matter of caches, and there is less to ask. */
static void look(const struct run *run, const char *file, char found[STATE])
{
    char name[FS_NAME];
    struct fs_info info = { 0 };
    int fd =
        fs_open_regular(NULL, fs_format(name, "%s/%s", run->opt.dest, file), NULL, NULL);

    *found = '\0';
    if (fd >= 0 ? fs_look_open(fd, NULL, name, &info, NULL) == 0
                : errno == EACCES && fs_look_through(NULL, name, &info, NULL) == 0 &&
                      info.kind == FS_FILE)
        describe(found, info.size, info.mtime_ns);
    if (fd >= 0)
        fs_close(fd, NULL, name, NULL);
}

static bool differs(const struct dir *dir, struct visibility_mark *mark, const char *file)
{
    look(dir->run, file, mark->before);
    fs_format(mark->file, "%s", file);
    return strcmp(mark->present, mark->before) != 0;
}

static bool choose_dropped(const struct dir *dir, struct visibility_mark *mark)
{
    const struct plan *plan = &dir->run->plan;
    size_t i = 0;

    *mark->present = '\0';
    for (size_t k = 0; k < dir->manifest.nfiles; k++) {
        const char *old = dir->manifest.file[k].path;

        while (i < plan->nfiles && strcmp(plan_path(plan, i), old) < 0)
            i++;
        if ((i == plan->nfiles || strcmp(plan_path(plan, i), old) != 0) &&
            differs(dir, mark, old))
            return true;
    }
    return false;
}

void witness_choose(const struct dir *dir, struct visibility_mark *mark)
{
    const struct run *run = dir->run;

    for (size_t i = 0; i < run->plan.nfiles; i++) {
        const struct existing_file *known = &dir->existing.file[i];

        if (!wants_file(run, i))
            continue;
        describe(mark->present, run->plan.files[i].size,
                 known->there ? known->mtime_ns : run->mtime * 1000000000);
        if ((!known->there || dir->dest == LAYOUT_MISSING) &&
            differs(dir, mark, plan_path(&run->plan, i)))
            return;
    }
    if (!choose_dropped(dir, mark))
        *mark = (struct visibility_mark){ 0 };
}

void witness_look(const struct run *run, const struct visibility_mark *mark,
                  char found[65])
{
    *found = '\0';
    if (*mark->file)
        look(run, mark->file, found);
}
