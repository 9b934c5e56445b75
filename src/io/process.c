#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/owner_file.h"
#include "io/sha256.h"

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

static bool read_link(const char *path, char *text, size_t size)
{
    ssize_t len = readlink(path, text, size - 1);

    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

/* A container may have the /proc of its host, where its own numbers are other processes. */
static bool shows_our_numbers(void)
{
    char text[32];
    uint64_t pid;

    return read_link("/proc/self", text, sizeof(text)) && text_to_u64(text, &pid) &&
           pid == (uint64_t)getpid();
}

/* Of devices only: others come and go with containers. */
static int add_address(void *arg, const char *name, struct err *err)
{
    uint64_t *all = arg;
    char path[FS_NAME], text[128];

    (void)err;
    if (access(fs_format(path, "/sys/class/net/%s/device", name), F_OK) == 0 &&
        read_small(fs_format(path, "/sys/class/net/%s/address", name), text,
                   sizeof(text)))
        *all ^= checksum_bytes(text, strlen(text));
    return 0;
}

/* A virtual machine that was copied in mid run has the boot id of the one it is a copy
 * of; but two with the same hardware addresses could not share a network. */
static void describe_boot(char boot[OWNER_WORD])
{
    char id[64], text[OWNER_WORD + 32] = "";
    uint64_t addresses = 0;

    if (read_small("/proc/sys/kernel/random/boot_id", id, sizeof(id)) &&
        fs_list(NULL, "/sys/class/net", add_address, &addresses, NULL) == 0)
        snprintf(text, sizeof(text), "%.*s/%016llx", (int)strcspn(id, "\n"), id,
                 (unsigned long long)addresses);
    set_word(boot, text);
}

/* In another time name space a start would be another number. A kernel without these has
 * one for all. */
static void describe_space(char space[OWNER_WORD])
{
    char pids[64], times[64], text[2 * 64 + 2] = "";

    if (!read_link("/proc/self/ns/time", times, sizeof(times)) && errno == ENOENT)
        snprintf(times, sizeof(times), "time");
    if (*times && read_link("/proc/self/ns/pid", pids, sizeof(pids)))
        snprintf(text, sizeof(text), "%s,%s", pids, times);
    set_word(space, text);
}

/* A process of this name space. */
static void describe(struct owner_process *process, uint64_t pid)
{
    struct stat_line line;
    char host[256] = "";

    *process = (struct owner_process){ .pid = pid };
    gethostname(host, sizeof(host) - 1);
    set_word(process->host, host);
    describe_boot(process->boot);
    describe_space(process->space);
    if (shows_our_numbers() && read_stat(pid, &line))
        process->start = line.start;
}

void process_here(struct owner_process *process)
{
    describe(process, (uint64_t)getpid());
}

int process_sign(const struct fs_dir *in, const char *name, bool parent, struct err *err)
{
    struct owner_process process;
    struct strbuf text = { 0 };
    int rc;

    describe(&process, (uint64_t)(parent ? getppid() : getpid()));
    owner_begin(&text);
    owner_add_process(&text, &process);
    owner_end(&text);
    rc = text.failed ? err_memory(err, "a list of processes")
                     : owner_file_write(in, name, text.data, text.len, false, err);
    strbuf_release(&text);
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
    if (!shows_our_numbers() || !read_stat(pid, &line))
        return true;
    if (line.start != start || line.state == 'X')
        return false;
    /* A zombie does not write any more; but the main thread may be a zombie while another
     * thread is still in a write. */
    return line.state != 'Z' || line.threads > 1;
}

unsigned process_set_umask(unsigned mask)
{
    return umask(mask);
}

/* There is no call that only asks. */
unsigned process_umask(void)
{
    unsigned mask = umask(077);

    umask(mask);
    return mask;
}
