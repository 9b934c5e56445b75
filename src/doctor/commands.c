#include "doctor/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "doctor/lockprobe.h"
#include "doctor/nameprobe.h"
#include "doctor/program.h"
#include "doctor/sightprobe.h"
#include "io/fs/fs.h"
#include "io/process.h"

static int held = -1; /* a descriptor with a lock: a helper has one at most */

static int make_directory(const char *path)
{
    if (mkdir(path, 0700) < 0)
        return errno;
    /* For mpifetch clean. The rank's name, not that of a helper, which may be replaced;
     * where nothing can be written the probes say so. */
    process_sign(NULL, path, true, NULL);
    return 0;
}

static int remove_directory(const char *path)
{
    return fs_remove_tree(NULL, path, NULL) == 0 ? 0 : errno ? errno : EIO;
}

static int unlock_file(void)
{
    if (held >= 0)
        close(held);
    held = -1;
    return 0;
}

static int lock_file(const char *method, const char *path)
{
    unlock_file();
    return lockprobe_take(method, path, &held);
}

static int ask_lfs(const struct order *order, char text[ANSWER_TEXT])
{
    char name[] = "lfs", getstripe[] = "getstripe", quota[] = "quota";
    char summary[] = "-d", quiet[] = "-q", dir[sizeof(order->path)];
    bool is_quota = strcmp(order->kind, quota) == 0;
    char *const argv[] = { name, is_quota ? quota : getstripe, is_quota ? quiet : summary,
                           dir, NULL };

    memcpy(dir, order->path, sizeof(dir));
    return program_run(argv, text, ANSWER_TEXT);
}

static int run_command(const struct order *order, struct answer *answer)
{
    const char *kind = order->kind, *path = order->path;

    switch (order->command) {
    case ORDER_LOOK:
        return volume_look(path, &answer->volume);
    case ORDER_MAKE:
        return make_directory(path);
    case ORDER_REMOVE:
        return remove_directory(path);
    case ORDER_TRY:
        return nameprobe_try(kind, path);
    case ORDER_CREATE:
        return nameprobe_create(path);
    case ORDER_LOCK:
        return lock_file(kind, path);
    case ORDER_UNLOCK:
        return unlock_file();
    case ORDER_PREPARE:
        return sightprobe_prepare(kind, path);
    case ORDER_CHANGE:
        return sightprobe_change(kind, path);
    case ORDER_WATCH:
        return sightprobe_watch(kind, path, order->after, order->seconds);
    case ORDER_FILES:
        answer->rate = (struct rateprobe){ order->seconds, order->most };
        return rateprobe_files(path, &answer->rate);
    case ORDER_BYTES:
        answer->rate = (struct rateprobe){ order->seconds, order->most };
        return rateprobe_bytes(path, &answer->rate);
    case ORDER_LFS:
        return ask_lfs(order, answer->text);
    }
    return ENOSYS;
}

int commands_serve(void)
{
    static const int ignored[] = { SIGTERM, SIGINT,  SIGHUP,  SIGUSR1,
                                   SIGUSR2, SIGXCPU, SIGXFSZ, SIGPIPE };
    struct order order;
    struct answer answer;

    for (size_t i = 0; i < countof(ignored); i++)
        signal(ignored[i], SIG_IGN);
    /* In the middle of a call the end of input is not seen. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Descriptors of a rank that are not closed on exec, those of its launcher among
     * them: to whoever reads them the rank would go on living in here. */
    close_range(STDERR_FILENO + 1, ~0U, 0);
    /* The socket keeps the bounds of messages. */
    while (read(STDIN_FILENO, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
        memset(&answer, 0, sizeof(answer));
        answer.outcome = run_command(&order, &answer);
        if (write(STDOUT_FILENO, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
            break;
    }
    return 0;
}
