#include "io/fs/fs_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "io/clock.h"

enum {
    INPUT_PIECE = 16 << 10,  /* read at a time ... */
    INPUT_STREAM = 64 << 10, /* ... and of what is not kept */
    INPUT_LOOK = 50          /* milliseconds: a signal is answered within that */
};

struct input {
    const char *name;
    const struct fs_wait *wait;
    int fd;
    bool pipe;
    bool begun;   /* there was a byte */
    bool ended;   /* a pipe: whoever wrote to it has closed it */
    double until; /* that no byte came counts as the end of patience */
    struct err *err;
};

static int input_fail(const struct input *input, const char *verb)
{
    return err_set(input->err, ERR_DEST, "cannot %s '%s': %s", verb, input->name,
                   strerror(errno));
}

/* Without O_NONBLOCK a pipe is waited for until somebody opens its other end. */
static int input_open(struct input *input)
{
    struct stat st;

    input->until = clock_now() + input->wait->patience;
    input->fd = open(input->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (input->fd < 0)
        return input_fail(input, "open");
    if (fstat(input->fd, &st) < 0)
        return input_fail(input, "stat");
    input->pipe = S_ISFIFO(st.st_mode);
    if (S_ISREG(st.st_mode) || input->pipe || S_ISCHR(st.st_mode))
        return 0;
    return err_set(input->err, ERR_DEST, "cannot read '%s': it is %s", input->name,
                   S_ISDIR(st.st_mode) ? "a directory" : "neither a file nor a pipe");
}

static void input_close(struct input *input)
{
    if (input->fd >= 0)
        close(input->fd);
}

/* Until there may be something to read. */
static int input_wait(struct input *input)
{
    struct pollfd other = { .fd = input->fd, .events = POLLIN };
    const struct fs_wait *wait = input->wait;

    if (wait->poll && wait->poll(wait->arg) < 0)
        return err_set(input->err, ERR_INTERRUPTED, "interrupted while reading '%s'",
                       input->name);
    if (clock_now() >= input->until)
        return err_set(input->err, ERR_DEST,
                       "cannot read '%s': nothing was written to it for %g s",
                       input->name, wait->patience);
    if (poll(&other, 1, INPUT_LOOK) > 0 && other.revents & (POLLHUP | POLLERR))
        input->ended = true;
    return 0;
}

/* 1: *got bytes, or none so far; 0: the end. A pipe that nobody has opened for writing so
 * far says what one says that was closed. */
static int input_read(struct input *input, char *bytes, size_t room, size_t *got)
{
    ssize_t n = read(input->fd, bytes, room);

    *got = 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return input_wait(input) < 0 ? -1 : 1;
    if (n < 0)
        return input_fail(input, "read");
    if (n == 0 && input->pipe && !input->begun && !input->ended)
        return input_wait(input) < 0 ? -1 : 1;
    *got = (size_t)n;
    input->begun |= n > 0;
    input->until = clock_now() + input->wait->patience;
    return n > 0;
}

static int input_keep(struct input *input, struct strbuf *text, size_t most)
{
    size_t got;
    int rc;

    strbuf_reserve(text, INPUT_PIECE);
    if (text->failed)
        return err_memory(input->err, "a file");
    rc = input_read(input, text->data + text->len, INPUT_PIECE, &got);
    text->len += got;
    if (text->len > most)
        return err_set(input->err, ERR_DEST, "cannot read '%s': more than %zu bytes",
                       input->name, most);
    return rc;
}

int fs_read_input(const char *name, size_t most, const struct fs_wait *wait, char **bytes,
                  size_t *len, struct err *err)
{
    struct input input = { .name = name, .wait = wait, .fd = -1, .err = err };
    struct strbuf text = { 0 };
    int rc = input_open(&input);

    *bytes = NULL;
    *len = 0;
    if (rc == 0)
        while ((rc = input_keep(&input, &text, most)) > 0)
            ;
    if (rc == 0) {
        *len = text.len;
        strbuf_add(&text, "", 1);
        *bytes = strbuf_steal(&text);
        rc = *bytes ? 0 : err_memory(err, "a file");
    }
    if (text.data)
        explicit_bzero(text.data, text.cap);
    strbuf_release(&text);
    input_close(&input);
    return rc;
}

int fs_stream_input(const char *name, const struct fs_wait *wait,
                    int (*take)(void *arg, const char *bytes, size_t len,
                                struct err *err),
                    void *arg, struct err *err)
{
    struct input input = { .name = name, .wait = wait, .fd = -1, .err = err };
    char *bytes = malloc(INPUT_STREAM);
    int rc = bytes ? input_open(&input) : err_memory(err, "a file");
    size_t got = 0;

    if (rc == 0)
        while ((rc = input_read(&input, bytes, INPUT_STREAM, &got)) > 0)
            if (got > 0 && take(arg, bytes, got, err) < 0) {
                rc = -1;
                break;
            }
    free(bytes);
    input_close(&input);
    return rc;
}
