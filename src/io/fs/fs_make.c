#include "io/fs/fs_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fs/fs.h"
#include "io/fs/fs_at.h"

enum {
    SUFFIX = 6,       /* random characters of a fresh name */
    FRESH_TRIES = 100 /* most, until a name is fresh */
};

static int fail_at(struct err *err, const char *verb, const struct fs_dir *dir,
                   const char *name)
{
    return fs_at_fail(err, ERR_DEST, verb, dir, name);
}

/* What a symlink leads to counts only where names are the user's own. */
static bool is_directory(const struct fs_dir *dir, const char *name)
{
    struct fs_info info;

    return (dir ? fs_look(dir, name, &info, NULL)
                : fs_look_through(dir, name, &info, NULL)) == 0 &&
           info.kind == FS_DIRECTORY;
}

static int make(const struct fs_dir *dir, const char *name, mode_t mode)
{
    struct fs_at at;
    int rc = fs_at_begin(&at, dir, name);

    if (rc == 0)
        rc = mkdirat(at.fd, at.name, mode);
    fs_at_end(&at);
    return rc;
}

/* Any reason is fine if the directory is there: besides EEXIST an automounter or a
 * read-only parent says EACCES, EROFS or ENOSYS of what exists. */
static int make_or_find(const struct fs_dir *dir, const char *name, mode_t mode)
{
    int reason;

    if (make(dir, name, mode) == 0)
        return 0;
    reason = errno;
    if (is_directory(dir, name))
        return 0;
    errno = reason;
    return -1;
}

int fs_mkdir(const struct fs_dir *dir, const char *name, unsigned mode, struct err *err)
{
    return make_or_find(dir, name, mode) < 0 ? fail_at(err, "create directory", dir, name)
                                             : 0;
}

bool fs_is_writable(const struct fs_dir *dir, const char *name)
{
    struct fs_at at;
    int rc = fs_at_begin(&at, dir, name);

    if (rc == 0)
        rc = faccessat(at.fd, at.name, W_OK | X_OK, AT_EACCESS);
    fs_at_end(&at);
    return rc == 0;
}

int fs_remove_empty(const struct fs_dir *dir, const char *name, struct err *err)
{
    struct fs_at at;
    int rc = fs_at_begin(&at, dir, name);

    if (rc == 0)
        rc = unlinkat(at.fd, at.name, AT_REMOVEDIR);
    fs_at_end(&at);
    return rc < 0 ? fail_at(err, "remove directory", dir, name) : 0;
}

/* From the last part upwards, since the parents mostly exist and each look costs a round
 * trip on a shared file system. path is cut and mended in place. */
static int make_parents(const struct fs_dir *dir, char *path, struct err *err)
{
    char *slash;

    if (make_or_find(dir, path, 0777) == 0)
        return 0;
    slash = errno == ENOENT ? strrchr(path, '/') : NULL;
    if (!slash || slash == path)
        return fail_at(err, "create directory", dir, path);
    *slash = '\0';

    int rc = make_parents(dir, path, err);

    *slash = '/';
    if (rc == 0 && make_or_find(dir, path, 0777) < 0)
        rc = fail_at(err, "create directory", dir, path);
    return rc;
}

int fs_mkdirs(const struct fs_dir *dir, const char *name, struct err *err)
{
    char *copy = strdup(name);
    size_t len = 0;
    int rc;

    if (!copy)
        return err_memory(err, "a path");
    /* One slash between parts and none at the end, so that each cut removes one part. */
    for (const char *p = name; *p; p++)
        if (*p != '/' || len == 0 || copy[len - 1] != '/')
            copy[len++] = *p;
    if (len > 1 && copy[len - 1] == '/')
        len--;
    copy[len] = '\0';
    rc = make_parents(dir, copy, err);
    free(copy);
    return rc;
}

/* Six characters, as mkdtemp takes them. */
static bool choose_suffix(char suffix[SUFFIX + 1])
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    unsigned char chance[SUFFIX];

    if (getrandom(chance, sizeof(chance), 0) != SUFFIX)
        return false;
    for (int i = 0; i < SUFFIX; i++)
        suffix[i] = letters[chance[i] % (sizeof(letters) - 1)];
    suffix[SUFFIX] = '\0';
    return true;
}

static int fail_inside(struct err *err, const struct fs_dir *dir, const char *name)
{
    return fail_at(err, "create a directory in", dir, name);
}

int fs_check_writable(const struct fs_dir *dir, const char *name, struct err *err)
{
    return fs_is_writable(dir, name) ? 0 : fail_inside(err, dir, name);
}

int fs_private_dir(const struct fs_dir *dir, const char *name, const char *prefix,
                   struct strbuf *out, struct err *err)
{
    size_t len = out->len;
    char suffix[SUFFIX + 1];

    for (unsigned tries = 0; tries < FRESH_TRIES && choose_suffix(suffix); tries++) {
        if (out->data)
            out->data[out->len = len] = '\0';
        if (!dir || strcmp(name, ".") != 0)
            strbuf_addf(out, "%s/", name);
        strbuf_addf(out, "%s%s", prefix, suffix);
        if (out->failed)
            return err_memory(err, "a path");
        if (make(dir, out->data, 0700) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    if (out->data)
        out->data[out->len = len] = '\0';
    return fail_inside(err, dir, name);
}
