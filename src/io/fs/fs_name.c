#include "io/fs/fs_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fs/fs.h"

enum { LINKS_MOST = 40 }; /* as the kernel counts before it says ELOOP */

static int fail(struct err *err, const char *verb, const char *path)
{
    return err_set(err, ERR_DEST, "cannot %s '%s': %s", verb, path, strerror(errno));
}

static int fail_two(struct err *err, const char *verb, const char *from, const char *to)
{
    return err_set(err, ERR_DEST, "cannot %s '%s' to '%s': %s", verb, from, to,
                   strerror(errno));
}

static bool is_same(const struct stat *st, const char *path)
{
    struct stat other;

    return lstat(path, &other) == 0 && other.st_dev == st->st_dev &&
           other.st_ino == st->st_ino;
}

static bool is_gone(const char *path)
{
    struct stat st;

    return lstat(path, &st) < 0 && errno == ENOENT;
}

/* rename(2) of a directory replaces nothing but an empty directory, and takes that in one
 * step. A file it would replace, so a file is linked: that fails where anything is. */
static int rename_new_old_way(const char *from, const char *to, const struct stat *st)
{
    struct stat other;

    if (S_ISDIR(st->st_mode))
        return rename(from, to);
    if (link(from, to) == 0)
        return unlink(from);
    if (errno == EEXIST)
        return -1;
    /* A file system without hard links: look and hope is all that it leaves. */
    if (lstat(to, &other) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

static int rename_new(const char *from, const char *to, enum fs_rename how,
                      const struct stat *st)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    /* EEXIST may be an empty directory, which a directory may replace. The others mean
     * that this file system or this kernel has no such call. */
    if ((errno == EEXIST && S_ISDIR(st->st_mode) && how == FS_RENAME_NEW) ||
        errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
        return rename_new_old_way(from, to, st);
    return -1;
}

int fs_rename(const char *from, const char *to, enum fs_rename how, struct err *err)
{
    struct stat st;
    int rc, reason;

    if (how == FS_RENAME_EXCHANGE) {
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) < 0)
            return fail_two(err, "exchange", from, to);
        return 0;
    }
    if (lstat(from, &st) < 0)
        return fail_two(err, "rename", from, to);
    rc = how == FS_RENAME_REPLACE ? rename(from, to) : rename_new(from, to, how, &st);
    if (rc == 0)
        return 0;
    reason = errno;
    /* An NFS client whose request was answered too late asks again, and is told that
     * there is nothing (left) to rename. */
    if (is_gone(from) && is_same(&st, to))
        return 0;
    errno = reason;
    return fail_two(err, "rename", from, to);
}

int fs_rename_from(int dir, const char *name, const char *to, struct err *err)
{
    return renameat2(dir, name, AT_FDCWD, to, 0) < 0 ? fail_two(err, "rename", name, to)
                                                     : 0;
}

/* Some file systems accept the flag and rename plainly, hence the look at the inodes. */
static bool exchange_works(const char *a, const char *b)
{
    struct stat of_a, of_b;

    return lstat(a, &of_a) == 0 && lstat(b, &of_b) == 0 &&
           renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0 &&
           is_same(&of_a, b) && is_same(&of_b, a);
}

int fs_can_exchange(const char *dir, bool *yes, struct err *err)
{
    struct strbuf a = { 0 }, b = { 0 };
    int rc = -1;

    *yes = false;
    if (fs_private_dir(dir, ".mpifetch-probe-", &a, err) < 0)
        goto out;
    if (fs_private_dir(dir, ".mpifetch-probe-", &b, err) < 0) {
        rmdir(a.data);
        goto out;
    }
    *yes = exchange_works(a.data, b.data);
    rc = 0;
    /* One may be gone already, where the exchange was a plain rename. */
    if (rmdir(a.data) < 0 && errno != ENOENT)
        rc = fail(err, "remove", a.data);
    if (rmdir(b.data) < 0 && errno != ENOENT)
        rc = fail(err, "remove", b.data);
out:
    strbuf_release(&a);
    strbuf_release(&b);
    return rc;
}

char *fs_join(const char *dir, const char *name)
{
    struct strbuf path = { 0 };

    strbuf_addf(&path, "%s/%s", dir, name);
    return strbuf_steal(&path);
}

bool fs_is_there(const char *dir, const char *name)
{
    char *path = fs_join(dir, name);
    struct stat st;
    bool there = path && lstat(path, &st) == 0;

    free(path);
    return there;
}

int fs_link(const char *from, const char *to, struct err *err)
{
    struct stat st;

    if (link(from, to) == 0)
        return 0;
    if (errno == EEXIST && lstat(from, &st) == 0 && is_same(&st, to))
        return 0;
    return fail_two(err, "link", from, to);
}

int fs_symlink(const char *target, const char *path, struct err *err)
{
    if (symlink(target, path) < 0)
        return err_set(err, ERR_DEST, "cannot create the symbolic link '%s' to '%s': %s",
                       path, target, strerror(errno));
    return 0;
}

int fs_readlink(const char *path, struct strbuf *target, struct err *err)
{
    char text[PATH_MAX];
    ssize_t n = readlink(path, text, sizeof(text));

    if (n == (ssize_t)sizeof(text)) {
        errno = ENAMETOOLONG; /* it may have been cut */
        n = -1;
    }
    if (n < 0)
        return fail(err, "read the symbolic link", path);
    strbuf_add(target, text, (size_t)n);
    return target->failed ? err_memory(err, "a path") : 0;
}

int fs_unlink(const char *path, struct err *err)
{
    if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
        return fail(err, "remove", path);
    return 0;
}

/* done is absolute, without symlinks and without a slash at its end, so "" is the root.
 * todo is the text not looked at yet. */
struct absolute {
    struct strbuf done, todo;
    size_t at; /* in todo */
    unsigned links;
};

struct part {
    const char *text;
    size_t len;
};

/* "." is no part: behind a symlink it would make the link a parent, and "link/." and
 * "link/" would mean different things. */
static bool next_part(const char *todo, size_t *at, struct part *part)
{
    do {
        *at += strspn(todo + *at, "/");
        part->text = todo + *at;
        part->len = strcspn(part->text, "/");
        *at += part->len;
    } while (part->len == 1 && part->text[0] == '.');
    return part->len > 0;
}

static void drop_last(struct strbuf *done)
{
    while (done->len > 0 && done->data[--done->len] != '/')
        ;
    if (done->data)
        done->data[done->len] = '\0';
}

/* The link that done ends in is replaced: its target comes in front of the text left. */
static int follow(struct absolute *a, const struct strbuf *target, const char *path,
                  struct err *err)
{
    struct strbuf todo = { 0 };

    if (++a->links > LINKS_MOST) {
        errno = ELOOP;
        return fail(err, "find", path);
    }
    if (target->len > 0 && target->data[0] == '/')
        strbuf_clear(&a->done);
    else
        drop_last(&a->done);
    strbuf_adds(&todo, target->data ? target->data : "");
    strbuf_adds(&todo, "/");
    strbuf_adds(&todo, a->todo.data + a->at);
    strbuf_release(&a->todo);
    a->todo = todo;
    a->at = 0;
    return todo.failed ? err_memory(err, "a path") : 0;
}

static int take_part(struct absolute *a, const struct part *part, bool last,
                     const char *path, struct err *err)
{
    struct strbuf target = { 0 };
    struct stat st;
    int rc = 0;

    if (part->len == 2 && memcmp(part->text, "..", 2) == 0) {
        drop_last(&a->done);
        return 0;
    }
    strbuf_adds(&a->done, "/");
    strbuf_add(&a->done, part->text, part->len);
    if (a->done.failed)
        return err_memory(err, "a path");
    if (last || lstat(a->done.data, &st) < 0 || !S_ISLNK(st.st_mode))
        return 0;
    rc = fs_readlink(a->done.data, &target, err);
    if (rc == 0)
        rc = follow(a, &target, path, err);
    strbuf_release(&target);
    return rc;
}

static int start(struct absolute *a, const char *path, struct err *err)
{
    char *here;

    if (!path[0]) {
        errno = ENOENT;
        fail(err, "find", path);
        return -1;
    }
    if (path[0] != '/') {
        here = getcwd(NULL, 0);
        if (!here) {
            fail(err, "determine the current directory for", path);
            return -1;
        }
        strbuf_adds(&a->todo, here);
        strbuf_adds(&a->todo, "/");
        free(here);
    }
    strbuf_adds(&a->todo, path);
    return a->todo.failed ? err_memory(err, "a path") : 0;
}

int fs_absolute(const char *path, struct strbuf *out, struct err *err)
{
    struct absolute a = { 0 };
    struct part part, after;
    int rc = start(&a, path, err);

    while (rc == 0 && next_part(a.todo.data, &a.at, &part)) {
        size_t ahead = a.at;
        bool last = !next_part(a.todo.data, &ahead, &after);

        rc = take_part(&a, &part, last, path, err);
    }
    if (rc == 0) {
        strbuf_adds(out, a.done.len > 0 ? a.done.data : "/");
        rc = out->failed ? err_memory(err, "a path") : 0;
    }
    strbuf_release(&a.done);
    strbuf_release(&a.todo);
    return rc;
}
