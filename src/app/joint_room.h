/* app/joint_room.h -- whether there is room for all sources of a call, before one of them is
 * fetched. Rank 0. */
#ifndef APP_JOINT_ROOM_H
#define APP_JOINT_ROOM_H

#include "app/session_state.h"

/* s: of each, after course_look. ERR_DEST, with the figures, if there is certainly not. What may
 * be in a staging already, so that a run resumes with it, or replaces a tree, so that others get
 * the room of that, is looked at once it is claimed (staging_check_space). */
int joint_room_check(const struct session *const *s, size_t count, struct err *err);

#endif
