#include "publish/foresight.h"

#include <string.h>

#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "resume/run_dir.h"

int foresight_existing(char *path, struct fs_info *info, struct err *err)
{
    for (;;) {
        char *slash = strrchr(path, '/');

        if (fs_look_through(NULL, path, info, err) < 0)
            return -1;
        if (info->kind != FS_MISSING || !slash || !slash[1])
            return 0;
        slash[slash == path] = '\0';
    }
}

int foresight_open(struct run *run, struct err *err)
{
    struct strbuf parent = { 0 };
    struct fs_info info;
    int rc;

    layout_parent(run->opt.dest, &parent);
    if (parent.failed)
        return err_memory(err, "a path");
    rc = foresight_existing(parent.data, &info, err);
    if (rc == 0 && info.kind != FS_DIRECTORY)
        rc = err_set(err, ERR_DEST, "cannot create '%s': '%s' is not a directory",
                     run->opt.dest, parent.data);
    if (rc == 0)
        rc = fs_check_writable(NULL, parent.data, err);
    fs_dir_close(&run->staging.parent);
    if (rc == 0) /* staging_open_parent would make it if it has just been removed */
        rc = fs_dir_open(&run->staging.parent, NULL, parent.data, err);
    strbuf_release(&parent);
    return rc;
}

static int stop_at_staging(void *arg, const char *name, struct err *err)
{
    (void)err;
    return run_dir_is_staging(name, arg) ? -1 : 0;
}

bool foresight_has_leftovers(const struct run *run)
{
    char prefix[FS_NAME];

    fs_format(prefix, ".%s.mpifetch-", layout_name(run->opt.dest));
    return fs_list(&run->staging.parent, ".", stop_at_staging, prefix, NULL) < 0;
}
