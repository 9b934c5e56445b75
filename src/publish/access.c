#include "publish/access.h"

#include <errno.h>

#include "io/account.h"
#include "io/fs/fs.h"

int access_check(const struct fs_dir *dir, const char *name, const struct fs_info *info,
                 struct err *err)
{
    char owner[ACCOUNT_TEXT], user[ACCOUNT_TEXT];
    struct err why = { 0 };

    /* What an open would say, without asking a metadata server for each file. */
    if (info->uid == account_mine() && (info->mode & 0400))
        return 0;
    if (fs_can_read(dir, name, &why) == 0)
        return 0;
    if (errno != EACCES && errno != EPERM)
        return err_copy(err, &why);
    return err_set_why(
        err, ERR_DEST, REASON_PERMISSION,
        "'%s%s%s' belongs to %s and %s cannot read it: its owner can allow "
        "that (chmod a+r), or choose another destination",
        dir ? dir->path : "", dir ? "/" : "", name, account_text(info->uid, owner),
        account_text(account_mine(), user));
}
