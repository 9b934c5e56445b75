#include "io/owner_file.h"

#include <stdlib.h>

#include "core/state/owner.h"
#include "io/fs/fs.h"

static const char final[] = "owner", begun[] = "owner.begun";
static const size_t most = 8 << 20; /* bytes: the longest list of processes */

int owner_file_write(const struct fs_dir *in, const char *name, const char *text,
                     size_t len, bool sync, struct err *err)
{
    char at[FS_NAME], path[FS_NAME];

    fs_format(at, "%s/%s", name, begun);
    fs_format(path, "%s/%s", name, final);
    if (fs_write_all(in, at, text, len, false, sync, err) < 0 ||
        fs_rename(in, at, in, path, FS_RENAME_REPLACE, err) < 0)
        return -1;
    return sync ? fs_sync_path(in, name, err) : 0;
}

static char *read_text(const struct fs_dir *dir, const char *name)
{
    char *text = NULL;
    size_t len;

    fs_read_regular(dir, name, most, &text, &len, NULL);
    return text;
}

char *owner_file_read(const struct fs_dir *dir)
{
    return read_text(dir, final);
}

bool owner_file_is_there(const struct fs_dir *dir)
{
    return fs_is_there(dir, final) || fs_is_there(dir, begun);
}

void owner_file_drop_begun(const struct fs_dir *dir)
{
    char *text = read_text(dir, begun);

    if (text && owner_is_begun(text))
        fs_unlink(dir, begun, NULL);
    free(text);
}
