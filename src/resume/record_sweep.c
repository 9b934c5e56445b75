#include "resume/record_sweep.h"

#include <string.h>

#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "resume/leftovers.h"
#include "resume/versions.h"
#include "staging/record.h"

struct sweep {
    const struct fs_dir *parent;
    const char *dest;
    struct manifest head; /* of the record that is looked at */
    const char *name;     /* its directory in parent */
    bool used;
    unsigned left;
};

static const char *file_in(char name[FS_NAME], const char *record, const char *file)
{
    return fs_format(name, "%s/%s", record, file);
}

/* Where no time of birth is known, every doubt is in favour of the record. */
static bool describes(const struct sweep *sweep, const struct fs_dir *dir,
                      const char *tree)
{
    struct manifest whole;
    struct fs_identity identity;
    bool does = true;

    if (!fs_identify(dir, tree, &identity))
        return false;
    if (fs_identity_same(&sweep->head.tree, &identity) ||
        sweep->head.tree.inode == identity.inode)
        return true;
    if (sweep->head.tree.born_ns != 0 && identity.born_ns != 0)
        return false;
    if (manifest_load(&whole, sweep->parent, sweep->name, NULL) < 0)
        return true;
    for (size_t i = 0; does && i < whole.nfiles; i++)
        does = manifest_agrees(&whole.file[i], dir, tree);
    manifest_release(&whole);
    return does;
}

struct versions {
    struct sweep *sweep;
    struct fs_dir dir;
};

static int look_at_version(void *arg, const char *name, struct err *err)
{
    struct versions *versions = arg;

    (void)err;
    versions->sweep->used = describes(versions->sweep, &versions->dir, name);
    return versions->sweep->used ? -1 : 0;
}

/* First whether its run is there: one that is not has taken its step, or never will. */
static bool is_used(struct sweep *sweep)
{
    struct versions versions = { .sweep = sweep };

    sweep->used = leftovers_has_run(sweep->parent, sweep->dest, sweep->head.run);
    if (sweep->used)
        return true;
    fs_refresh(sweep->parent, layout_name(sweep->dest));
    sweep->used = describes(sweep, sweep->parent, layout_name(sweep->dest));
    if (!sweep->used &&
        versions_open(&versions.dir, sweep->parent, sweep->dest, false, NULL) == 0)
        fs_list(&versions.dir, ".", look_at_version, &versions, NULL);
    fs_dir_close(&versions.dir);
    return sweep->used;
}

/* What else lies in there keeps the directory. */
static bool remove_record(const struct sweep *sweep)
{
    char file[FS_NAME];

    return fs_unlink(sweep->parent, file_in(file, sweep->name, MANIFEST_NAME), NULL) ==
               0 &&
           fs_unlink(sweep->parent, file_in(file, sweep->name, MANIFEST_SUMS), NULL) ==
               0 &&
           fs_remove_empty(sweep->parent, sweep->name, NULL) == 0;
}

static bool is_ours(const struct sweep *sweep, const char *entry)
{
    struct fs_dir dir = { 0 };
    bool is = strcmp(sweep->head.run, entry) == 0 &&
              fs_dir_open(&dir, sweep->parent, sweep->name, NULL) == 0 &&
              fs_dir_is_mine(&dir, sweep->parent);

    fs_dir_close(&dir);
    return is;
}

static int look_at_record(void *arg, const char *entry, struct err *err)
{
    struct sweep *sweep = arg;
    char name[FS_NAME], beside[FS_NAME];

    (void)err;
    sweep->name =
        fs_format(name, "%s/%s", record_beside_name(beside, sweep->dest), entry);
    if (manifest_load_head(&sweep->head, sweep->parent, name, NULL) < 0 ||
        !is_ours(sweep, entry) || is_used(sweep) || !remove_record(sweep))
        sweep->left++;
    manifest_release(&sweep->head);
    return 0;
}

/* Links for people (staging/record_write.h), once they lead nowhere. */
static void remove_link(const struct sweep *sweep, const char *file)
{
    char name[FS_NAME], beside[FS_NAME];
    struct fs_info info;

    file_in(name, record_beside_name(beside, sweep->dest), file);
    if (fs_look(sweep->parent, name, &info, NULL) == 0 && info.kind == FS_SYMLINK)
        fs_unlink(sweep->parent, name, NULL);
}

void record_sweep(const struct fs_dir *parent, const char *dest)
{
    struct sweep sweep = { .parent = parent, .dest = dest };
    char beside[FS_NAME];

    if (record_list(parent, dest, look_at_record, &sweep, NULL) < 0 || sweep.left > 0)
        return;
    remove_link(&sweep, MANIFEST_NAME);
    remove_link(&sweep, MANIFEST_SUMS);
    fs_remove_empty(parent, record_beside_name(beside, dest), NULL);
}
