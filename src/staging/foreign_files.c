#include "staging/foreign_files.h"

#include "base/text.h"
#include "io/fs/fs.h"

bool foreign_files_is_one(const struct manifest *record, const char *path)
{
    return !text_starts(path, ".mpifetch/") &&
           !text_starts(path, ".cache/huggingface/") && !manifest_find(record, path);
}

struct look {
    const struct run *run;
    const struct manifest *record;
};

static int refuse(void *arg, const char *path, const struct fs_info *info,
                  struct err *err)
{
    const struct look *look = arg;

    (void)info;
    if (!foreign_files_is_one(look->record, path))
        return 0;
    return err_set(err, ERR_DEST,
                   "updating '%s' would delete '%s', which mpifetch did not create: move "
                   "it, or use --force",
                   look->run->opt.dest, path);
}

int foreign_files_refuse(const struct run *run, const struct manifest *record,
                         const char *tree, struct err *err)
{
    struct look look = { run, record };
    struct strbuf dir = { 0 };
    int rc;

    if (!record->file || run->opt.force)
        return 0;
    /* With the slash a symlink is followed: DEST may be one. */
    strbuf_addf(&dir, "%s/", tree);
    rc = dir.failed ? err_memory(err, "a path") : fs_walk(dir.data, refuse, &look, err);
    if (rc < 0 && err->code == ERR_SOURCE)
        err->code = ERR_DEST;
    strbuf_release(&dir);
    return rc;
}
