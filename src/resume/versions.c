#include "resume/versions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "staging/manifest.h"

enum { ID = 64 }; /* digits of a content id */

int versions_check(const char *dest, struct err *err)
{
    struct strbuf path = { 0 };
    struct fs_info info;
    int rc = -1;

    layout_versions(dest, &path);
    if (path.failed)
        err_memory(err, "a path");
    else if (fs_look(path.data, &info, err) == 0)
        rc =
            info.kind == FS_MISSING || info.kind == FS_DIRECTORY
                ? 0
                : err_set(err, ERR_DEST,
                          "'%s' is %s, but the versions of '%s' need a directory of that "
                          "name: move it",
                          path.data,
                          info.kind == FS_SYMLINK ? "a symbolic link" : "not a directory",
                          dest);
    strbuf_release(&path);
    return rc;
}

/* What stands behind the id where the same content was published more than once. */
static bool is_number(const char *text)
{
    uint64_t number;

    return text[0] == '.' && text[1] != '0' && text_to_u64(text + 1, &number);
}

static bool is_version(const char *path, const char *name)
{
    struct fs_info info;
    char id[ID + 1];

    return strlen(name) >= ID && (name[ID] == '\0' || is_number(name + ID)) &&
           fs_look(path, &info, NULL) == 0 && info.kind == FS_DIRECTORY &&
           manifest_peek(path, id) && strncmp(name, id, ID) == 0;
}

void versions_move(const char *dest, const char *name, const char *to)
{
    struct strbuf versions = { 0 };
    char *path = NULL;
    int dir = -1;

    layout_versions(dest, &versions);
    if (!versions.failed)
        dir = fs_open_dir(versions.data, NULL);
    if (dir >= 0)
        path = fs_join(versions.data, name);
    if (path && is_version(path, name))
        fs_rename_from(dir, name, to, NULL);
    if (dir >= 0)
        fs_close(dir, versions.data, NULL);
    free(path);
    strbuf_release(&versions);
}
