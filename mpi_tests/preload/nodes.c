/* nodes.c -- preloaded into the program: ranks with the same SHAM_NODE in their environment
 * are on a node of their own, whose name is that. Its disk may be worse than ours:
 *
 *     SHAM_ROT=TIMES:AT:NAME   that byte of a file whose path ends in NAME is another one
 *                              on the disk than was written there, the first so many times
 *     SHAM_LIMIT=BYTES         no file is longer; those of MPI itself apart
 *
 * or the way to it:
 *
 *     SHAM_LATE=SECONDS        what rank 0 sends arrives so much later, and what others have
 *                              sent meanwhile before it: MPI promises no other order */
#include <dlfcn.h>
#include <limits.h>
#include <mpi.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void limit_files(void)
{
    const char *text = getenv("SHAM_LIMIT");
    rlim_t most = text ? (rlim_t)atoll(text) : 0;

    signal(SIGXFSZ, SIG_IGN);
    if (most > 0)
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){ most, most });
}

typedef int split_call(MPI_Comm comm, int color, int key, MPI_Comm *made);

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *made)
{
    const char *node = getenv("SHAM_NODE");
    union {
        void *found;
        split_call *call;
    } split = { dlsym(RTLD_DEFAULT, "MPI_Comm_split") };

    limit_files();
    (void)type;
    (void)info;
    return split.call(comm, node ? atoi(node) : 0, key, made);
}

int gethostname(char *name, size_t size)
{
    const char *node = getenv("SHAM_NODE");

    snprintf(name, size, "node%s", node ? node : "");
    return 0;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Whether the next message of rank 0 is still to wait. */
static bool is_late(double late, int tag, MPI_Comm comm)
{
    static double seen; /* 0: none is there */
    int there = 0;

    MPI_Iprobe(0, tag, comm, &there, MPI_STATUS_IGNORE);
    if (!there)
        return true;
    if (seen == 0)
        seen = now();
    if (now() < seen + late)
        return true;
    seen = 0;
    return false;
}

typedef int probe_call(int from, int tag, MPI_Comm comm, int *there, MPI_Message *message,
                       MPI_Status *status);

int MPI_Improbe(int from, int tag, MPI_Comm comm, int *there, MPI_Message *message,
                MPI_Status *status)
{
    const char *late = getenv("SHAM_LATE");
    union {
        void *found;
        probe_call *call;
    } real = { dlsym(RTLD_NEXT, "MPI_Improbe") };
    int size = 0, rc = MPI_SUCCESS;

    if (!late || from != MPI_ANY_SOURCE)
        return real.call(from, tag, comm, there, message, status);
    MPI_Comm_size(comm, &size);
    *there = 0;
    for (int rank = size - 1; rank > 0 && rc == MPI_SUCCESS && !*there; rank--)
        rc = real.call(rank, tag, comm, there, message, status);
    if (rc != MPI_SUCCESS || *there || is_late(atof(late), tag, comm))
        return rc;
    return real.call(0, tag, comm, there, message, status);
}

static bool ends_in(int fd, const char *name)
{
    char link[64], path[PATH_MAX];
    size_t len = strlen(name);
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path));
    return n >= (ssize_t)len && memcmp(path + n - len, name, len) == 0;
}

typedef ssize_t write_call(int fd, const void *bytes, size_t len, off_t at);

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at);

/* What was written once in this process rots at once. */
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    static atomic_int done;
    union {
        void *found;
        write_call *call;
    } real = { dlsym(RTLD_NEXT, "pwrite") };
    const char *rot = getenv("SHAM_ROT");
    ssize_t n = real.call(fd, bytes, len, at);
    long long byte;
    int times, name;

    if (rot && n > 0 && sscanf(rot, "%d:%lld:%n", &times, &byte, &name) == 2 &&
        byte >= at && byte < at + n && ends_in(fd, rot + name) &&
        atomic_fetch_add(&done, 1) < times) {
        char path[64], other = (char)(((const char *)bytes)[byte - at] ^ 1);

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        FILE *file = fopen(path, "r+");

        if (!file || fseek(file, (long)byte, SEEK_SET) != 0 ||
            fwrite(&other, 1, 1, file) != 1 || fclose(file) != 0)
            abort();
    }
    return n;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite(fd, bytes, len, at);
}
