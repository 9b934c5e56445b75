#include "doctor/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"

static const double PATIENCE =
    0.25; /* seconds for a child to end by itself, and killed */

struct helper {
    int fd;
    pid_t pid;
    struct strbuf in; /* of an answer that is not whole */
};

static int spawn(struct helper *helper, int end, struct err *err)
{
    char program[] = "mpifetch", word[] = HELPER_WORD;
    char *const argv[] = { program, word, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    int reason;

    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    reason = posix_spawn_file_actions_adddup2(&files, end, STDIN_FILENO);
    if (reason == 0)
        reason = posix_spawn_file_actions_adddup2(&files, end, STDOUT_FILENO);
    if (reason == 0)
        reason = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null",
                                                  O_WRONLY, 0);
    if (reason == 0)
        reason = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
    if (reason == 0)
        reason = posix_spawn(&helper->pid, "/proc/self/exe", &files, &how, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return reason == 0 ? 0
                       : err_set(err, ERR_DEFECT,
                                 "start /proc/self/exe as a process that tries what may "
                                 "hang: %s",
                                 strerror(reason));
}

int helper_start(struct helper **out, struct err *err)
{
    struct helper *helper = calloc(1, sizeof(*helper));
    int ends[2] = { -1, -1 };
    int rc = -1;

    *out = NULL;
    if (!helper)
        return err_memory(err, "a helper process");
    helper->fd = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        err_set(err, ERR_DEFECT, "a socket to a helper process: %s", strerror(errno));
        goto out;
    }
    helper->fd = ends[0];
    if (spawn(helper, ends[1], err) < 0)
        goto out;
    *out = helper;
    helper = NULL;
    rc = 0;
out:
    if (ends[1] >= 0)
        close(ends[1]);
    helper_end(helper);
    return rc;
}

/* The child waits for an order, so the socket is empty, and orders are short. */
int helper_ask(struct helper *helper, const void *order, size_t len, struct err *err)
{
    uint32_t size = (uint32_t)len;
    struct strbuf bytes = { 0 };
    ssize_t sent = -1;

    strbuf_add(&bytes, &size, sizeof(size));
    strbuf_add(&bytes, order, len);
    if (!bytes.failed)
        sent = send(helper->fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    len = bytes.len;
    strbuf_release(&bytes);
    return sent == (ssize_t)len
               ? 0
               : err_set(err, ERR_DEFECT, "a helper process takes no more orders");
}

int helper_hear(struct helper *helper, struct strbuf *bytes, struct err *err)
{
    uint32_t size;

    for (;;) {
        ssize_t n;

        if (helper->in.len >= sizeof(size)) {
            memcpy(&size, helper->in.data, sizeof(size));
            if (helper->in.len - sizeof(size) >= size) {
                strbuf_add(bytes, helper->in.data + sizeof(size), size);
                strbuf_clear(&helper->in);
                return 1;
            }
        }
        strbuf_reserve(&helper->in, 4096);
        if (helper->in.failed)
            return err_memory(err, "an answer");
        n = recv(helper->fd, helper->in.data + helper->in.len, 4096, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0)
            return err_set(err, ERR_DEFECT, "a helper process ended before it answered");
        helper->in.len += (size_t)n;
    }
}

static int has_ended(pid_t pid)
{
    double until = clock_now() + PATIENCE;

    do {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return 1;
        clock_sleep(0.002);
    } while (clock_now() < until);
    return 0;
}

void helper_kill(struct helper *helper)
{
    if (!helper)
        return;
    if (helper->fd >= 0)
        close(helper->fd);
    if (helper->pid > 0) {
        kill(-helper->pid, SIGKILL); /* with a program that it may have started */
        has_ended(helper->pid);
    }
    strbuf_release(&helper->in);
    free(helper);
}

void helper_end(struct helper *helper)
{
    if (!helper)
        return;
    if (helper->fd >= 0)
        close(helper->fd);
    helper->fd = -1;
    if (helper->pid > 0 && has_ended(helper->pid))
        helper->pid = 0;
    helper_kill(helper);
}
