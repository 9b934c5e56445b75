#include "io/fs/fs_stripe.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/fs/fs_at.h"
#include "io/spawn.h"

enum {
    LUSTRE = 0x0BD00BD0,    /* of statfs */
    LAYOUT_MOST = 64 << 10, /* bytes of an attribute */
    ANY_OST = -1,           /* to begin on */
    DEFAULT = 0             /* size of a stripe, pattern */
};

static const double patience = 30; /* seconds for lfs */

/* From liblustreapi: lustreapi.h. Both are there since 1.8. */
typedef int file_open_call(const char *name, int flags, int mode,
                           unsigned long long stripe_size, int offset, int count,
                           int pattern);
typedef int obd_count_call(char *mount, int *count, int is_mdt);
typedef void message_level_call(int level);

/* The library stays loaded: what it has begun may not end with us. */
static void *load(void)
{
    static const char *const names[] = { "liblustreapi.so.1", "liblustreapi.so" };
    void *library = NULL;

    for (size_t i = 0; i < countof(names) && !library; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    return library;
}

/* ISO C has no cast from an object to a function. */
static bool find(void *library, const char *name, void *call)
{
    void *found = library ? dlsym(library, name) : NULL;

    memcpy(call, &found, sizeof(found));
    return found != NULL;
}

struct attribute {
    ssize_t len; /* < 0: it has none */
    char bytes[LAYOUT_MOST];
};

/* The layout of what is made in a directory; where it has none, that of the root. */
static void read_layout(int fd, struct attribute *attribute)
{
    attribute->len =
        fgetxattr(fd, "lustre.lov", attribute->bytes, sizeof(attribute->bytes));
}

/* The directory at which the file system is mounted. */
static int open_root(int fd)
{
    struct stat here, above;
    int up = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    while (up >= 0) {
        int next = openat(up, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool top = next < 0 || fstat(up, &here) < 0 || fstat(next, &above) < 0 ||
                   here.st_dev != above.st_dev || here.st_ino == above.st_ino;

        if (top) {
            if (next >= 0)
                close(next);
            break;
        }
        close(up);
        up = next;
    }
    return up;
}

static bool is_alike(const struct attribute *a, const struct attribute *b)
{
    if (a->len < 0 || b->len < 0)
        return a->len < 0 && b->len < 0;
    return a->len == b->len && memcmp(a->bytes, b->bytes, (size_t)a->len) == 0;
}

static void compare_root(int fd, struct fs_stripes *stripes)
{
    struct attribute *here = malloc(2 * sizeof(*here));
    int top = here ? open_root(fd) : -1;

    if (here)
        read_layout(fd, &here[0]);
    if (top >= 0) {
        read_layout(top, &here[1]);
        close(top);
    }
    if (top >= 0 && here[0].len >= 0) {
        stripes->layout = stripe_parse(here[0].bytes, (size_t)here[0].len);
        stripes->own = !is_alike(&here[0], &here[1]);
    }
    free(here);
}

static unsigned count_osts(const struct fs_dir *dir, const char *name)
{
    char text[PATH_MAX], path[PATH_MAX];
    void *library = load();
    obd_count_call *call;
    int count = 0;

    snprintf(path, sizeof(path), "%s", fs_at_path(text, dir, name));
    if (!find(library, "llapi_get_obd_count", &call) || call(path, &count, 0) < 0)
        count = 0;
    if (library)
        dlclose(library);
    return count > 0 ? (unsigned)count : 0;
}

struct fs_stripes fs_stripes_look(const struct fs_dir *dir, const char *name)
{
    struct fs_stripes stripes = { 0 };
    int fd = fs_at_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
    struct statfs system;

    /* the type is signed on some machines */
    if (fd >= 0 && fstatfs(fd, &system) == 0 && (uint32_t)system.f_type == LUSTRE) {
        stripes.lustre = true;
        compare_root(fd, &stripes);
        stripes.osts = count_osts(dir, name);
    }
    if (fd >= 0)
        close(fd);
    return stripes;
}

/* The library takes a path: what it has made is compared with what has the name. */
static int check_made(int fd, const struct fs_dir *dir, const char *name)
{
    struct fs_info made, found;

    if (fs_look_open(fd, dir, name, &made, NULL) < 0 ||
        fs_look(dir, name, &found, NULL) < 0)
        return -1;
    if (made.inode == found.inode && made.device == found.device)
        return 0;
    errno = ESTALE;
    return -1;
}

/* 1: there is no such library. */
static int make_by_library(const struct fs_dir *dir, const char *name, int count)
{
    char text[PATH_MAX];
    void *library = load();
    file_open_call *call;
    message_level_call *set_level;
    int fd, rc = 1;

    if (!find(library, "llapi_file_open", &call))
        goto out;
    if (find(library, "llapi_msg_set_level", &set_level))
        set_level(0); /* it is we who say what fails */
    fd = call(fs_at_path(text, dir, name), O_CREAT | O_EXCL | O_RDWR, 0666, DEFAULT,
              ANY_OST, count, DEFAULT);
    rc = fd < 0 ? -1 : check_made(fd, dir, name);
    if (fd >= 0)
        close(fd);
    else
        errno = -fd;
out:
    if (library)
        dlclose(library);
    return rc;
}

static int make_by_program(const struct fs_dir *dir, const char *name, int count)
{
    char number[16], text[PATH_MAX];
    char *const argv[] = { (char *)(uintptr_t) "lfs",
                           (char *)(uintptr_t) "setstripe",
                           (char *)(uintptr_t) "-c",
                           number,
                           (char *)(uintptr_t)fs_at_path(text, dir, name),
                           NULL };

    snprintf(number, sizeof(number), "%d", count);
    return spawn_wait(argv, patience);
}

int fs_stripes_make(const struct fs_dir *dir, const char *name, unsigned count,
                    struct err *err)
{
    int rc = make_by_library(dir, name, (int)count);

    if (rc > 0)
        rc = make_by_program(dir, name, (int)count);
    return rc < 0 ? fs_at_fail(err, ERR_DEST, "set the stripes of", dir, name) : 0;
}
