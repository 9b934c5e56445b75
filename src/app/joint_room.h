/* app/joint_room.h -- whether there is room for all sources of a call, before one of them is
 * fetched. Rank 0. */
#ifndef APP_JOINT_ROOM_H
#define APP_JOINT_ROOM_H

#include "app/session_state.h"

struct joint_source {
    const struct session *s; /* after course_look */
    uint64_t bytes;          /* that DEST lacks */
};

/* ERR_DEST, with the figures, if there is not. What may be in a staging already, so that a run
 * resumes with it, is looked at once that is claimed (staging_check_space). */
int joint_room_check(const struct joint_source *source, size_t count, struct err *err);

#endif
