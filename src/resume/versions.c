#include "resume/versions.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "staging/record.h"

enum { ID = 64 }; /* digits of a content id */

static const char swept[] = "swept-", freed[] = "freed-";

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

static bool has_name_of(const char *name, const char *id)
{
    return strncmp(name, id, ID) == 0 && (name[ID] == '\0' || is_number(name + ID));
}

static const char *record_fault(const struct record_tree *version)
{
    struct manifest head;
    bool has = record_load_head(&head, version, NULL, NULL) == 0;
    bool fits = has && has_name_of(version->name, head.content_id);

    manifest_release(&head);
    return fits  ? NULL
           : has ? "is no version that mpifetch made"
                 : "has no record, so that it is not known whether mpifetch made it";
}

const char *versions_fault(const struct record_tree *version, const struct fs_dir *made)
{
    struct fs_info info, ours;
    const char *fault;

    if (fs_look(version->dir, version->name, &info, NULL) < 0 ||
        fs_look(made, ".", &ours, NULL) < 0 || info.kind != FS_DIRECTORY ||
        strlen(version->name) < ID)
        return "is no version that mpifetch made";
    fault = record_fault(version);
    if (fault)
        return fault;
    return fs_is_mine(&info, &ours) ? NULL : "belongs to another user";
}

/* -1: where DEST leads cannot be found out. */
static int look_whether_shown(const struct fs_dir *parent, const char *dest,
                              const char *name, struct err *err)
{
    struct strbuf target = { 0 };
    struct fs_info info;
    int rc = fs_look(parent, layout_name(dest), &info, err);

    if (rc == 0 && info.kind == FS_SYMLINK) {
        rc = fs_readlink(parent, layout_name(dest), &target, err);
        if (rc == 0 && target.data)
            rc = layout_is_version(dest, target.data) &&
                 strcmp(strrchr(target.data, '/') + 1, name) == 0;
    }
    strbuf_release(&target);
    return rc;
}

bool versions_is_shown(const struct fs_dir *parent, const char *dest, const char *name)
{
    return look_whether_shown(parent, dest, name, NULL) > 0;
}

int versions_sweep(const struct fs_dir *versions, const char *name,
                   const struct fs_dir *staging, char *moved, struct err *err)
{
    fs_format(moved, "%s%s", swept, name);
    return fs_rename(versions, name, staging, moved, FS_RENAME_ABSENT, err);
}

bool versions_are_swept_to(const char *moved)
{
    return text_starts(moved, swept);
}

static int free_one(void *arg, const char *name, struct err *err)
{
    const struct fs_dir *staging = arg;
    char to[FS_NAME];

    (void)err;
    /* One that keeps its name is looked at again after a kill, which is no loss. */
    if (versions_are_swept_to(name))
        fs_rename(staging, name, staging,
                  fs_format(to, "%s%s", freed, name + strlen(swept)), FS_RENAME_ABSENT,
                  NULL);
    return 0;
}

void versions_free(const struct fs_dir *staging)
{
    fs_list(staging, ".", free_one, (void *)(uintptr_t)staging, NULL);
}

static int move_back(const struct fs_dir *parent, const char *dest,
                     const struct fs_dir *staging, const char *moved, struct err *err)
{
    struct fs_dir versions = { 0 };
    int rc = versions_open(&versions, parent, dest, false, err);

    if (rc == 0)
        rc = fs_rename(staging, moved, &versions, moved + strlen(swept), FS_RENAME_ABSENT,
                       err);
    fs_dir_close(&versions);
    return rc;
}

static bool is_in_place(const struct fs_dir *parent, const char *dest, const char *name)
{
    struct fs_dir versions = { 0 };
    bool is = versions_open(&versions, parent, dest, false, NULL) == 0 &&
              fs_is_there(&versions, name);

    fs_dir_close(&versions);
    return is;
}

int versions_put_back(const struct fs_dir *parent, const char *dest,
                      const struct fs_dir *staging, const char *moved, struct err *err)
{
    struct err why = { 0 };
    int shown = look_whether_shown(parent, dest, moved + strlen(swept), &why);

    /* The content came back while this one was away: DEST leads to that. */
    if (shown > 0 && is_in_place(parent, dest, moved + strlen(swept)))
        shown = 0;
    if (shown == 0 || (shown > 0 && move_back(parent, dest, staging, moved, &why) == 0))
        return shown;
    return err_set(err, ERR_DEST,
                   "the version that '%s' %s lies in '%s/%s' and cannot be put back: %s",
                   dest, shown > 0 ? "leads to" : "may lead to", staging->path, moved,
                   why.text);
}
