#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/fs/fs.h"

enum { STAT_THREADS = 20, STAT_START = 22 }; /* fields of /proc/PID/stat, see proc(5) */

static bool read_small(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

/* A single word: no blanks, never empty, so that the lines of an owner can be parsed. */
static void set_word(char word[OWNER_WORD], const char *text)
{
    size_t len = 0;

    for (; len < OWNER_WORD - 1 && (unsigned char)text[len] > ' '; len++)
        word[len] = text[len];
    if (len == 0)
        word[len++] = '-';
    word[len] = '\0';
}

struct stat_line {
    char state;
    uint64_t threads, start;
};

/* Reads the fields after the name, which is in brackets and may itself contain
 * blanks and brackets. */
static bool read_stat(uint64_t pid, struct stat_line *line)
{
    char path[64], text[1024];
    const char *at;

    snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
    if (!read_small(path, text, sizeof(text)) || !(at = strrchr(text, ')')) ||
        at[1] != ' ')
        return false;
    at += 2;
    line->state = *at;
    line->threads = 0;
    for (int field = 3; field < STAT_START; field++) {
        const char *number = at;

        if (field == STAT_THREADS && !text_take_u64(&number, &line->threads))
            return false;
        at = strchr(at, ' ');
        if (!at)
            return false;
        at++;
    }
    return text_take_u64(&at, &line->start);
}

/* A process of this pid name space. */
static void describe(struct owner_process *process, uint64_t pid)
{
    struct stat_line line;
    char text[256] = "";
    ssize_t len;

    *process = (struct owner_process){ .pid = pid };
    gethostname(text, sizeof(text) - 1);
    set_word(process->host, text);
    if (!read_small("/proc/sys/kernel/random/boot_id", text, sizeof(text)))
        text[0] = '\0';
    set_word(process->boot, text);
    len = readlink("/proc/self/ns/pid", text, sizeof(text) - 1);
    text[len > 0 ? len : 0] = '\0';
    set_word(process->space, text);
    process->start = read_stat(process->pid, &line) ? line.start : 0;
}

void process_here(struct owner_process *process)
{
    describe(process, (uint64_t)getpid());
}

int process_sign(const char *dir, bool parent, struct err *err)
{
    struct strbuf text = { 0 }, path = { 0 };
    struct owner_process process;
    int rc;

    describe(&process, (uint64_t)(parent ? getppid() : getpid()));
    owner_begin(&text);
    owner_add_process(&text, &process);
    owner_end(&text);
    strbuf_addf(&path, "%s/owner", dir);
    rc = text.failed || path.failed
             ? err_memory(err, "a path")
             : fs_write_all(NULL, path.data, text.data, text.len, false, false, err);
    strbuf_release(&text);
    strbuf_release(&path);
    return rc;
}

static uint64_t number_in(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t value;

    return text && text_to_u64(text, &value) ? value : 0;
}

void process_job(struct owner_job *job)
{
    const char *cluster = getenv("SLURM_CLUSTER_NAME");

    *job = (struct owner_job){ .id = number_in("SLURM_JOB_ID"),
                               .restart = number_in("SLURM_RESTART_COUNT") };
    set_word(job->cluster, cluster ? cluster : "");
}

bool process_lives(void *arg, uint64_t pid, uint64_t start)
{
    struct stat_line line;

    (void)arg;
    if (pid == 0 || start == 0 || pid > INT32_MAX)
        return true;
    if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
        return false;
    if (!read_stat(pid, &line))
        return true;
    if (line.start != start || line.state == 'X')
        return false;
    /* A zombie does not write any more; but the main thread may be a zombie while another
     * thread is still in a write. */
    return line.state != 'Z' || line.threads > 1;
}
