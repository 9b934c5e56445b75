/* app/sharing.h -- whether all nodes mean the same directory by DEST, found out before
 * anything is fetched: it may lie on the disk of a node, or below a symbolic link that leads
 * elsewhere on another. */
#ifndef APP_SHARING_H
#define APP_SHARING_H

#include "app/session_state.h"

/* Collective, once all ranks know the staging. ERR_DEST with the names of the nodes that do
 * not see it, or not by the path that the user named. */
int sharing_check(struct session *s, struct err *err);

#endif
