/* app/same_disk.h -- finds out whether the DEST of several nodes is on one disk after all, such
 * as a home directory that all nodes share: by marks that keepers make beside it. Those
 * nodes count as one then, and one keeper publishes there. */
#ifndef APP_SAME_DISK_H
#define APP_SAME_DISK_H

#include "app/session_state.h"

/* Collective. Sets run->keeper again. Where nothing can be made nothing is found out, and the
 * node fails later, by what it needs. */
int same_disk_find(struct session *s, struct err *err);

#endif
