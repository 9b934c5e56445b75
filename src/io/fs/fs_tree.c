#include "io/fs/fs_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "io/fs/fs.h"

enum { REMOVE_PASSES = 10000 }; /* most, over one directory */

static int fail(struct err *err, enum err_code code, const char *verb, const char *path)
{
    return err_set(err, code, "cannot %s '%s': %s", verb, path, strerror(errno));
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Any reason is fine if the directory is there: besides EEXIST an automounter or a
 * read-only parent says EACCES, EROFS or ENOSYS of what exists. */
static int make_or_find(const char *path, mode_t mode)
{
    int reason;

    if (mkdir(path, mode) == 0)
        return 0;
    reason = errno;
    if (is_directory(path))
        return 0;
    errno = reason;
    return -1;
}

int fs_mkdir(const char *path, unsigned mode, struct err *err)
{
    return make_or_find(path, mode) < 0 ? fail(err, ERR_DEST, "create directory", path)
                                        : 0;
}

void fs_inherit_group(const char *dir, const char *path)
{
    struct stat above, here;

    if (stat(dir, &above) < 0 || !(above.st_mode & S_ISGID) || stat(path, &here) < 0)
        return;
    if (chown(path, (uid_t)-1, above.st_gid) == 0)
        chmod(path, (here.st_mode & 07777) | S_ISGID);
}

bool fs_is_writable(const char *dir)
{
    return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0;
}

int fs_remove_empty(const char *path, struct err *err)
{
    return rmdir(path) < 0 ? fail(err, ERR_DEST, "remove directory", path) : 0;
}

/* From the last part upwards, since the parents mostly exist and each look costs a round
 * trip on a shared file system. path is cut and mended in place. */
static int make_parents(char *path, struct err *err)
{
    char *slash;

    if (make_or_find(path, 0777) == 0)
        return 0;
    slash = errno == ENOENT ? strrchr(path, '/') : NULL;
    if (!slash || slash == path)
        return fail(err, ERR_DEST, "create directory", path);
    *slash = '\0';

    int rc = make_parents(path, err);

    *slash = '/';
    if (rc == 0 && make_or_find(path, 0777) < 0)
        rc = fail(err, ERR_DEST, "create directory", path);
    return rc;
}

int fs_mkdirs(const char *path, struct err *err)
{
    char *copy = strdup(path);
    size_t len = 0;
    int rc;

    if (!copy)
        return err_memory(err, "a path");
    /* One slash between parts and none at the end, so that each cut removes one part. */
    for (const char *p = path; *p; p++)
        if (*p != '/' || len == 0 || copy[len - 1] != '/')
            copy[len++] = *p;
    if (len > 1 && copy[len - 1] == '/')
        len--;
    copy[len] = '\0';
    rc = make_parents(copy, err);
    free(copy);
    return rc;
}

int fs_private_dir(const char *dir, const char *prefix, struct strbuf *out,
                   struct err *err)
{
    struct strbuf path = { 0 };
    int rc = -1;

    strbuf_addf(&path, "%s/%sXXXXXX", dir, prefix);
    if (path.failed) {
        err_memory(err, "a path");
        goto out;
    }
    if (!mkdtemp(path.data)) {
        fail(err, ERR_DEST, "create a directory in", dir);
        goto out;
    }
    strbuf_adds(out, path.data);
    if (out->failed) {
        rmdir(path.data);
        err_memory(err, "a path");
        goto out;
    }
    rc = 0;
out:
    strbuf_release(&path);
    return rc;
}

int fs_open_dir(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? fail(err, ERR_DEST, "open", path) : fd;
}

/* The next entry but "." and "..": 1, 0 at the end, -1 and errno. */
static int next_name(DIR *dir, const char **name)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
    if (!entry)
        return errno ? -1 : 0;
    *name = entry->d_name;
    return 1;
}

int fs_list(const char *path, int (*visit)(void *arg, const char *name, struct err *err),
            void *arg, struct err *err)
{
    DIR *dir = opendir(path);
    const char *name;
    int more, rc = 0;

    if (!dir)
        return fail(err, ERR_DEST, "list", path);
    while (rc == 0 && (more = next_name(dir, &name)) != 0)
        rc = more < 0 ? fail(err, ERR_DEST, "list", path) : visit(arg, name, err);
    closedir(dir);
    return rc;
}

/* One way down a tree, for walking and for removing. path is where we are, for sentences;
 * descriptors do the work, so that nobody can put a symlink in our way. */
struct descent {
    enum err_code code;
    struct strbuf path;
    size_t root; /* length of the part of path that the caller gave, slash included */
    dev_t device;
    int (*visit)(void *arg, const char *path, const struct fs_info *info,
                 struct err *err);
    bool (*go_on)(void *arg); /* or NULL */
    void *arg;
    struct strbuf *hidden; /* names in the directory that is being emptied, each with its
                            * NUL */
    unsigned nhidden;
    struct err *err;
};

static int descent_fail(const struct descent *d, const char *verb)
{
    return fail(d->err, d->code, verb, d->path.data);
}

static int descent_enter(struct descent *d, const char *name)
{
    if (d->path.len > 0 && d->path.data[d->path.len - 1] != '/')
        strbuf_adds(&d->path, "/");
    strbuf_adds(&d->path, name);
    return d->path.failed ? err_memory(d->err, "a path") : 0;
}

static void descent_leave(struct descent *d, size_t len)
{
    if (d->path.failed)
        return;
    d->path.len = len;
    d->path.data[len] = '\0';
}

static DIR *descent_open(const struct descent *d, int parent, const char *name, int flags)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        descent_fail(d, "open");
        if (fd >= 0)
            close(fd);
    }
    return dir;
}

/* act on each name in dir; counts them in *count. */
static int descent_each(struct descent *d, DIR *dir, unsigned *count,
                        int (*act)(struct descent *d, int parent, const char *name))
{
    size_t len = d->path.len;
    const char *name;
    int more, rc = 0;

    for (*count = 0; rc == 0 && (more = next_name(dir, &name)) != 0; (*count)++) {
        if (more < 0)
            return descent_fail(d, "list");
        rc = descent_enter(d, name);
        if (rc == 0)
            rc = act(d, dirfd(dir), name);
        descent_leave(d, len);
    }
    return rc;
}

static int walk_entry(struct descent *d, int parent, const char *name);

static int walk_dir(struct descent *d, int parent, const char *name, int flags)
{
    DIR *dir = descent_open(d, parent, name, flags);
    unsigned count;
    int rc;

    if (!dir)
        return -1;
    rc = descent_each(d, dir, &count, walk_entry);
    closedir(dir);
    return rc;
}

static int walk_entry(struct descent *d, int parent, const char *name)
{
    const char *path = d->path.data;
    struct fs_info info;
    struct stat st, target;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return descent_fail(d, "stat");
    if (S_ISDIR(st.st_mode))
        return walk_dir(d, parent, name, O_NOFOLLOW);
    if (S_ISLNK(st.st_mode) && fstatat(parent, name, &target, 0) == 0) {
        if (!S_ISDIR(target.st_mode))
            st = target;
    } else if (S_ISLNK(st.st_mode) && errno != ENOENT && errno != ENOTDIR &&
               errno != ELOOP) {
        return descent_fail(d, "follow the symbolic link");
    }
    info = fs_info_of(&st);
    return d->visit(d->arg, path + d->root, &info, d->err);
}

int fs_walk(const char *dir,
            int (*visit)(void *arg, const char *path, const struct fs_info *info,
                         struct err *err),
            void *arg, struct err *err)
{
    struct descent d = { .code = ERR_SOURCE, .visit = visit, .arg = arg, .err = err };
    int rc = -1;

    strbuf_adds(&d.path, dir);
    if (d.path.failed) {
        err_memory(err, "a path");
        goto out;
    }
    d.root = d.path.len + (d.path.len > 0 && dir[d.path.len - 1] != '/');
    rc = walk_dir(&d, AT_FDCWD, dir, 0);
out:
    strbuf_release(&d.path);
    return rc;
}

static int remove_entry(struct descent *d, int parent, const char *name);

/* The names under which FUSE and NFS keep what was removed while somebody has it open.
 * They go with the last close; to remove one makes another, or is refused. But others
 * give such names to files as well, and a server that died leaves them for ever. */
static bool is_hidden(const char *name)
{
    return text_starts(name, ".fuse_hidden") || text_starts(name, ".nfs");
}

static int remove_or_note(struct descent *d, int parent, const char *name)
{
    if (!is_hidden(name))
        return remove_entry(d, parent, name);
    d->nhidden++;
    strbuf_add(d->hidden, name, strlen(name) + 1);
    return d->hidden->failed ? err_memory(d->err, "a path") : 0;
}

/* Each of them once. Those that stay keep the directory, which says so. */
static int remove_hidden(struct descent *d, const struct strbuf *hidden, int dir)
{
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < hidden->len; at += strlen(hidden->data + at) + 1)
        if (unlinkat(dir, hidden->data + at, 0) < 0 && errno == EISDIR)
            rc = remove_entry(d, dir, hidden->data + at);
    return rc;
}

/* Again and again while there is something to remove: some file systems lose their place
 * in a directory that shrinks while it is read. hidden: what the last pass left alone. */
static int remove_all_in(struct descent *d, DIR *dir, int parent, const char *name,
                         struct strbuf *hidden)
{
    for (unsigned pass = 0;; pass++) {
        unsigned count;

        strbuf_clear(hidden);
        d->hidden = hidden;
        d->nhidden = 0;
        if (descent_each(d, dir, &count, remove_or_note) < 0)
            return -1;
        if (count == d->nhidden && remove_hidden(d, hidden, dirfd(dir)) < 0)
            return -1;
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if ((errno != ENOTEMPTY && errno != EEXIST) || count == d->nhidden ||
            pass == REMOVE_PASSES)
            return descent_fail(d, "remove");
        rewinddir(dir);
    }
}

static int empty_dir(struct descent *d, DIR *dir, int parent, const char *name)
{
    struct strbuf hidden = { 0 }, *outer = d->hidden;
    unsigned nouter = d->nhidden;
    int rc = remove_all_in(d, dir, parent, name, &hidden);

    d->hidden = outer;
    d->nhidden = nouter;
    strbuf_release(&hidden);
    return rc;
}

static int remove_dir(struct descent *d, int parent, const char *name)
{
    DIR *dir = descent_open(d, parent, name, O_NOFOLLOW);
    struct stat st;
    int rc;

    if (!dir)
        return -1;
    if (fstat(dirfd(dir), &st) < 0)
        rc = descent_fail(d, "stat");
    else if (st.st_dev != d->device)
        rc = err_set(d->err, d->code,
                     "cannot remove '%s': another file system is mounted there",
                     d->path.data);
    else
        rc = empty_dir(d, dir, parent, name);
    closedir(dir);
    return rc;
}

/* Most entries are files, and a file costs one call. The standard's word for "that is a
 * directory" is EPERM, Linux says EISDIR. */
static int remove_entry(struct descent *d, int parent, const char *name)
{
    struct stat st;
    int reason;

    if (d->go_on && !d->go_on(d->arg))
        return err_set(d->err, ERR_INTERRUPTED, "interrupted while removing '%s'",
                       d->path.data);
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    reason = errno;
    if ((reason == EISDIR || reason == EPERM) &&
        fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        return remove_dir(d, parent, name);
    errno = reason;
    return descent_fail(d, "remove");
}

int fs_remove_tree(const char *path, struct err *err)
{
    return fs_remove_tree_while(path, NULL, NULL, err);
}

int fs_remove_tree_while(const char *path, bool (*go_on)(void *arg), void *arg,
                         struct err *err)
{
    struct descent d = { .code = ERR_DEST, .go_on = go_on, .arg = arg, .err = err };
    struct stat st;
    int rc = -1;

    strbuf_adds(&d.path, path);
    if (d.path.failed) {
        err_memory(err, "a path");
        goto out;
    }
    /* With a slash at the end the kernel follows a symlink. */
    while (d.path.len > 1 && d.path.data[d.path.len - 1] == '/')
        descent_leave(&d, d.path.len - 1);
    if (lstat(d.path.data, &st) < 0) {
        rc = errno == ENOENT ? 0 : descent_fail(&d, "stat");
        goto out;
    }
    d.device = st.st_dev;

    char *name = strdup(d.path.data); /* path grows and may move */

    rc = name ? remove_entry(&d, AT_FDCWD, name) : err_memory(err, "a path");
    free(name);
out:
    strbuf_release(&d.path);
    return rc;
}
