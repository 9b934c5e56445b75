#include "app/config.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/account.h"
#include "io/fs/fs.h"

enum { CONFIG_BYTES = 64 << 10 }; /* of a file, at most */

static const char file_name[] = "mpifetch.conf";

static int refuse(const char *name, const char *why, struct err *err)
{
    return err_set(err, ERR_USAGE, "'%s' %s; --no-config does without it", name, why);
}

/* HOME may be that of somebody else, after sudo, or /tmp: who owns a file there must not say
 * where the token of this user goes. That of a site may belong to whoever keeps its software. */
static int check_owner(const struct config_file *file, const struct fs_info *info,
                       struct err *err)
{
    char owner[ACCOUNT_TEXT];

    if (!file->own || info->uid == 0 || info->uid == account_mine())
        return 0;
    return err_set(err, ERR_USAGE,
                   "'%s' belongs to %s, not to the user of this run: --no-config does "
                   "without it",
                   file->name, account_text(info->uid, owner));
}

static int check(struct config_file *file, const struct fs_info *info, struct err *err)
{
    if (info->kind != FS_FILE)
        return refuse(file->name, "is not a regular file", err);
    if (info->mode & 02)
        return refuse(file->name, "may be written by all users: chmod o-w it", err);
    if (check_owner(file, info, err) < 0)
        return -1;
    file->shared =
        (info->mode & 077) != 0 || (info->uid != 0 && info->uid != account_mine());
    return 0;
}

static int read_file(struct config_file *file, struct err *err)
{
    struct fs_info info;
    struct err why = { 0 };

    if (fs_look_through(NULL, file->name, &info, &why) < 0) {
        if (why.reason == REASON_PERMISSION)
            return 0; /* below a directory that this user may not enter it is none of his */
        return err_set(err, ERR_USAGE, "%s; --no-config does without it", why.text);
    }
    if (info.kind == FS_MISSING)
        return 0;
    if (check(file, &info, err) < 0)
        return -1;
    if (fs_read_regular(NULL, file->name, CONFIG_BYTES, &file->text, &file->len, &why) <
        0)
        return err_set(err, ERR_USAGE, "%s; --no-config does without it", why.text);
    file->there = true;
    return 0;
}

/* The file in a directory, whose path has so many bytes, or in one below that. */
static int look_in(struct config_file *file, const char *dir, size_t len,
                   const char *below, struct err *err)
{
    int need = snprintf(file->name, sizeof(file->name), "%.*s%s/%s", (int)len, dir, below,
                        file_name);

    if (need < 0 || (size_t)need >= sizeof(file->name))
        return refuse(file->name, "and so on is too long a path", err);
    return read_file(file, err);
}

static int find_user(struct config_file *file, struct err *err)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    file->own = true;
    if (base && *base == '/')
        return look_in(file, base, strlen(base), "", err);
    return home && *home == '/' ? look_in(file, home, strlen(home), "/.config", err) : 0;
}

static int find_site(struct config_file *file, struct err *err)
{
    const char *dirs = getenv("XDG_CONFIG_DIRS");
    int rc = 0;

    for (const char *at = dirs; rc == 0 && !file->there && at && *at; at += *at == ':') {
        size_t len = strcspn(at, ":");

        if (*at == '/')
            rc = look_in(file, at, len, "", err);
        at += len;
    }
    if (rc < 0 || file->there)
        return rc;
    return look_in(file, MPIFETCH_SYSCONFDIR, strlen(MPIFETCH_SYSCONFDIR), "", err);
}

int config_read(struct config *config, struct err *err)
{
    return find_user(&config->file[CONFIG_USER], err) < 0
               ? -1
               : find_site(&config->file[CONFIG_SITE], err);
}

/* Also where rank 0 has none, so that all make the same calls. */
static int share_file(struct config_file *file, int rank, struct err *err)
{
    struct {
        char name[sizeof(file->name)];
        unsigned len;
        bool there, shared;
    } head;

    memset(&head, 0, sizeof(head));
    memcpy(head.name, file->name, sizeof(head.name));
    head.len = (unsigned)file->len;
    head.there = file->there;
    head.shared = file->shared;
    MPI_Bcast(&head, (int)sizeof(head), MPI_BYTE, 0, MPI_COMM_WORLD);
    memcpy(file->name, head.name, sizeof(file->name));
    file->there = head.there;
    file->shared = head.shared;
    file->len = head.len;
    if (head.len == 0)
        return 0;
    if (rank != 0)
        file->text = malloc(head.len);
    if (!file->text) {
        err_memory(err, "options");
        MPI_Abort(MPI_COMM_WORLD, ERR_DEFECT);
        return -1;
    }
    MPI_Bcast(file->text, (int)head.len, MPI_BYTE, 0, MPI_COMM_WORLD);
    return 0;
}

int config_share(struct config *config, int rank, struct err *err)
{
    for (int i = 0; i < CONFIG_FILES; i++)
        if (share_file(&config->file[i], rank, err) < 0)
            return -1;
    return 0;
}

int config_take(const struct config *config, struct options *options, struct err *err)
{
    static const enum option_place places[] = {
        [CONFIG_USER] = PLACE_USER, [CONFIG_SITE] = PLACE_SITE
    };

    for (int i = 0; i < CONFIG_FILES; i++) {
        const struct config_file *file = &config->file[i];

        if (file->there && options_take_file(options, file->name, places[i], file->text,
                                             file->len, file->shared, err) < 0)
            return -1;
    }
    return 0;
}

void config_release(struct config *config)
{
    for (int i = 0; i < CONFIG_FILES; i++) {
        struct config_file *file = &config->file[i];

        if (file->text)
            explicit_bzero(file->text, file->len);
        free(file->text);
    }
    *config = (struct config){ 0 };
}
