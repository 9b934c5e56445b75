#include "doctor/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

enum { OUTPUT_MOST = 64 << 10 };

/* What a program needs to be found and to speak. The rest is not its business: tokens and
 * headers of requests may be among it. */
static const char *const passed_on[] = { "PATH", "HOME", "LANG", "LD_LIBRARY_PATH" };

struct environment {
    struct strbuf text[countof(passed_on)];
    char *entry[countof(passed_on) + 1];
};

static int take_environment(struct environment *some)
{
    size_t count = 0;

    for (size_t i = 0; i < countof(passed_on); i++) {
        const char *value = getenv(passed_on[i]);

        if (!value)
            continue;
        strbuf_addf(&some->text[i], "%s=%s", passed_on[i], value);
        if (some->text[i].failed)
            return ENOMEM;
        some->entry[count++] = some->text[i].data;
    }
    return 0;
}

static void release_environment(struct environment *some)
{
    for (size_t i = 0; i < countof(passed_on); i++)
        strbuf_release(&some->text[i]);
}

/* In the child. Does not return; why it could not become the program goes to `failed`. */
static void become(char *const argv[], char *const envp[], int out, int failed,
                   pid_t parent)
{
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int reason;

    /* Nobody is left to kill it when the helper itself is killed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(in, STDIN_FILENO) >= 0 &&
        dup2(out, STDOUT_FILENO) >= 0)
        execvpe(argv[0], argv, envp);
    reason = errno;
    if (write(failed, &reason, sizeof(reason)) < 0)
        _exit(126);
    _exit(127);
}

/* A helper has one thread and no MPI, so it may fork, and only a child can ask to end
 * with its parent. */
static int spawn(char *const argv[], char *const envp[], int out, pid_t *pid)
{
    pid_t parent = getpid();
    int ends[2], reason = 0;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    *pid = fork();
    if (*pid == 0)
        become(argv, envp, out, ends[1], parent);
    if (*pid < 0)
        reason = errno;
    close(ends[1]);
    /* A program that has begun has closed its end. */
    if (reason == 0 && read(ends[0], &reason, sizeof(reason)) > 0)
        waitpid(*pid, NULL, 0);
    close(ends[0]);
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
    struct environment some = { 0 };
    int ends[2], status = 0, reason = take_environment(&some);
    pid_t pid = -1;

    if (reason == 0 && pipe2(ends, O_CLOEXEC) < 0)
        reason = errno;
    if (reason != 0)
        goto out;
    reason = spawn(argv, some.entry, ends[1], &pid);
    close(ends[1]);
    if (reason == 0) {
        read_all(ends[0], out);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        reason = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
    }
    close(ends[0]);
out:
    release_environment(&some);
    return reason;
}
