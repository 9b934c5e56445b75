#include "doctor/acts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "doctor/lockprobe.h"
#include "doctor/nameprobe.h"
#include "doctor/program.h"
#include "doctor/rateprobe.h"
#include "doctor/sightprobe.h"
#include "doctor/volume.h"
#include "io/fs/fs.h"
#include "io/process.h"

enum { WORDS_MOST = 8, ORDER_MOST = 64 << 10, INHERITED_MOST = 1024 };

struct stand {
    int lock; /* a descriptor that holds one, or -1 */
};

/* The words behind the name of the act, "" for those that are missing. */
typedef int act_function(struct stand *stand, char *const *word, struct strbuf *out);

static int act_look(struct stand *stand, char *const *word, struct strbuf *out)
{
    struct volume volume;
    int reason = volume_look(word[0], &volume);

    (void)stand;
    strbuf_add(out, &volume, sizeof(volume));
    return reason;
}

static int act_make(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    (void)out;
    if (mkdir(word[0], 0700) < 0)
        return errno;
    /* For mpifetch clean. The rank's name, not that of a helper, which may be replaced;
     * where nothing can be written the trials say so. */
    process_sign(word[0], true, NULL);
    return 0;
}

static int act_remove(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    (void)out;
    return fs_remove_tree(word[0], NULL) < 0 ? errno ? errno : EIO : 0;
}

static int act_folder(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    (void)out;
    return fs_mkdir(word[0], 0700, NULL) < 0 ? errno : 0;
}

static int act_try(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    (void)out;
    return nameprobe_try(word[0], word[1]);
}

static int act_create(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    (void)out;
    return nameprobe_create(word[0]);
}

static int act_unlock(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)word;
    (void)out;
    if (stand->lock >= 0)
        close(stand->lock);
    stand->lock = -1;
    return 0;
}

static int act_lock(struct stand *stand, char *const *word, struct strbuf *out)
{
    act_unlock(stand, word, out);
    return lockprobe_take(word[0], word[1], &stand->lock);
}

static int act_prepare(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    (void)out;
    return sightprobe_prepare(word[0], word[1]);
}

static int act_change(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    (void)out;
    return sightprobe_change(word[0], word[1]);
}

static int act_watch(struct stand *stand, char *const *word, struct strbuf *out)
{
    double seconds;

    (void)stand;
    (void)out;
    return text_to_seconds(word[3], &seconds)
               ? sightprobe_watch(word[0], word[1], strcmp(word[2], "after") == 0,
                                  seconds)
               : EINVAL;
}

static int measure(int (*probe)(const char *path, struct rateprobe *rate),
                   char *const *word, struct strbuf *out)
{
    struct rateprobe rate;
    int reason = EINVAL;

    if (text_to_seconds(word[1], &rate.seconds) && text_to_u64(word[2], &rate.amount)) {
        reason = probe(word[0], &rate);
        strbuf_add(out, &rate, sizeof(rate));
    }
    return reason;
}

static int act_files(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    return measure(rateprobe_files, word, out);
}

static int act_bytes(struct stand *stand, char *const *word, struct strbuf *out)
{
    (void)stand;
    return measure(rateprobe_bytes, word, out);
}

static int act_program(struct stand *stand, char *const *word, struct strbuf *out)
{
    char *argv[WORDS_MOST + 1] = { NULL };

    (void)stand;
    for (int i = 0; i < WORDS_MOST && *word[i]; i++)
        argv[i] = word[i];
    return argv[0] ? program_run(argv, out) : EINVAL;
}

static int act(struct stand *stand, char *const *word, struct strbuf *out)
{
    static const struct {
        const char *name;
        act_function *run;
    } acts[] = {
        { "look", act_look },     { "make", act_make },       { "remove", act_remove },
        { "folder", act_folder }, { "try", act_try },         { "create", act_create },
        { "lock", act_lock },     { "unlock", act_unlock },   { "prepare", act_prepare },
        { "change", act_change }, { "watch", act_watch },     { "files", act_files },
        { "bytes", act_bytes },   { "program", act_program },
    };

    for (size_t i = 0; i < countof(acts); i++)
        if (strcmp(acts[i].name, word[0]) == 0)
            return acts[i].run(stand, word + 1, out);
    return ENOSYS;
}

static bool read_whole(void *bytes, size_t len)
{
    char *at = bytes;

    while (len > 0) {
        ssize_t n = read(STDIN_FILENO, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_whole(const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool answer(int trial, const struct strbuf *bytes)
{
    struct acts_answer head = { .trial = bytes->failed ? ENOMEM : trial };
    size_t len = bytes->failed ? 0 : bytes->len;
    uint32_t size = (uint32_t)(sizeof(head) + len);

    return write_whole(&size, sizeof(size)) && write_whole(&head, sizeof(head)) &&
           write_whole(bytes->data, len);
}

static bool serve_one(struct stand *stand, char *order, size_t len)
{
    char nothing[1] = "";
    char *word[WORDS_MOST + 2];
    struct strbuf out = { 0 };
    size_t words = 0;
    bool ok;

    for (size_t at = 0; at < len && words < WORDS_MOST; at += strlen(order + at) + 1)
        word[words++] = order + at;
    while (words < countof(word))
        word[words++] = nothing;
    ok = answer(act(stand, word, &out), &out);
    strbuf_release(&out);
    return ok;
}

struct inherited {
    int fd[INHERITED_MOST];
    size_t count;
};

static int note_one(void *arg, const char *name, struct err *err)
{
    struct inherited *inherited = arg;
    uint64_t fd;

    (void)err;
    if (text_to_u64(name, &fd) && fd > STDERR_FILENO && inherited->count < INHERITED_MOST)
        inherited->fd[inherited->count++] = (int)fd;
    return 0;
}

/* Descriptors of a rank that are not closed on exec, those of its launcher among them: to
 * whoever reads them the rank would go on living in here. */
static void close_inherited(void)
{
    struct inherited inherited = { .count = 0 };

    fs_list("/proc/self/fd", note_one, &inherited, NULL);
    for (size_t i = 0; i < inherited.count; i++)
        close(inherited.fd[i]);
}

int acts_serve(void)
{
    static const int ignored[] = { SIGTERM, SIGINT,  SIGHUP,  SIGUSR1,
                                   SIGUSR2, SIGXCPU, SIGXFSZ, SIGPIPE };
    struct stand stand = { .lock = -1 };
    char *order = malloc(ORDER_MOST + 1);
    uint32_t size;

    for (size_t i = 0; i < countof(ignored); i++)
        signal(ignored[i], SIG_IGN);
    prctl(PR_SET_PDEATHSIG,
          SIGKILL); /* in the middle of a call the end of input is not seen */
    close_inherited();
    while (order && read_whole(&size, sizeof(size)) && size <= ORDER_MOST &&
           read_whole(order, size)) {
        order[size] = '\0';
        if (!serve_one(&stand, order, size))
            break;
    }
    free(order);
    return 0;
}
