#include "io/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "io/clock.h"
#include "io/nap.h"

/* Seconds for a killed child to end. One in the kernel, where a server does not answer, may
 * not: it is left. */
static const double last_wait = 1;

enum { NAMES = 4, NOT_FOUND = 127 /* exit code, as of a shell */ };

static const char *const names[NAMES] = { "PATH", "HOME", "LANG", "LD_LIBRARY_PATH" };

/* Tokens and headers of requests may be among the rest. */
static void make_environment(char *environment[NAMES + 1])
{
    size_t count = 0;

    for (size_t i = 0; i < NAMES; i++) {
        const char *value = getenv(names[i]);
        struct strbuf text = { 0 };

        if (!value)
            continue;
        strbuf_addf(&text, "%s=%s", names[i], value);
        environment[count] = strbuf_steal(&text);
        count += environment[count] != NULL;
    }
    environment[count] = NULL;
}

static int begin(char *const argv[], pid_t *child)
{
    char *environment[NAMES + 1];
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);

    if (rc != 0)
        return rc;
    make_environment(environment);
    for (int fd = 0; rc == 0 && fd <= STDERR_FILENO; fd++)
        rc = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    if (rc == 0)
        rc = posix_spawnp(child, argv[0], &actions, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    for (char **text = environment; *text; text++)
        free(*text);
    return rc;
}

static int finish(pid_t child, double patience)
{
    double until = clock_now() + patience;
    struct nap nap = { .shortest = 0.0005, .longest = 0.05 };
    int status = 0;
    pid_t ended;

    while ((ended = waitpid(child, &status, WNOHANG)) == 0 && clock_now() < until)
        nap_take(&nap);
    if (ended == 0) {
        kill(child, SIGKILL);
        until = clock_now() + last_wait;
        while (waitpid(child, &status, WNOHANG) == 0 && clock_now() < until)
            nap_take(&nap);
        return ETIMEDOUT;
    }
    /* somebody else may have waited for all children */
    if (ended < 0)
        return errno;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
        return ENOENT;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
}

int spawn_wait(char *const argv[], double patience)
{
    pid_t child;
    int rc = begin(argv, &child);

    if (rc == 0)
        rc = finish(child, patience);
    errno = rc;
    return rc == 0 ? 0 : -1;
}
