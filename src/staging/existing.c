#include "staging/existing.h"

#include "io/fs/fs.h"

void existing_note(struct existing_file *file, const struct fs_info *info)
{
    file->mtime_ns = info->mtime_ns;
    file->ctime_ns = info->ctime_ns;
    file->inode = info->inode;
}

bool existing_is_same(const struct existing_file *known, const struct existing_file *now)
{
    return now->inode == known->inode && now->mtime_ns == known->mtime_ns &&
           (now->ctime_ns == known->ctime_ns || !known->foreign);
}

bool existing_is_still(const struct existing_file *known, uint64_t size,
                       const struct fs_info *info)
{
    struct existing_file now = { 0 };

    existing_note(&now, info);
    return info->kind == FS_FILE && info->size == size && existing_is_same(known, &now);
}

bool existing_is_written(const struct existing_file *known, const struct fs_info *info)
{
    return info->inode == known->inode && info->mtime_ns != known->mtime_ns;
}
