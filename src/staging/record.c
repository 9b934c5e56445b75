#include "staging/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"

enum { RECORD_MOST = 64 }; /* records beside one DEST that are compared with its files */

const char *record_beside_name(char name[FS_NAME], const char *dest)
{
    return fs_format(name, ".%s.mpifetch", layout_name(dest));
}

struct search {
    const struct record_tree *tree;
    struct record *record;
    struct fs_identity identity; /* of the tree */
    bool found;                  /* by identity */
    char close[FS_NAME];         /* one of which most files agree */
    char content_id[65];         /* of the one whose every file agrees ... */
    size_t most;                 /* ... how many it has ... */
    bool same;                   /* ... and whether it names the inode of the tree */
    unsigned looked, agree, come_close;
};

static const char *name_beside(char name[FS_NAME], const struct record_tree *tree,
                               const char *entry)
{
    char beside[FS_NAME];

    return fs_format(name, "%s/%s", record_beside_name(beside, tree->dest), entry);
}

struct listing {
    int (*visit)(void *arg, const char *name, struct err *err);
    void *arg;
};

static int visit_record(void *arg, const char *name, struct err *err)
{
    const struct listing *listing = arg;

    return text_starts(name, "run-") ? listing->visit(listing->arg, name, err) : 0;
}

int record_list(const struct fs_dir *parent, const char *dest,
                int (*visit)(void *arg, const char *name, struct err *err), void *arg,
                struct err *err)
{
    struct listing listing = { visit, arg };
    char name[FS_NAME];

    return fs_is_there(parent, record_beside_name(name, dest))
               ? fs_list(parent, name, visit_record, &listing, err)
               : 0;
}

static int look_at_identity(void *arg, const char *entry, struct err *err)
{
    struct search *search = arg;
    struct manifest head;
    char name[FS_NAME];

    (void)err;
    name_beside(name, search->tree, entry);
    if (manifest_load_head(&head, search->tree->parent, name, NULL) < 0)
        return 0;
    search->found = fs_identity_same(&head.tree, &search->identity);
    manifest_release(&head);
    if (search->found)
        fs_format(search->record->name, "%s", name);
    return search->found ? -1 : 0;
}

static size_t count_agreeing(const struct manifest *manifest,
                             const struct record_tree *tree)
{
    size_t count = 0;

    for (size_t i = 0; i < manifest->nfiles; i++)
        count += manifest_agrees(&manifest->file[i], tree->dir, tree->name);
    return count;
}

/* As far as that can be told where no time of birth is known. */
static bool may_be_same(const struct search *search, const struct manifest *manifest)
{
    return manifest->tree.inode == search->identity.inode &&
           (manifest->tree.born_ns == 0 || search->identity.born_ns == 0);
}

/* A tree of which files were taken away is described by the old record only, one to which
 * files were added by both. Times are whole seconds: of two contents that follow each other
 * closely both may agree, and then the inode decides. */
static void note_agreeing(struct search *search, const struct manifest *manifest,
                          const char *name)
{
    bool same = may_be_same(search, manifest);
    bool ties = search->agree > 0 && manifest->nfiles == search->most;

    if (search->agree > 0 && manifest->nfiles < search->most)
        return;
    if (ties && same == search->same &&
        strcmp(search->content_id, manifest->content_id) != 0) {
        search->agree++;
        return;
    }
    if (ties && !same && search->same)
        return;
    search->agree = 1;
    search->most = manifest->nfiles;
    search->same = same;
    memcpy(search->content_id, manifest->content_id, sizeof(search->content_id));
    fs_format(search->record->name, "%s", name);
}

static int look_at_files(void *arg, const char *entry, struct err *err)
{
    struct search *search = arg;
    struct manifest manifest;
    char name[FS_NAME];
    size_t count;

    (void)err;
    name_beside(name, search->tree, entry);
    if (++search->looked > RECORD_MOST ||
        manifest_load(&manifest, search->tree->parent, name, NULL) < 0)
        return 0;
    count = count_agreeing(&manifest, search->tree);
    if (count == manifest.nfiles) {
        note_agreeing(search, &manifest, name);
    } else if (may_be_same(search, &manifest) && 2 * count >= manifest.nfiles) {
        search->come_close++;
        fs_format(search->close, "%s", name);
    }
    manifest_release(&manifest);
    return 0;
}

static bool find_by_files(struct search *search)
{
    const struct record_tree *tree = search->tree;

    if (record_list(tree->parent, tree->dest, look_at_files, search, NULL) < 0 ||
        search->looked > RECORD_MOST)
        return false;
    if (search->agree == 0 && search->come_close == 1) {
        fs_format(search->record->name, "%s", search->close);
        return true;
    }
    return search->agree == 1;
}

/* *why keeps what is wrong with a record that is there. */
static bool find_inside(struct record *record, const struct record_tree *tree,
                        const char *place, struct err *why)
{
    struct manifest head;
    char file[FS_NAME];

    fs_format(record->name, "%s/%s", tree->name, place);
    if (!fs_is_there(tree->dir, fs_format(file, "%s/%s", record->name, MANIFEST_NAME)) ||
        manifest_load_head(&head, tree->dir, record->name, why) < 0)
        return false;
    manifest_release(&head);
    return true;
}

static int found_at(struct record *record, enum record_place place)
{
    record->place = place;
    return 0;
}

int record_find(struct record *record, const struct record_tree *tree, struct err *err)
{
    struct search search = { .tree = tree, .record = record };
    bool beside = tree->parent && fs_identify(tree->dir, tree->name, &search.identity);
    bool told = beside && search.identity.born_ns != 0;
    struct err why = { 0 };

    *record = (struct record){ 0 };
    if (told)
        record_list(tree->parent, tree->dest, look_at_identity, &search, NULL);
    if (search.found || (beside && !told && find_by_files(&search)))
        return found_at(record, RECORD_BESIDE);
    if (find_inside(record, tree, RECORD_HUB_NAME, &why))
        return found_at(record, RECORD_HUB);
    if (find_inside(record, tree, RECORD_INSIDE_NAME, &why))
        return found_at(record, RECORD_INSIDE);
    if (told && find_by_files(&search))
        return found_at(record, RECORD_BESIDE);
    *record = (struct record){ 0 };
    return why.code != ERR_NONE
               ? err_copy(err, &why)
               : err_set(
                     err, ERR_DEST, "there is no record of '%s%s%s', in it or beside it",
                     tree->dir ? tree->dir->path : "", tree->dir ? "/" : "", tree->name);
}

typedef int manifest_loader(struct manifest *manifest, const struct fs_dir *dir,
                            const char *record, struct err *err);

static int load(struct manifest *manifest, const struct record_tree *tree,
                struct record *record, manifest_loader *loader, struct err *err)
{
    struct record found;

    *manifest = (struct manifest){ 0 };
    if (record_find(&found, tree, err) < 0)
        return -1;
    if (record)
        *record = found;
    if (loader(manifest, found.place == RECORD_BESIDE ? tree->parent : tree->dir,
               found.name, err) < 0)
        return -1;
    manifest->inside = found.place == RECORD_HUB      ? RECORD_HUB_NAME
                       : found.place == RECORD_INSIDE ? RECORD_INSIDE_NAME
                                                      : NULL;
    return 0;
}

int record_load(struct manifest *manifest, const struct record_tree *tree,
                struct record *record, struct err *err)
{
    return load(manifest, tree, record, manifest_load, err);
}

int record_load_head(struct manifest *manifest, const struct record_tree *tree,
                     struct record *record, struct err *err)
{
    return load(manifest, tree, record, manifest_load_head, err);
}

/* Of a path without links in front of its last part: what DEST lies in, and DEST. A version
 * has the records of its DEST. */
static bool split(const char *path, char parent[FS_NAME], char dest[FS_NAME])
{
    static const char versions[] = ".versions";
    const char *name = layout_name(path), *above;
    size_t len = (size_t)(name - path);

    fs_format(parent, "%.*s", (int)(len > 1 ? len - 1 : len), path);
    fs_format(dest, "%s", name);
    above = layout_name(parent);
    if (*above == '.' && text_ends(above, versions)) {
        fs_format(dest, "%.*s", (int)(strlen(above) - sizeof(versions)), above + 1);
        len = (size_t)(above - parent);
        parent[len > 1 ? len - 1 : len] = '\0';
    }
    return *parent && *dest;
}

static int load_at(struct manifest *manifest, const char *dest, const char *path,
                   struct record *record, manifest_loader *loader, struct err *err)
{
    char parent[FS_NAME], name[FS_NAME];
    struct fs_dir dir = { 0 };
    struct record_tree tree = { .name = dest };
    int rc;

    if (split(path, parent, name) && fs_dir_open(&dir, NULL, parent, NULL) == 0) {
        tree.parent = &dir;
        tree.dest = name;
    }
    rc = load(manifest, &tree, record, loader, err);
    fs_dir_close(&dir);
    return rc;
}

static int load_dest(struct manifest *manifest, const char *dest, struct record *record,
                     manifest_loader *loader, struct err *err)
{
    struct fs_info info;
    char *real = NULL;
    int rc = load_at(manifest, dest, dest, record, loader, err);

    if (rc == 0 || fs_look(NULL, dest, &info, NULL) < 0 || info.kind != FS_SYMLINK ||
        !(real = realpath(dest, NULL)))
        return rc;
    if (load_at(manifest, dest, real, record, loader, NULL) == 0) {
        err_clear(err);
        rc = 0;
    }
    free(real);
    return rc;
}

int record_load_dest(struct manifest *manifest, const char *dest, struct record *record,
                     struct err *err)
{
    return load_dest(manifest, dest, record, manifest_load, err);
}

int record_load_dest_head(struct manifest *manifest, const char *dest,
                          struct record *record, struct err *err)
{
    return load_dest(manifest, dest, record, manifest_load_head, err);
}

bool record_is_by(const struct record_tree *tree, const char *run)
{
    struct manifest head;
    bool is = record_load_head(&head, tree, NULL, NULL) == 0 && *run &&
              strcmp(head.run, run) == 0;

    manifest_release(&head);
    return is;
}
