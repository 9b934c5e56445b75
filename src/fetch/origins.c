#include "fetch/origins.h"

#include "io/fs/fs.h"

/* A file that nobody takes. */
static const uint32_t NOBODY = UINT32_MAX;

void origins_open(struct origins *origins)
{
    *origins = (struct origins){ .opened = true };
    lock_init(&origins->lock);
    for (unsigned i = 0; i < ORIGINS; i++)
        origins->kept[i].fd = -1;
}

void origins_release(struct origins *origins)
{
    if (!origins->opened)
        return;
    for (unsigned i = 0; i < ORIGINS; i++)
        if (origins->kept[i].fd >= 0)
            fs_close(origins->kept[i].fd, NULL, "a source", NULL);
    lock_destroy(&origins->lock);
    *origins = (struct origins){ 0 };
}

/* What follows is called with the lock held. */

static struct origin *find(struct origins *origins, uint32_t file)
{
    for (unsigned i = 0; i < ORIGINS; i++)
        if (origins->kept[i].fd >= 0 && origins->kept[i].file == file)
            return &origins->kept[i];
    return NULL;
}

/* The place of the one that was not used for the longest time; NULL: all are being read. */
static struct origin *oldest(struct origins *origins)
{
    struct origin *found = NULL;

    for (unsigned i = 0; i < ORIGINS; i++) {
        struct origin *kept = &origins->kept[i];

        if (kept->readers == 0 && (!found || kept->used < found->used))
            found = kept;
    }
    return found;
}

static int taken(struct origins *origins, struct origin *kept)
{
    kept->readers++;
    kept->used = ++origins->uses;
    return kept->fd;
}

/* Returns the descriptor that is to be closed, or -1. */
static int keep(struct origins *origins, uint32_t file, int fd)
{
    /* Another thread may have opened it as well: then this one is not kept. */
    struct origin *kept = find(origins, file) ? NULL : oldest(origins);
    int old = kept ? kept->fd : -1;

    if (!kept)
        return -1;
    *kept = (struct origin){ .fd = fd, .file = file };
    taken(origins, kept);
    return old;
}

int origins_take(struct origins *origins, uint32_t file, const char *path,
                 struct err *err)
{
    struct origin *kept;
    int fd = -1, old;

    lock_take(&origins->lock);
    kept = find(origins, file);
    if (kept)
        fd = taken(origins, kept);
    lock_leave(&origins->lock);
    if (fd >= 0)
        return fd;
    fd = fs_open_read(NULL, path, err);
    if (fd < 0)
        return -1;
    lock_take(&origins->lock);
    old = keep(origins, file, fd);
    lock_leave(&origins->lock);
    if (old >= 0)
        fs_close(old, NULL, path, NULL);
    return fd;
}

void origins_give(struct origins *origins, int fd, bool bad)
{
    bool kept = false;

    lock_take(&origins->lock);
    for (unsigned i = 0; i < ORIGINS && !kept; i++) {
        struct origin *one = &origins->kept[i];

        kept = one->fd == fd;
        one->readers -= kept;
        if (kept && bad)
            one->file = NOBODY;
    }
    lock_leave(&origins->lock);
    if (!kept)
        fs_close(fd, NULL, "a source", NULL);
}
