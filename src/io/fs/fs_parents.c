#include "io/fs/fs_parents.h"

#include <stdlib.h>
#include <string.h>

static void let_go(struct fs_parent *parent)
{
    fs_dir_close(&parent->dir);
    free(parent->name);
    *parent = (struct fs_parent){ 0 };
}

static const struct fs_parent *find(const struct fs_parents *parents,
                                    const struct fs_dir *in, const char *name, size_t len)
{
    for (unsigned i = 0; i < FS_PARENTS; i++) {
        const struct fs_parent *parent = &parents->held[i];

        if (parent->in == in && strncmp(parent->name, name, len) == 0 &&
            parent->name[len] == '\0')
            return parent;
    }
    return NULL;
}

static const struct fs_parent *hold(struct fs_parents *parents, const struct fs_dir *in,
                                    const char *name, size_t len)
{
    struct fs_parent *parent = &parents->held[parents->next];

    let_go(parent);
    parent->name = strndup(name, len);
    if (!parent->name ||
        fs_dir_open(&parent->dir, in, len ? parent->name : ".", NULL) < 0) {
        let_go(parent);
        return NULL;
    }
    parent->in = in;
    parents->next = (parents->next + 1) % FS_PARENTS;
    return parent;
}

const struct fs_dir *fs_parents_of(struct fs_parents *parents, const struct fs_dir *in,
                                   const char *name, const char **last)
{
    const char *slash = strrchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 0;
    const struct fs_parent *parent = find(parents, in, name, len);

    if (!parent)
        parent = hold(parents, in, name, len);
    *last = parent && slash ? slash + 1 : name;
    return parent ? &parent->dir : in;
}

void fs_parents_close(struct fs_parents *parents)
{
    for (unsigned i = 0; i < FS_PARENTS; i++)
        let_go(&parents->held[i]);
    parents->next = 0;
}
