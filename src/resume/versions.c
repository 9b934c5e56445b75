#include "resume/versions.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "staging/manifest.h"

enum { ID = 64 }; /* digits of a content id */

static const char *name_of(char name[FS_NAME], const char *dest)
{
    return fs_format(name, ".%s.versions", layout_name(dest));
}

int versions_check(const struct fs_dir *parent, const char *dest, struct err *err)
{
    char name[FS_NAME];
    struct fs_info info;

    if (fs_look(parent, name_of(name, dest), &info, err) < 0)
        return -1;
    if (info.kind == FS_MISSING || info.kind == FS_DIRECTORY)
        return 0;
    return err_set(err, ERR_DEST,
                   "'%s/%s' is %s, but the versions of '%s' need a directory of that "
                   "name: move it",
                   parent->path, name,
                   info.kind == FS_SYMLINK ? "a symbolic link" : "not a directory", dest);
}

int versions_open(struct fs_dir *versions, const struct fs_dir *parent, const char *dest,
                  bool make, struct err *err)
{
    char name[FS_NAME];

    if (versions_check(parent, dest, err) < 0 ||
        (make && fs_mkdir(parent, name_of(name, dest), 0777, err) < 0))
        return -1;
    return fs_dir_open(versions, parent, name_of(name, dest), err);
}

/* The suffix of the id if the same content was published more than once. */
static bool is_number(const char *text)
{
    uint64_t number;

    return text[0] == '.' && text[1] != '0' && text_to_u64(text + 1, &number);
}

static bool is_version(const struct fs_dir *versions, const char *name)
{
    struct fs_info info;
    char id[ID + 1];

    return strlen(name) >= ID && (name[ID] == '\0' || is_number(name + ID)) &&
           fs_look(versions, name, &info, NULL) == 0 && info.kind == FS_DIRECTORY &&
           manifest_peek(versions, name, id) && strncmp(name, id, ID) == 0;
}

void versions_move(const struct fs_dir *versions, const char *name,
                   const struct fs_dir *to_dir, const char *to)
{
    if (is_version(versions, name))
        fs_rename(versions, name, to_dir, to, FS_RENAME_REPLACE, NULL);
}
