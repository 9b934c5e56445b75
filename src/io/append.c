#include "io/append.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct append {
    pthread_mutex_t lock;
    char *path;
    int fd;
    bool broken;
};

int append_open(struct append **out, const char *path, struct err *err)
{
    struct append *append = calloc(1, sizeof(*append));

    *out = NULL;
    if (!append || !(append->path = strdup(path))) {
        free(append);
        return err_memory(err, "a journal");
    }
    pthread_mutex_init(&append->lock, NULL);
    append->fd = -1;
    *out = append;
    return 0;
}

static int write_line(struct append *append, const void *bytes, size_t len,
                      struct err *err)
{
    ssize_t done;

    if (append->fd < 0)
        append->fd = open(append->path,
                          O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (append->fd < 0)
        return err_set(err, ERR_DEST, "cannot open '%s': %s", append->path,
                       strerror(errno));
    do
        done = write(append->fd, bytes, len);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return err_set(err, ERR_DEST, "cannot write '%s': %s", append->path,
                       strerror(errno));
    return (size_t)done == len
               ? 0
               : err_set(err, ERR_DEST,
                         "cannot write '%s': only %zd of %zu bytes were written",
                         append->path, done, len);
}

int append_line(struct append *append, const void *bytes, size_t len, struct err *err)
{
    int rc;

    pthread_mutex_lock(&append->lock);
    rc = append->broken
             ? err_set(err, ERR_DEST, "an earlier write to '%s' failed", append->path)
             : write_line(append, bytes, len, err);
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
    free(append->path);
    free(append);
}
