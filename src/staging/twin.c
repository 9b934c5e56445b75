#include "staging/twin.h"

#include <string.h>

#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/nap.h"

static const double patience = 5.0; /* seconds, for names that another node has made */

struct listing {
    const char *name;
    bool is_there;
};

static int compare(void *arg, const char *name, struct err *err)
{
    struct listing *listing = arg;

    (void)err;
    listing->is_there = strcmp(name, listing->name) == 0;
    return listing->is_there ? -1 : 0; /* the rest does not matter */
}

/* Whether its directory has just these bytes as a name; -1: it cannot be read. */
static int is_listed(const struct fs_dir *dir, const char *name, struct err *err)
{
    char parent[FS_NAME];
    struct listing listing = { .name = name };
    char *slash;

    fs_format(parent, "%s", name);
    slash = strrchr(parent, '/');
    if (slash) {
        listing.name = name + (slash - parent) + 1;
        *slash = '\0';
    }
    if (fs_list(dir, slash ? parent : ".", compare, &listing, err) < 0)
        return listing.is_there ? 1 : -1;
    return 0;
}

static int is_listed_soon(const struct fs_dir *dir, const char *name, struct err *err)
{
    double until = clock_now() + patience;
    struct nap nap = { .shortest = 0.001, .longest = 0.1 };
    int rc;

    while ((rc = is_listed(dir, name, err)) == 0 && clock_now() < until)
        nap_take(&nap);
    return rc;
}

static bool is_ascii(const char *name)
{
    while (*name && (unsigned char)*name < 0x80)
        name++;
    return !*name;
}

/* Some drop these at the end. */
static size_t bare_length(const char *name)
{
    size_t len = strlen(name);

    while (len > 0 && (name[len - 1] == '.' || name[len - 1] == ' '))
        len--;
    return len;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_same_but_for_case(const char *a, const char *b, size_t len)
{
    size_t i = 0;

    while (i < len && lower(a[i]) == lower(b[i]))
        i++;
    return i == len;
}

/* Whether some file system could take two names for one, so that a look at the other one
 * is worth its time: a directory may have very many. */
static bool may_be_one(const char *a, const char *b)
{
    size_t len = bare_length(a);

    return !is_ascii(a) || !is_ascii(b) ||
           (len == bare_length(b) && is_same_but_for_case(a, b, len));
}

/* A path up to the part that lies in the directory of name; false: it lies elsewhere, or
 * cannot be a twin. */
static bool beside(char part[FS_NAME], const char *path, const char *name)
{
    const char *slash = strrchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) + 1 : 0;

    if (strncmp(path, name, len) != 0)
        return false;
    fs_format(part, "%.*s", (int)(len + strcspn(path + len, "/")), path);
    return strcmp(part, name) != 0 && may_be_one(part + len, name + len);
}

/* Another name of the plan that leads to the same file or directory. Parents that are
 * twins were found before. */
static bool find_twin(const struct run *run, const struct fs_dir *dir, const char *name,
                      char twin[FS_NAME])
{
    struct fs_info mine, other;

    if (fs_look(dir, name, &mine, NULL) < 0 || mine.kind == FS_MISSING)
        return false;
    for (uint32_t i = 0; i < run->plan.nfiles; i++)
        if (beside(twin, plan_path(&run->plan, i), name) &&
            fs_look(dir, twin, &other, NULL) == 0 && other.kind != FS_MISSING &&
            other.device == mine.device && other.inode == mine.inode)
            return true;
    return false;
}

static int refuse(const struct run *run, const char *twin, const char *name,
                  struct err *err)
{
    return err_set(err, ERR_DEST,
                   "'%s' and '%s' would be the same file: the file system of '%s' takes "
                   "the two names for one",
                   twin, name, run->opt.dest);
}

int twin_check_known(const struct run *run, const struct fs_dir *dir, const char *name,
                     struct err *err)
{
    char twin[FS_NAME];

    if (!find_twin(run, dir, name, twin) ||
        (is_listed(dir, name, NULL) != 0 && is_listed(dir, twin, NULL) != 0))
        return 0;
    return refuse(run, twin, name, err);
}

int twin_check(const struct run *run, const struct fs_dir *dir, const char *name,
               struct err *err)
{
    char twin[FS_NAME];
    int listed;

    /* Under another name it may be listed as this one: some store one form of it. */
    if (find_twin(run, dir, name, twin))
        return refuse(run, twin, name, err);
    listed = is_listed_soon(dir, name, err);
    if (listed != 0)
        return listed < 0 ? -1 : 0;
    return err_set(err, ERR_DEST,
                   "cannot create '%s': the file system of '%s' takes it and another "
                   "name for one",
                   name, run->opt.dest);
}

int twin_check_fresh(const struct run *run, const struct fs_dir *dir, const char *name,
                     struct err *err)
{
    struct fs_info info;

    if (fs_look(dir, name, &info, err) < 0)
        return -1;
    return info.kind == FS_MISSING ? 0 : twin_check(run, dir, name, err);
}
