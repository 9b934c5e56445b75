#include "app/apart.h"

#include <string.h>

#include "io/fs/fs.h"

/* Cut the last name off. false: it was the root. */
static bool cut_name(char path[FS_NAME])
{
    char *slash = strrchr(path, '/');

    if (!slash || !slash[1])
        return false;
    slash[slash == path] = '\0';
    return true;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The same file; or neither is there, and they would be the same name in one directory. */
static bool is_same(const char *one, const char *other)
{
    char a[FS_NAME], b[FS_NAME];
    struct fs_info left, right;

    fs_format(a, "%s", one);
    fs_format(b, "%s", other);
    do {
        bool there =
            fs_look_through(NULL, a, &left, NULL) == 0 && left.kind != FS_MISSING;
        bool too =
            fs_look_through(NULL, b, &right, NULL) == 0 && right.kind != FS_MISSING;

        if (there || too)
            return there && too && left.device == right.device &&
                   left.inode == right.inode;
        if (strcmp(last_name(a), last_name(b)) != 0)
            return false;
    } while (cut_name(a) && cut_name(b));
    return false;
}

static bool lies_in(const char *inner, const char *outer)
{
    char path[FS_NAME];

    fs_format(path, "%s", inner);
    do {
        if (is_same(path, outer))
            return true;
    } while (cut_name(path));
    return false;
}

bool apart(const char *one, const char *other)
{
    return !lies_in(one, other) && !lies_in(other, one);
}
