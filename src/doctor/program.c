#include "doctor/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

enum { NOT_FOUND = 127 }; /* exit code, as shells have it */

/* What a program needs to be found and to speak. The rest is not its business: tokens and
 * headers of requests may be among it. */
static void keep_environment(void)
{
    static const char *const names[] = { "PATH", "HOME", "LANG", "LD_LIBRARY_PATH" };
    const char *value[countof(names)];

    for (size_t i = 0; i < countof(names); i++)
        value[i] = getenv(names[i]);
    clearenv();
    for (size_t i = 0; i < countof(names); i++)
        if (value[i])
            setenv(names[i], value[i], 1);
}

/* In the child; does not return. */
static void become(char *const argv[], int out, pid_t parent)
{
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

    /* Nobody is left to kill it when the helper itself is killed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    keep_environment();
    if (getppid() == parent && dup2(in, STDIN_FILENO) >= 0 &&
        dup2(out, STDOUT_FILENO) >= 0)
        execvp(argv[0], argv);
    _exit(NOT_FOUND);
}

/* What is more than wanted is read all the same: the program would wait with it. */
static void read_all(int fd, char *out, size_t size)
{
    char bytes[4096];
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
        size_t more = (size_t)n < size - 1 - len ? (size_t)n : size - 1 - len;

        memcpy(out + len, bytes, more);
        len += more;
    }
    out[len] = '\0';
}

/* A helper has one thread and no MPI, so it may fork, and only a child can ask to end
 * with its parent. */
int program_run(char *const argv[], char *out, size_t size)
{
    pid_t self = getpid(), child;
    int ends[2], status = 0;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    child = fork();
    if (child == 0)
        become(argv, ends[1], self);
    close(ends[1]);
    if (child > 0)
        read_all(ends[0], out, size);
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return errno;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
        return ENOENT;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
}
