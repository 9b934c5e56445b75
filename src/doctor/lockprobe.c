#include "doctor/lockprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/text.h"

static int take_flock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB);
}

static int take_record(int fd, int command)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    return fcntl(fd, command, &whole);
}

static int take_fcntl(int fd)
{
    return take_record(fd, F_SETLK);
}

static int take_ofd(int fd)
{
    return take_record(fd, F_OFD_SETLK);
}

int lockprobe_take(const char *method, const char *path, int *fd)
{
    static const struct {
        const char *name;
        int (*take)(int fd);
    } methods[] = {
        { "flock", take_flock },
        { "fcntl", take_fcntl },
        { "ofd", take_ofd },
    };
    int reason = EINVAL;

    *fd = open(path, O_RDWR | O_CLOEXEC);
    if (*fd < 0)
        return errno;
    for (size_t i = 0; i < countof(methods); i++)
        if (strcmp(methods[i].name, method) == 0)
            reason = methods[i].take(*fd) == 0 ? 0 : errno;
    if (reason != 0) {
        close(*fd);
        *fd = -1;
    }
    return reason;
}
