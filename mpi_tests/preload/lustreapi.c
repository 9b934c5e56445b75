/* lustreapi.c -- liblustreapi.so.1 of tests: takes the calls of Lustre's own library, makes
 * the file that they ask for, and writes them down.
 *
 *     LUSTRE_LOG=FILE      a line for each file: stripes, inode, flags, mode, path; and
 *                          where it came from ("library")
 *     LUSTRE_OSTS=N        so many disks
 *     LUSTRE_FAIL=ERRNO    nothing can be made */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int llapi_file_open(const char *name, int flags, int mode, unsigned long long stripe_size,
                    int offset, int count, int pattern);
int llapi_get_obd_count(char *mount, int *count, int is_mdt);
void llapi_msg_set_level(int wanted);

static int level = 3;

void llapi_msg_set_level(int wanted)
{
    level = wanted;
}

int llapi_get_obd_count(char *mount, int *count, int is_mdt)
{
    const char *osts = getenv("LUSTRE_OSTS");

    if (access(mount, F_OK) < 0 || is_mdt)
        return -EINVAL;
    *count = osts ? atoi(osts) : 0;
    return osts ? 0 : -ENOTTY;
}

static void write_down(const char *name, int flags, int mode, int count, int fd)
{
    const char *path = getenv("LUSTRE_LOG");
    FILE *log = path ? fopen(path, "a") : NULL;
    struct stat st;

    if (!log)
        return;
    if (fstat(fd, &st) == 0)
        fprintf(log, "library %d %llu %d %o %lld %s\n", count,
                (unsigned long long)st.st_ino, flags & (O_CREAT | O_EXCL), (unsigned)mode,
                (long long)st.st_size, name);
    fclose(log);
}

int llapi_file_open(const char *name, int flags, int mode, unsigned long long stripe_size,
                    int offset, int count, int pattern)
{
    const char *fails = getenv("LUSTRE_FAIL");
    int fd;

    if (fails) {
        if (level > 0)
            fprintf(stderr, "error on ioctl\n");
        return -atoi(fails);
    }
    if (stripe_size != 0 || offset != -1 || pattern != 0)
        return -EINVAL;
    fd = open(name, flags | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    write_down(name, flags, mode, count, fd);
    return fd;
}
