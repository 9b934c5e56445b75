/* faultfs BACKING RULES MOUNTPOINT [-o OPTIONS]: a FUSE file system that shows the
 * directory BACKING, but for calls that fail or wait as RULES say (faultfs.h). Among
 * OPTIONS, local_locks: locks are granted by each mount for itself, as Lustre's
 * localflock does; hide_removed: an open file that is removed stays under another name
 * until it is closed, as libfuse has it by default; fold: capital letters with accents are
 * small ones, and an e with an accent in two characters is the one with it in one;
 * read_rate=BYTES: all mounts with the same RULES read so much a second together. */
#define FUSE_USE_VERSION 31
#include "faultfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* FUSE hands a pointer to its callbacks; this is what it points to. */
struct faultfs {
    int root;
    char rules[PATH_MAX];
    _Atomic uint64_t written;
    int hide_removed, local_locks, fold;
    unsigned read_rate;
    _Atomic int64_t *meter; /* when the reads so far have had their turn */
};

static struct faultfs *self(void)
{
    return fuse_get_context()->private_data;
}

static int root(void)
{
    return self()->root;
}

/* Letters of Latin-1 as UTF-8 has them. */
static size_t fold_one(const unsigned char *from, char *to)
{
    to[0] = (char)from[0];
    if (from[0] == 'e' && from[1] == 0xcc && from[2] == 0x81) {
        to[0] = (char)0xc3;
        to[1] = (char)0xa9;
        return 3;
    }
    if (from[0] != 0xc3)
        return 1;
    to[1] = (char)(from[1] >= 0x80 && from[1] <= 0x9e ? from[1] + 0x20 : from[1]);
    return 2;
}

/* A call has two paths at most. */
static const char *folded(const char *path)
{
    static _Thread_local char paths[2][PATH_MAX];
    static _Thread_local unsigned turn;
    const unsigned char *from = (const unsigned char *)path;
    char *to = paths[turn++ % 2];
    size_t len = 0;

    while (*from && len < PATH_MAX - 3) {
        size_t taken = fold_one(from, to + len);

        len += taken > 1 ? 2 : 1;
        from += taken;
    }
    to[len] = '\0';
    return to;
}

/* FUSE's paths begin with a slash, and ours at the backing directory. */
static const char *below(const char *path)
{
    path = path[1] ? path + 1 : ".";
    return self()->fold ? folded(path) : path;
}

static int fault(const char *op, const char *path)
{
    return rules_strike(self()->rules, op, path, self()->written);
}

static int answer(int rc)
{
    return rc < 0 ? -errno : 0;
}

static int fd_of(const struct fuse_file_info *file)
{
    return (int)file->fh;
}

static void *fault_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
    (void)conn;
    config->use_ino = 1;
    /* else what is unlinked while open lives on by its descriptor alone */
    config->hard_remove = !self()->hide_removed;
    return self();
}

static int fault_getattr(const char *path, struct stat *st, struct fuse_file_info *file)
{
    int error = fault("getattr", path);

    if (error)
        return -error;
    if (file)
        return answer(fstat(fd_of(file), st));
    return answer(fstatat(root(), below(path), st, AT_SYMLINK_NOFOLLOW));
}

static int fault_access(const char *path, int mode)
{
    return answer(faccessat(root(), below(path), mode, 0));
}

static int fault_readlink(const char *path, char *to, size_t size)
{
    ssize_t len = readlinkat(root(), below(path), to, size - 1);

    if (len < 0)
        return -errno;
    to[len] = '\0';
    return 0;
}

static int fault_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t at,
                         struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
    int fd = openat(root(), below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);

    (void)at, (void)file, (void)flags;
    if (!folder) {
        int error = errno;

        if (fd >= 0)
            close(fd);
        return -error;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct stat st = { .st_ino = entry->d_ino,
                           .st_mode = (mode_t)entry->d_type << 12 };

        if (fill(buffer, entry->d_name, &st, 0, 0))
            break;
    }
    closedir(folder);
    return 0;
}

static int fault_mkdir(const char *path, mode_t mode)
{
    int error = fault("mkdir", path);

    return error ? -error : answer(mkdirat(root(), below(path), mode));
}

static int fault_unlink(const char *path)
{
    int error = fault("unlink", path);

    return error ? -error : answer(unlinkat(root(), below(path), 0));
}

static int fault_rmdir(const char *path)
{
    int error = fault("rmdir", path);

    return error ? -error : answer(unlinkat(root(), below(path), AT_REMOVEDIR));
}

static int fault_symlink(const char *to, const char *path)
{
    int error = fault("symlink", path);

    return error ? -error : answer(symlinkat(to, root(), below(path)));
}

static int fault_link(const char *path, const char *to)
{
    int error = fault("link", path);

    return error ? -error : answer(linkat(root(), below(path), root(), below(to), 0));
}

static int fault_rename(const char *path, const char *to, unsigned flags)
{
    int error = fault(flags ? "rename2" : "rename", path);

    if (error)
        return -error;
    return answer(renameat2(root(), below(path), root(), below(to), flags));
}

static int fault_chmod(const char *path, mode_t mode, struct fuse_file_info *file)
{
    if (file)
        return answer(fchmod(fd_of(file), mode));
    return answer(fchmodat(root(), below(path), mode, 0));
}

static int fault_chown(const char *path, uid_t user, gid_t group,
                       struct fuse_file_info *file)
{
    (void)file;
    return answer(fchownat(root(), below(path), user, group, AT_SYMLINK_NOFOLLOW));
}

static int fault_utimens(const char *path, const struct timespec times[2],
                         struct fuse_file_info *file)
{
    (void)file;
    return answer(utimensat(root(), below(path), times, AT_SYMLINK_NOFOLLOW));
}

static int fault_truncate(const char *path, off_t size, struct fuse_file_info *file)
{
    int error = fault("truncate", path), fd, rc;

    if (error)
        return -error;
    if (file)
        return answer(ftruncate(fd_of(file), size));
    fd = openat(root(), below(path), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = answer(ftruncate(fd, size));
    close(fd);
    return rc;
}

static int opened(int fd, struct fuse_file_info *file)
{
    if (fd < 0)
        return -errno;
    file->fh = (uint64_t)fd;
    return 0;
}

static int fault_create(const char *path, mode_t mode, struct fuse_file_info *file)
{
    int error = fault("create", path);

    if (error)
        return -error;
    return opened(openat(root(), below(path), file->flags | O_CREAT | O_CLOEXEC, mode),
                  file);
}

static int fault_open(const char *path, struct fuse_file_info *file)
{
    int error = fault("open", path);

    if (error)
        return -error;
    return opened(openat(root(), below(path), file->flags | O_CLOEXEC), file);
}

static int64_t now_ns(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* Until it is this read's turn among those of all mounts; what nobody asked for in the
 * last 50 ms may come at once. */
static void wait_for_turn(size_t size)
{
    const int64_t burst = 50000000;
    int64_t left, was, next;

    if (!self()->read_rate)
        return;
    was = *self()->meter;
    do {
        next = was < now_ns() - burst ? now_ns() - burst : was;
        next += (int64_t)(size * 1000000000ULL / self()->read_rate);
    } while (!atomic_compare_exchange_weak(self()->meter, &was, next));
    left = next - now_ns();
    if (left > 0)
        nanosleep(&(struct timespec){ .tv_sec = left / 1000000000,
                                      .tv_nsec = left % 1000000000 },
                  NULL);
}

static int fault_read(const char *path, char *bytes, size_t size, off_t at,
                      struct fuse_file_info *file)
{
    int error = fault("read", path);
    ssize_t len;

    if (error)
        return -error;
    len = pread(fd_of(file), bytes, size, at);
    if (len < 0)
        return -errno;
    wait_for_turn((size_t)len);
    return (int)len;
}

static ssize_t write_flipped(int fd, const char *bytes, size_t size, off_t at)
{
    char *copy = malloc(size);
    ssize_t len;

    if (!copy)
        return -1;
    memcpy(copy, bytes, size);
    copy[size - 1] ^= 1;
    len = pwrite(fd, copy, size, at);
    free(copy);
    return len;
}

static int fault_write(const char *path, const char *bytes, size_t size, off_t at,
                       struct fuse_file_info *file)
{
    int error = fault("write", path);
    ssize_t len;

    if (error > 0)
        return -error;
    len = error == RULES_FLIP && size > 0 ? write_flipped(fd_of(file), bytes, size, at)
                                          : pwrite(fd_of(file), bytes, size, at);
    if (len < 0)
        return -errno;
    self()->written += (uint64_t)len;
    return (int)len;
}

static int fault_statfs(const char *path, struct statvfs *st)
{
    (void)path;
    return answer(fstatvfs(root(), st));
}

/* A close of the program: an error that the backing file system kept for it comes out
 * here. */
static int fault_flush(const char *path, struct fuse_file_info *file)
{
    int error = fault("flush", path);

    return error ? -error : answer(close(dup(fd_of(file))));
}

static int fault_release(const char *path, struct fuse_file_info *file)
{
    (void)path;
    return answer(close(fd_of(file)));
}

static int fault_fsync(const char *path, int data, struct fuse_file_info *file)
{
    int error = fault("fsync", path);

    if (error)
        return -error;
    return answer(data ? fdatasync(fd_of(file)) : fsync(fd_of(file)));
}

static int fault_fallocate(const char *path, int mode, off_t at, off_t size,
                           struct fuse_file_info *file)
{
    int error = fault("fallocate", path);

    return error ? -error : answer(fallocate(fd_of(file), mode, at, size));
}

static int fault_flock(const char *path, struct fuse_file_info *file, int op)
{
    int error = fault("flock", path);

    return error ? -error : answer(flock(fd_of(file), op));
}

/* By descriptor where the caller's lock is by process: no test opens a file twice. */
static int fault_lock(const char *path, struct fuse_file_info *file, int command,
                      struct flock *lock)
{
    int error = fault("lock", path);

    if (error)
        return -error;
    lock->l_pid = 0;
    command = command == F_GETLK   ? F_OFD_GETLK
              : command == F_SETLK ? F_OFD_SETLK
                                   : F_OFD_SETLKW;
    return answer(fcntl(fd_of(file), command, lock));
}

static struct fuse_operations operations(bool local_locks)
{
    struct fuse_operations ops = {
        .init = fault_init,
        .getattr = fault_getattr,
        .access = fault_access,
        .readlink = fault_readlink,
        .readdir = fault_readdir,
        .mkdir = fault_mkdir,
        .unlink = fault_unlink,
        .rmdir = fault_rmdir,
        .symlink = fault_symlink,
        .link = fault_link,
        .rename = fault_rename,
        .chmod = fault_chmod,
        .chown = fault_chown,
        .utimens = fault_utimens,
        .truncate = fault_truncate,
        .create = fault_create,
        .open = fault_open,
        .read = fault_read,
        .write = fault_write,
        .statfs = fault_statfs,
        .flush = fault_flush,
        .release = fault_release,
        .fsync = fault_fsync,
        .fallocate = fault_fallocate,
        .flock = fault_flock,
        .lock = fault_lock,
    };

    /* what is not there, the kernel does by itself */
    if (local_locks) {
        ops.flock = NULL;
        ops.lock = NULL;
    }
    return ops;
}

/* All mounts share it: a file beside the rules. */
static int open_meter(struct faultfs *fs)
{
    char name[PATH_MAX + sizeof(".meter")];
    void *at;
    int fd;

    snprintf(name, sizeof(name), "%s.meter", fs->rules);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(*fs->meter)) < 0)
        return -1;
    at = mmap(NULL, sizeof(*fs->meter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    fs->meter = at;
    return at == MAP_FAILED ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct fuse_opt options[] = {
        { "local_locks", offsetof(struct faultfs, local_locks), 1 },
        { "hide_removed", offsetof(struct faultfs, hide_removed), 1 },
        { "fold", offsetof(struct faultfs, fold), 1 },
        { "read_rate=%u", offsetof(struct faultfs, read_rate), 0 },
        FUSE_OPT_END,
    };
    struct fuse_operations ops;
    struct faultfs fs = { .root = -1 };
    int rc = 2;

    if (argc < 4 || !realpath(argv[2], fs.rules) ||
        (fs.root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
        fprintf(stderr, "usage: faultfs BACKING RULES MOUNTPOINT [-o OPTIONS]\n");
        return 2;
    }
    fuse_opt_add_arg(&args, argv[0]);
    for (int i = 3; i < argc; i++)
        fuse_opt_add_arg(&args, argv[i]);
    if (fuse_opt_parse(&args, &fs, options, NULL) == 0 &&
        (!fs.read_rate || open_meter(&fs) == 0)) {
        ops = operations(fs.local_locks);
        umask(0); /* the kernel has applied the caller's */
        rc = fuse_main(args.argc, args.argv, &ops, &fs);
    }
    fuse_opt_free_args(&args);
    close(fs.root);
    return rc;
}
