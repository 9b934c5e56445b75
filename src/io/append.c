#include "io/append.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/fs/fs_at.h"

struct append {
    pthread_mutex_t lock;
    const struct fs_dir *dir;
    char *name, *first;
    int fd;
    bool broken;
};

static void release(struct append *append)
{
    if (!append)
        return;
    free(append->name);
    free(append->first);
    free(append);
}

int append_open(struct append **out, const struct fs_dir *dir, const char *name,
                const char *first, struct err *err)
{
    struct append *append = calloc(1, sizeof(*append));

    *out = NULL;
    if (append) {
        append->name = strdup(name);
        append->first = strdup(first);
    }
    if (!append || !append->name || !append->first) {
        release(append);
        return err_memory(err, "a journal");
    }
    pthread_mutex_init(&append->lock, NULL);
    append->dir = dir;
    append->fd = -1;
    *out = append;
    return 0;
}

static int fail(const struct append *append, const char *verb, struct err *err)
{
    return fs_at_fail(err, ERR_DEST, verb, append->dir, append->name);
}

static int write_bytes(const struct append *append, const void *bytes, size_t len,
                       struct err *err)
{
    char path[PATH_MAX];
    ssize_t done;

    do
        done = write(append->fd, bytes, len);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return fail(append, "write", err);
    if ((size_t)done == len)
        return 0;
    return err_set(err, ERR_DEST, "cannot write '%s': only %zd of %zu bytes were written",
                   fs_at_path(path, append->dir, append->name), done, len);
}

static int write_line(struct append *append, const void *bytes, size_t len,
                      struct err *err)
{
    if (append->fd < 0) {
        append->fd = fs_at_open(append->dir, append->name,
                                O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
        if (append->fd < 0)
            return fail(append, "open", err);
        if (*append->first &&
            write_bytes(append, append->first, strlen(append->first), err) < 0)
            return -1;
    }
    return write_bytes(append, bytes, len, err);
}

int append_line(struct append *append, const void *bytes, size_t len, struct err *err)
{
    char path[PATH_MAX];
    int rc = -1;

    pthread_mutex_lock(&append->lock);
    if (!append->broken)
        rc = write_line(append, bytes, len, err);
    else
        err_set(err, ERR_DEST, "an earlier write to '%s' failed",
                fs_at_path(path, append->dir, append->name));
    append->broken = rc < 0;
    pthread_mutex_unlock(&append->lock);
    return rc;
}

void append_close(struct append *append)
{
    if (!append)
        return;
    if (append->fd >= 0)
        close(append->fd);
    pthread_mutex_destroy(&append->lock);
    release(append);
}
