#include "doctor/sightprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "io/nap.h"

static const double LONGEST_PAUSE = 0.05; /* seconds between two looks */

/* A path below the directory of the change. "" if it does not fit. */
struct below {
    char path[PATH_MAX];
};

static struct below below(const char *dir, const char *name)
{
    struct below below;
    int len = snprintf(below.path, sizeof(below.path), "%s/%s", dir, name);

    if (len >= (int)sizeof(below.path))
        below.path[0] = '\0';
    return below;
}

static int put(const char *dir, const char *name, int flags, const char *text)
{
    int fd = open(below(dir, name).path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    size_t len = strlen(text);
    int reason = 0;

    if (fd < 0)
        return errno;
    if (write(fd, text, len) != (ssize_t)len || fsync(fd) < 0)
        reason = errno ? errno : EIO;
    return close(fd) < 0 && reason == 0 ? errno : reason;
}

static int move(const char *dir, const char *from, const char *to)
{
    return rename(below(dir, from).path, below(dir, to).path) < 0 ? errno : 0;
}

static bool has(const char *dir, const char *name)
{
    struct stat st;

    return stat(below(dir, name).path, &st) == 0;
}

static bool holds(const char *dir, const char *name, const char *text)
{
    int fd = open(below(dir, name).path, O_RDONLY | O_CLOEXEC);
    char found[16] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, found, sizeof(found) - 1);

    if (fd >= 0)
        close(fd);
    return n >= 0 && strcmp(found, text) == 0;
}

static bool has_size(const char *dir, const char *name, off_t size)
{
    struct stat st;

    return stat(below(dir, name).path, &st) == 0 && st.st_size == size;
}

static int prepare_nothing(const char *dir)
{
    (void)dir;
    return 0;
}

static int prepare_file(const char *dir)
{
    return put(dir, "file", O_EXCL, "old");
}

static int prepare_directory(const char *dir)
{
    if (mkdir(below(dir, "before").path, 0700) < 0)
        return errno;
    return put(dir, "before/file", O_EXCL, "old");
}

static int change_new(const char *dir)
{
    return put(dir, "file", O_EXCL, "new");
}

static int change_renamed(const char *dir)
{
    return move(dir, "before", "after");
}

static int change_replaced(const char *dir)
{
    int reason = put(dir, "beside", O_EXCL, "new");

    return reason == 0 ? move(dir, "beside", "file") : reason;
}

static int change_grown(const char *dir)
{
    return put(dir, "file", O_APPEND, "er");
}

static int change_removed(const char *dir)
{
    return unlink(below(dir, "file").path) < 0 ? errno : 0;
}

static bool sees_new(const char *dir, bool after)
{
    /* a directory that is not seen yet has no file either */
    return has(dir, ".") && has(dir, "file") == after;
}

static bool sees_renamed(const char *dir, bool after)
{
    return has(dir, "after/file") == after && has(dir, "before/file") != after;
}

static bool sees_replaced(const char *dir, bool after)
{
    return holds(dir, "file", after ? "new" : "old");
}

static bool sees_grown(const char *dir, bool after)
{
    return has_size(dir, "file", after ? 5 : 3);
}

static bool sees_removed(const char *dir, bool after)
{
    return has(dir, ".") && has(dir, "file") != after;
}

struct kind {
    const char *name;
    int (*prepare)(const char *dir);
    int (*change)(const char *dir);
    bool (*sees)(const char *dir, bool after);
};

static const struct kind kinds[] = {
    { "new_file", prepare_nothing, change_new, sees_new },
    { "renamed_directory", prepare_directory, change_renamed, sees_renamed },
    { "replaced_file", prepare_file, change_replaced, sees_replaced },
    { "grown_file", prepare_file, change_grown, sees_grown },
    { "removed_file", prepare_file, change_removed, sees_removed },
};

static const struct kind *find(const char *name)
{
    for (size_t i = 0; i < countof(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

int sightprobe_prepare(const char *kind, const char *dir)
{
    const struct kind *found = find(kind);

    if (!found)
        return EINVAL;
    return mkdir(dir, 0700) < 0 ? errno : found->prepare(dir);
}

int sightprobe_change(const char *kind, const char *dir)
{
    const struct kind *found = find(kind);

    return found ? found->change(dir) : EINVAL;
}

int sightprobe_watch(const char *kind, const char *dir, bool after, double seconds)
{
    const struct kind *found = find(kind);
    double until = clock_now() + seconds;
    struct nap nap = { .shortest = 0.0005, .longest = LONGEST_PAUSE };

    if (!found)
        return EINVAL;
    while (!found->sees(dir, after)) {
        if (clock_now() > until)
            return ETIMEDOUT;
        nap_take(&nap);
    }
    return 0;
}
