#include "doctor/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"

/* Seconds for a child to end by itself, and killed. */
static const double PATIENCE = 0.25;

struct helper {
    int fd;
    pid_t pid;
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
                                 "cannot start a helper process (/proc/self/exe): %s",
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
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        err_set(err, ERR_DEFECT, "cannot create a socket for a helper process: %s",
                strerror(errno));
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

/* The child waits for an order, so there is room in the socket. */
int helper_ask(struct helper *helper, const struct order *order, struct err *err)
{
    ssize_t sent = send(helper->fd, order, sizeof(*order), MSG_NOSIGNAL | MSG_DONTWAIT);

    return sent == (ssize_t)sizeof(*order)
               ? 0
               : err_set(err, ERR_DEFECT, "cannot send to a helper process: %s",
                         strerror(errno));
}

int helper_hear(struct helper *helper, double seconds, struct answer *answer)
{
    struct pollfd end = { .fd = helper->fd, .events = POLLIN };
    ssize_t n;

    poll(&end, 1, (int)(1000 * seconds));
    n = recv(helper->fd, answer, sizeof(*answer), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n == (ssize_t)sizeof(*answer) ? 1 : -1;
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
