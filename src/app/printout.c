#include "app/printout.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "ranks/background.h"

enum {
    LOOK = 100,      /* milliseconds between two looks for a signal */
    PIECE = PIPE_BUF /* bytes that a pipe takes at once if poll() calls it writable */
};

struct printout {
    struct ranks *ranks;
    const char *text;
    size_t len;
};

static int write_all(void *arg, struct err *err)
{
    struct printout *rest = arg;
    struct pollfd stream = { .fd = STDOUT_FILENO, .events = POLLOUT };

    /* What a program that uses the library has printed comes first. If stdout is closed
     * its number may be that of something that poll() never calls writable. */
    if (fflush(stdout) != 0 || write(STDOUT_FILENO, "", 0) < 0)
        return err_set(err, ERR_DEFECT, "cannot write to stdout");
    while (rest->len > 0) {
        ssize_t n;

        if (background_poll(rest->ranks, err) < 0)
            return -1;
        if (poll(&stream, 1, LOOK) <= 0)
            continue;
        n = write(STDOUT_FILENO, rest->text, rest->len < PIECE ? rest->len : PIECE);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return err_set(err, ERR_DEFECT, "cannot write to stdout");
        rest->text += n;
        rest->len -= (size_t)n;
    }
    return 0;
}

int printout(struct ranks *ranks, const struct strbuf *text, struct err *err)
{
    struct printout all = { ranks, text->data, text->len };

    if (text->failed)
        return err_memory(err, "the text for stdout");
    return background_run(ranks, write_all, &all, err);
}
