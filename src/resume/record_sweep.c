#include "resume/record_sweep.h"

#include <string.h>

#include "base/text.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "resume/leftovers.h"
#include "resume/run_dir.h"
#include "resume/versions.h"
#include "staging/record.h"

struct sweep {
    const struct fs_dir *parent;
    const char *dest;
    struct manifest head; /* of the record that is looked at */
    const char *name;     /* its directory in parent */
    bool only_say, used;
    bool evident; /* something in there shows that mpifetch made it all */
    unsigned left;
};

static const char *file_in(char name[FS_NAME], const char *record, const char *file)
{
    return fs_format(name, "%s/%s", record, file);
}

/* Whether it is the one that is found for that tree. */
static bool describes(const struct sweep *sweep, const struct fs_dir *dir,
                      const char *name)
{
    const struct record_tree tree = { dir, name, sweep->parent, sweep->dest };
    struct record record;

    return record_find(&record, &tree, NULL) == 0 && record.place == RECORD_BESIDE &&
           strcmp(record.name, sweep->name) == 0;
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

/* The manifest last but one, since without it nothing shows whose it is. What else lies in
 * there keeps the directory. */
static bool remove_record(const struct sweep *sweep)
{
    char file[FS_NAME];

    return fs_unlink(sweep->parent, file_in(file, sweep->name, MANIFEST_SUMS), NULL) ==
               0 &&
           fs_unlink(sweep->parent, file_in(file, sweep->name, MANIFEST_NAME), NULL) ==
               0 &&
           fs_remove_empty(sweep->parent, sweep->name, NULL) == 0;
}

/* What a kill left of a removal. */
static bool remove_rest(const struct sweep *sweep)
{
    return !sweep->only_say && fs_remove_empty(sweep->parent, sweep->name, NULL) == 0;
}

static bool is_mine(const struct sweep *sweep, const char *name)
{
    struct fs_dir dir = { 0 };
    bool is = fs_dir_open(&dir, sweep->parent, name, NULL) == 0 &&
              fs_dir_is_mine(&dir, sweep->parent);

    fs_dir_close(&dir);
    return is;
}

/* One for people (staging/record_write.h), that leads to run-XXXXXX/FILE. */
static bool is_link(const struct sweep *sweep, const char *name, const char *file)
{
    struct strbuf target = { 0 };
    char *slash;
    bool is = fs_readlink(sweep->parent, name, &target, NULL) == 0 && target.data &&
              (slash = strchr(target.data, '/')) && strcmp(slash + 1, file) == 0;

    if (is) {
        *slash = '\0';
        is = run_dir_is_run(target.data);
    }
    strbuf_release(&target);
    return is;
}

static int look_at_entry(void *arg, const char *entry, struct err *err)
{
    struct sweep *sweep = arg;
    char name[FS_NAME], beside[FS_NAME];
    bool goes = false;

    (void)err;
    sweep->name = file_in(name, record_beside_name(beside, sweep->dest), entry);
    if (strcmp(entry, MANIFEST_NAME) == 0 || strcmp(entry, MANIFEST_SUMS) == 0)
        goes = is_link(sweep, name, entry);
    else if (run_dir_is_run(entry) && is_mine(sweep, name))
        goes = manifest_load_head(&sweep->head, sweep->parent, name, NULL) == 0
                   ? strcmp(sweep->head.run, entry) == 0 && !is_used(sweep) &&
                         (sweep->only_say || remove_record(sweep))
                   : remove_rest(sweep);
    sweep->left += !goes;
    sweep->evident |= goes;
    manifest_release(&sweep->head);
    return 0;
}

static void remove_link(const struct sweep *sweep, const char *beside, const char *file)
{
    char name[FS_NAME];

    if (is_link(sweep, file_in(name, beside, file), file))
        fs_unlink(sweep->parent, name, NULL);
}

static int stop_at_staging(void *arg, const char *name, struct err *err)
{
    const struct sweep *sweep = arg;
    char prefix[FS_NAME];

    (void)err;
    fs_format(prefix, ".%s.mpifetch-", sweep->dest);
    return run_dir_is_staging(name, prefix) ? -1 : 0;
}

/* Empty, and no run is there that may be about to put its record there: a kill left it. With
 * somebody's own nothing is lost either. */
static bool is_spare(struct sweep *sweep)
{
    return fs_list(sweep->parent, ".", stop_at_staging, sweep, NULL) == 0;
}

bool record_sweep(const struct fs_dir *parent, const char *dest, bool only_say)
{
    struct sweep sweep = { .parent = parent, .dest = dest, .only_say = only_say };
    char beside[FS_NAME];
    struct fs_info info;

    if (fs_look(parent, record_beside_name(beside, dest), &info, NULL) < 0 ||
        info.kind != FS_DIRECTORY ||
        fs_list(parent, beside, look_at_entry, &sweep, NULL) < 0 || sweep.left > 0 ||
        !is_mine(&sweep, beside) || (!sweep.evident && !is_spare(&sweep)))
        return false;
    if (only_say)
        return true;
    remove_link(&sweep, beside, MANIFEST_NAME);
    remove_link(&sweep, beside, MANIFEST_SUMS);
    return fs_remove_empty(parent, beside, NULL) == 0;
}

bool record_sweep_dest(const char *entry, char dest[FS_NAME])
{
    char beside[FS_NAME];

    if (*entry != '.' || !text_ends(entry, ".mpifetch"))
        return false;
    fs_format(dest, "%.*s", (int)(strlen(entry) - strlen(".mpifetch")) - 1, entry + 1);
    return *dest && strcmp(record_beside_name(beside, dest), entry) == 0;
}
