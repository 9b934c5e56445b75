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
#include "io/fs/fs_at.h"

enum {
    REMOVE_PASSES = 10000, /* most, over one directory */
    WALK_DEPTH = 256       /* most directories in each other: each has a descriptor */
};

static int fail(struct err *err, enum err_code code, const char *verb, const char *path)
{
    return err_set(err, code, "cannot %s '%s': %s", verb, path, strerror(errno));
}

static int fail_at(struct err *err, const char *verb, const struct fs_dir *dir,
                   const char *name)
{
    return fs_at_fail(err, ERR_DEST, verb, dir, name);
}

/* NULL and errno where the descriptor is none, too. It goes with the stream. */
static DIR *open_stream(int fd)
{
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);

    if (!stream && fd >= 0)
        close(fd);
    return stream;
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

int fs_list(const struct fs_dir *dir, const char *name,
            int (*visit)(void *arg, const char *name, struct err *err), void *arg,
            struct err *err)
{
    DIR *stream = open_stream(fs_at_open(dir, name, O_RDONLY | O_DIRECTORY, 0));
    const char *entry;
    int more, rc = 0;

    if (!stream)
        return fail_at(err, "list", dir, name);
    while (rc == 0 && (more = next_name(stream, &entry)) != 0)
        rc = more < 0 ? fail_at(err, "list", dir, name) : visit(arg, entry, err);
    closedir(stream);
    return rc;
}

/* One way down a tree, for walking and for removing. path is where we are, for sentences;
 * descriptors do the work, so that nobody can put a symlink in our way. */
struct descent {
    enum err_code code;
    struct strbuf path;
    size_t root; /* length of the part of path that the caller gave, slash included */
    dev_t device;
    unsigned depth; /* of a walk */
    int (*visit)(void *arg, const char *path, const struct fs_info *info,
                 struct err *err);
    bool (*go_on)(void *arg); /* or NULL */
    void *arg;
    struct strbuf *hidden; /* names in the directory that is being emptied, each with its
                            * NUL */
    unsigned nhidden;
    unsigned nstuck; /* others there that cannot be removed */
    bool stopped;    /* go_on said so, or there is no memory */
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

static DIR *descent_open(const struct descent *d, int parent, const char *name)
{
    DIR *dir = open_stream(
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));

    if (!dir)
        descent_fail(d, "open");
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

static int walk_dir(struct descent *d, DIR *dir)
{
    unsigned count;
    int rc;

    if (!dir)
        return -1;
    d->depth++;
    rc = d->depth <= WALK_DEPTH
             ? descent_each(d, dir, &count, walk_entry)
             : err_set(d->err, d->code,
                       "'%s': more than %d directories are nested in each other",
                       d->path.data, WALK_DEPTH);
    d->depth--;
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
        return walk_dir(d, descent_open(d, parent, name));
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

static int descent_begin(struct descent *d, const struct fs_dir *dir, const char *name)
{
    char text[PATH_MAX];

    strbuf_adds(&d->path, fs_at_path(text, dir, name));
    return d->path.failed ? err_memory(d->err, "a path") : 0;
}

int fs_walk(const struct fs_dir *dir, const char *name,
            int (*visit)(void *arg, const char *path, const struct fs_info *info,
                         struct err *err),
            void *arg, struct err *err)
{
    struct descent d = { .code = ERR_SOURCE, .visit = visit, .arg = arg, .err = err };
    int rc = descent_begin(&d, dir, name);
    DIR *top;

    if (rc < 0)
        goto out;
    d.root = d.path.len + (d.path.len > 0 && d.path.data[d.path.len - 1] != '/');
    top = open_stream(fs_at_open(dir, name, O_RDONLY | O_DIRECTORY, 0));
    rc = top ? walk_dir(&d, top) : fs_at_fail(err, ERR_SOURCE, "open", dir, name);
out:
    strbuf_release(&d.path);
    return rc;
}

static int remove_entry(struct descent *d, int parent, const char *name);

bool fs_is_hidden(const char *name)
{
    return text_starts(name, ".fuse_hidden") || text_starts(name, ".nfs");
}

/* The first failure is what is told; the rest is removed all the same. */
static int remove_or_pass(struct descent *d, int parent, const char *name)
{
    if (remove_entry(d, parent, name) == 0)
        return 0;
    d->err = NULL;
    d->nstuck++;
    return d->stopped ? -1 : 0;
}

static int remove_or_note(struct descent *d, int parent, const char *name)
{
    if (!fs_is_hidden(name))
        return remove_or_pass(d, parent, name);
    d->nhidden++;
    strbuf_add(d->hidden, name, strlen(name) + 1);
    d->stopped |= d->hidden->failed;
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

static int fail_to_empty(const struct descent *d, const struct strbuf *hidden)
{
    return d->nhidden > 0
               ? err_set(d->err, d->code,
                         "cannot remove '%s': a program has a file in it open, which is "
                         "kept as '%s'",
                         d->path.data, hidden->data)
               : descent_fail(d, "remove");
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
        d->nhidden = d->nstuck = 0;
        if (descent_each(d, dir, &count, remove_or_note) < 0)
            return -1;
        if (count == d->nhidden + d->nstuck && remove_hidden(d, hidden, dirfd(dir)) < 0)
            return -1;
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if ((errno != ENOTEMPTY && errno != EEXIST) || count == d->nhidden + d->nstuck ||
            pass == REMOVE_PASSES)
            return fail_to_empty(d, hidden);
        rewinddir(dir);
    }
}

static int empty_dir(struct descent *d, DIR *dir, int parent, const char *name)
{
    struct strbuf hidden = { 0 }, *outer = d->hidden;
    unsigned nouter = d->nhidden, stuck = d->nstuck;
    int rc = remove_all_in(d, dir, parent, name, &hidden);

    d->hidden = outer;
    d->nhidden = nouter;
    d->nstuck = stuck;
    strbuf_release(&hidden);
    return rc;
}

static int remove_dir(struct descent *d, int parent, const char *name)
{
    DIR *dir = descent_open(d, parent, name);
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

    d->stopped = d->go_on && !d->go_on(d->arg);
    if (d->stopped)
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

int fs_remove_tree(const struct fs_dir *dir, const char *name, struct err *err)
{
    return fs_remove_tree_while(dir, name, NULL, NULL, err);
}

int fs_remove_tree_while(const struct fs_dir *dir, const char *name,
                         bool (*go_on)(void *arg), void *arg, struct err *err)
{
    struct descent d = { .code = ERR_DEST, .go_on = go_on, .arg = arg, .err = err };
    char *plain = strdup(name);
    struct fs_at at = { .opened = -1 };
    struct stat st;
    int rc = plain ? descent_begin(&d, dir, name) : err_memory(err, "a path");

    if (rc < 0)
        goto out;
    /* With a slash at the end the kernel follows a symlink. */
    for (size_t len = strlen(plain); len > 1 && plain[len - 1] == '/'; len--) {
        plain[len - 1] = '\0';
        descent_leave(&d, d.path.len - 1);
    }
    rc = fs_at_begin(&at, dir, plain);
    if (rc == 0)
        rc = fstatat(at.fd, at.name, &st, AT_SYMLINK_NOFOLLOW);
    if (rc != 0) {
        rc = errno == ENOENT ? 0 : fs_at_fail(err, ERR_DEST, "stat", dir, plain);
        goto out;
    }
    d.device = st.st_dev;
    rc = remove_entry(&d, at.fd, at.name);
out:
    fs_at_end(&at);
    free(plain);
    strbuf_release(&d.path);
    return rc;
}
