#include "io/fs/fs_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "io/clock.h"

enum {
    INPUT_PIECE = 16 << 10, /* read at a time */
    INPUT_LOOK = 50         /* milliseconds: a signal is answered within that */
};

struct input {
    const char *name;
    const struct fs_wait *wait;
    int fd;
    bool pipe;
    bool ended;   /* a pipe: whoever wrote to it has closed it */
    double until; /* that no byte came counts as the end of patience */
    struct strbuf text;
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

/* 1: there was something, or there may be something later; 0: the end. A pipe that nobody
 * has opened for writing so far says what one says that was closed. */
static int input_read(struct input *input, size_t most)
{
    struct strbuf *text = &input->text;
    ssize_t n;

    strbuf_reserve(text, INPUT_PIECE);
    if (text->failed)
        return err_memory(input->err, "a file");
    n = read(input->fd, text->data + text->len, INPUT_PIECE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return input_wait(input) < 0 ? -1 : 1;
    if (n < 0)
        return input_fail(input, "read");
    if (n == 0 && input->pipe && text->len == 0 && !input->ended)
        return input_wait(input) < 0 ? -1 : 1;
    text->len += (size_t)n;
    input->until = clock_now() + input->wait->patience;
    if (text->len > most)
        return err_set(input->err, ERR_DEST, "cannot read '%s': more than %zu bytes",
                       input->name, most);
    return n > 0;
}

int fs_read_input(const char *name, size_t most, const struct fs_wait *wait, char **bytes,
                  size_t *len, struct err *err)
{
    struct input input = { .name = name, .wait = wait, .fd = -1, .err = err };
    int rc = input_open(&input);

    *bytes = NULL;
    *len = 0;
    input.until = clock_now() + wait->patience;
    if (rc == 0)
        while ((rc = input_read(&input, most)) > 0)
            ;
    if (rc == 0) {
        *len = input.text.len;
        strbuf_add(&input.text, "", 1);
        *bytes = strbuf_steal(&input.text);
        rc = *bytes ? 0 : err_memory(err, "a file");
    }
    if (input.text.data)
        explicit_bzero(input.text.data, input.text.cap);
    strbuf_release(&input.text);
    if (input.fd >= 0)
        close(input.fd);
    return rc;
}
