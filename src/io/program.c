#include "io/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MOST = 64 << 10 };

static int spawn(char *const argv[], int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    int reason;

    posix_spawn_file_actions_init(&files);
    reason =
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (reason == 0)
        reason = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (reason == 0)
        reason = posix_spawnp(pid, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    return reason;
}

/* What is more than wanted is read all the same: the program would wait with it. */
static void read_all(int fd, struct strbuf *out)
{
    char bytes[4096];
    size_t first = out->len;
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && out->len - first + (size_t)n <= OUTPUT_MOST)
            strbuf_add(out, bytes, (size_t)n);
    }
}

int program_run(char *const argv[], struct strbuf *out)
{
    int ends[2], status = 0, reason;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    reason = spawn(argv, ends[1], &pid);
    close(ends[1]);
    if (reason == 0) {
        read_all(ends[0], out);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        reason = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
    }
    close(ends[0]);
    return reason;
}
