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
#include "io/fs/fs_at.h"

enum { LINKS_MOST = 40 }; /* as the kernel counts before it says ELOOP */

static int fail(struct err *err, const char *verb, const struct fs_dir *dir,
                const char *name)
{
    return fs_at_fail(err, ERR_DEST, verb, dir, name);
}

/* A name and another one, each found for as long as the call takes. */
struct pair {
    const struct fs_dir *from_dir, *to_dir;
    const char *from, *to;
    struct fs_at a, b;
};

static int pair_begin(struct pair *pair)
{
    pair->b.opened = -1;
    if (fs_at_begin(&pair->a, pair->from_dir, pair->from) < 0)
        return -1;
    return fs_at_begin(&pair->b, pair->to_dir, pair->to);
}

static void pair_end(struct pair *pair)
{
    fs_at_end(&pair->a);
    fs_at_end(&pair->b);
}

static int fail_pair(struct err *err, const char *verb, const struct pair *pair)
{
    char from[PATH_MAX], to[PATH_MAX];
    const char *one = fs_at_path(from, pair->from_dir, pair->from);
    const char *other = fs_at_path(to, pair->to_dir, pair->to);

    return err_set_why(err, ERR_DEST, err_reason_of(errno), "cannot %s '%s' to '%s': %s",
                       verb, one, other,
                       fs_at_reason(pair->from_dir ? pair->from_dir : pair->to_dir));
}

static int look(const struct fs_at *at, struct stat *st)
{
    return fstatat(at->fd, at->name, st, AT_SYMLINK_NOFOLLOW);
}

static bool is_same(const struct stat *st, const struct fs_at *at)
{
    struct stat other;

    return look(at, &other) == 0 && other.st_dev == st->st_dev &&
           other.st_ino == st->st_ino;
}

static bool is_gone(const struct fs_at *at)
{
    struct stat st;

    return look(at, &st) < 0 && errno == ENOENT;
}

static int move(const struct fs_at *a, const struct fs_at *b, unsigned flags)
{
    return flags ? renameat2(a->fd, a->name, b->fd, b->name, flags)
                 : renameat(a->fd, a->name, b->fd, b->name);
}

/* rename(2) of a directory replaces nothing but an empty directory, and takes that in one
 * step. A file it would replace, so a file is linked: that fails where anything is. */
static int rename_new_old_way(const struct fs_at *a, const struct fs_at *b,
                              const struct stat *st)
{
    struct stat other;

    if (S_ISDIR(st->st_mode))
        return move(a, b, 0);
    if (linkat(a->fd, a->name, b->fd, b->name, 0) == 0)
        return unlinkat(a->fd, a->name, 0);
    if (errno == EEXIST)
        return -1;
    /* A file system without hard links: look and hope is all that it leaves. */
    if (look(b, &other) == 0) {
        errno = EEXIST;
        return -1;
    }
    return move(a, b, 0);
}

static int rename_new(const struct fs_at *a, const struct fs_at *b, enum fs_rename how,
                      const struct stat *st)
{
    if (move(a, b, RENAME_NOREPLACE) == 0)
        return 0;
    /* EEXIST may be an empty directory, which a directory may replace. The others mean
     * that this file system or this kernel has no such call. */
    if ((errno == EEXIST && S_ISDIR(st->st_mode) && how == FS_RENAME_NEW) ||
        errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
        return rename_new_old_way(a, b, st);
    return -1;
}

static int rename_found(const struct fs_at *a, const struct fs_at *b, enum fs_rename how)
{
    struct stat st;
    int rc, reason;

    if (how == FS_RENAME_EXCHANGE)
        return move(a, b, RENAME_EXCHANGE);
    if (look(a, &st) < 0)
        return -1;
    rc = how == FS_RENAME_REPLACE ? move(a, b, 0) : rename_new(a, b, how, &st);
    if (rc == 0)
        return 0;
    reason = errno;
    /* An NFS client whose request was answered too late asks again, and is told that
     * there is nothing (left) to rename. */
    if (is_gone(a) && is_same(&st, b))
        return 0;
    errno = reason;
    return -1;
}

int fs_rename(const struct fs_dir *from_dir, const char *from,
              const struct fs_dir *to_dir, const char *to, enum fs_rename how,
              struct err *err)
{
    struct pair pair = { from_dir, to_dir, from, to, { 0 }, { 0 } };
    int rc = pair_begin(&pair);

    if (rc == 0)
        rc = rename_found(&pair.a, &pair.b, how);
    pair_end(&pair);
    return rc < 0
               ? fail_pair(err, how == FS_RENAME_EXCHANGE ? "exchange" : "rename", &pair)
               : 0;
}

/* Some file systems accept the flag and rename plainly, hence the look at the inodes. */
static bool exchange_works(const struct fs_at *a, const struct fs_at *b)
{
    struct stat of_a, of_b;

    return look(a, &of_a) == 0 && look(b, &of_b) == 0 &&
           move(a, b, RENAME_EXCHANGE) == 0 && is_same(&of_a, b) && is_same(&of_b, a);
}

/* One may be gone already, where the exchange was a plain rename. */
static int remove_probe(const struct fs_dir *dir, const char *name, struct err *err)
{
    int rc = fs_remove_empty(dir, name, err);

    if (rc < 0 && errno == ENOENT) {
        err_clear(err);
        rc = 0;
    }
    return rc;
}

int fs_can_exchange(const struct fs_dir *dir, const char *name, bool *yes,
                    struct err *err)
{
    struct strbuf a = { 0 }, b = { 0 };
    struct pair pair = { .from_dir = dir, .to_dir = dir };
    int rc = -1;

    *yes = false;
    if (fs_private_dir(dir, name, ".mpifetch-probe-", &a, err) < 0)
        goto out;
    if (fs_private_dir(dir, name, ".mpifetch-probe-", &b, err) == 0) {
        pair.from = a.data;
        pair.to = b.data;
        *yes = pair_begin(&pair) == 0 && exchange_works(&pair.a, &pair.b);
        pair_end(&pair);
        rc = remove_probe(dir, b.data, err);
    }
    if (remove_probe(dir, a.data, rc == 0 ? err : NULL) < 0)
        rc = -1;
out:
    strbuf_release(&a);
    strbuf_release(&b);
    return rc;
}

bool fs_is_there(const struct fs_dir *dir, const char *name)
{
    struct fs_info info;

    return fs_look(dir, name, &info, NULL) == 0 && info.kind != FS_MISSING;
}

bool fs_is_missing(const struct fs_dir *dir, const char *name)
{
    struct fs_info info;

    return fs_look(dir, name, &info, NULL) == 0 && info.kind == FS_MISSING;
}

int fs_link(const struct fs_dir *from_dir, const char *from, const struct fs_dir *to_dir,
            const char *to, struct err *err)
{
    struct pair pair = { from_dir, to_dir, from, to, { 0 }, { 0 } };
    struct stat st;
    int rc = pair_begin(&pair);

    if (rc == 0)
        rc = linkat(pair.a.fd, pair.a.name, pair.b.fd, pair.b.name, 0);
    if (rc < 0 && errno == EEXIST && look(&pair.a, &st) == 0)
        rc = is_same(&st, &pair.b) ? 0 : -1;
    pair_end(&pair);
    return rc < 0 ? fail_pair(err, "link", &pair) : 0;
}

int fs_symlink(const char *target, const struct fs_dir *dir, const char *name,
               struct err *err)
{
    struct fs_at at;
    int rc = fs_at_begin(&at, dir, name);
    char text[PATH_MAX];

    if (rc == 0)
        rc = symlinkat(target, at.fd, at.name);
    fs_at_end(&at);
    return rc < 0 ? err_set(err, ERR_DEST,
                            "cannot create the symbolic link '%s' to '%s': %s",
                            fs_at_path(text, dir, name), target, fs_at_reason(dir))
                  : 0;
}

int fs_readlink(const struct fs_dir *dir, const char *name, struct strbuf *target,
                struct err *err)
{
    char text[PATH_MAX];
    struct fs_at at;
    ssize_t n = fs_at_begin(&at, dir, name);

    if (n == 0)
        n = readlinkat(at.fd, at.name, text, sizeof(text));
    fs_at_end(&at);
    if (n == (ssize_t)sizeof(text)) {
        errno = ENAMETOOLONG; /* it may have been cut */
        n = -1;
    }
    if (n < 0)
        return fail(err, "read the symbolic link", dir, name);
    strbuf_add(target, text, (size_t)n);
    return target->failed ? err_memory(err, "a path") : 0;
}

int fs_unlink(const struct fs_dir *dir, const char *name, struct err *err)
{
    struct fs_at at;
    int rc = fs_at_begin(&at, dir, name);

    if (rc == 0)
        rc = unlinkat(at.fd, at.name, 0);
    fs_at_end(&at);
    if (rc < 0 && errno != ENOENT && errno != ENOTDIR)
        return fail(err, "remove", dir, name);
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
        return fail(err, "find", NULL, path);
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
    rc = fs_readlink(NULL, a->done.data, &target, err);
    if (rc == 0)
        rc = follow(a, &target, path, err);
    strbuf_release(&target);
    return rc;
}

int fs_here(struct strbuf *out, struct err *err)
{
    char *here = getcwd(NULL, 0);

    if (!here)
        return fail(err, "determine", NULL, "the current directory");
    strbuf_adds(out, here);
    strbuf_adds(out, "/");
    free(here);
    return 0;
}

static int start(struct absolute *a, const char *path, struct err *err)
{
    if (!path[0]) {
        errno = ENOENT;
        fail(err, "find", NULL, path);
        return -1;
    }
    if (path[0] != '/' && fs_here(&a->todo, err) < 0)
        return -1;
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
