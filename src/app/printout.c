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
    bool (*more)(void *arg, struct strbuf *text);
    void *arg;
};

static int write_text(struct ranks *ranks, const char *text, size_t len, struct err *err)
{
    struct pollfd stream = { .fd = STDOUT_FILENO, .events = POLLOUT };

    while (len > 0) {
        ssize_t n;

        if (background_poll(ranks, err) < 0)
            return -1;
        if (poll(&stream, 1, LOOK) <= 0)
            continue;
        n = write(STDOUT_FILENO, text, len < PIECE ? len : PIECE);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return err_set(err, ERR_DEFECT, "cannot write to stdout");
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_all(void *arg, struct err *err)
{
    const struct printout *printout = arg;
    struct strbuf text = { 0 };
    int rc = 0;

    /* What a program that uses the library has printed comes first. If stdout is closed
     * its number may be that of something that poll() never calls writable. */
    if (fflush(stdout) != 0 || write(STDOUT_FILENO, "", 0) < 0)
        return err_set(err, ERR_DEFECT, "cannot write to stdout");
    for (bool more = true; rc == 0 && more; strbuf_clear(&text)) {
        more = printout->more(printout->arg, &text);
        rc = text.failed ? err_memory(err, "the text for stdout")
                         : write_text(printout->ranks, text.data, text.len, err);
    }
    strbuf_release(&text);
    return rc;
}

int printout(struct ranks *ranks, bool (*more)(void *arg, struct strbuf *text), void *arg,
             struct err *err)
{
    struct printout printout = { ranks, more, arg };

    return background_run(ranks, write_all, &printout, err);
}
