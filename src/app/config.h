/* app/config.h -- mpifetch.conf of the site and of the user: found and read by rank 0, for
 * all ranks of the program. The library does not read them.
 *
 * The user's is in XDG_CONFIG_HOME, else in .config of the home directory. The site's is the
 * first that exists in the directories of XDG_CONFIG_DIRS, else in the one that was chosen as
 * mpifetch was built (/etc, mostly).
 *
 * Life cycle   config_read, config_release, which takes a zeroed struct as well.
 * Errors       ERR_USAGE: a file that cannot be read, or that everybody may write to; the user's
 *              if it belongs to somebody else. One that is not there is none. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "app/options.h"

enum { CONFIG_USER, CONFIG_SITE, CONFIG_FILES };

struct config {
    struct config_file {
        char name[512]; /* where it was looked for in the end */
        bool there;
        bool own;    /* of the user, so that it must belong to him or to root */
        bool shared; /* others than root and this user may know what is in it */
        char *text;
        size_t len;
    } file[CONFIG_FILES];
};

/* One rank. */
int config_read(struct config *config, struct err *err);

/* Collective over MPI_COMM_WORLD: what rank 0 has read, for all. */
int config_share(struct config *config, int rank, struct err *err);

/* To options, the user's first. */
int config_take(const struct config *config, struct options *options, struct err *err);

void config_release(struct config *config);

#endif
