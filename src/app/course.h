/* app/course.h -- which way a run goes: what the source has and DEST lacks, and whether this
 * run is the one to fetch it. Only rank 0 has s->target and the plan then. */
#ifndef APP_COURSE_H
#define APP_COURSE_H

#include "app/session_state.h"

/* Collective. Rank 0 lists the source and looks at DEST. Nothing is claimed: a claim keeps
 * other runs waiting, so a run that waits for one must not hold another. */
int course_look(struct session *s, struct err *err);

/* Collective, after course_look. Claim a staging for what is missing, if anything is; with
 * --check, and where that is unsure, all ranks hash the existing files first. */
int course_claim(struct session *s, struct err *err);

/* Collective. Both where the plan is known, and the source is not asked for it. */
int course_of_dest(struct session *s, struct err *err);

#endif
