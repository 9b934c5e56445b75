/* publish/identity.h -- the digest of what a plan identifies (plan_identity). */
#ifndef PUBLISH_IDENTITY_H
#define PUBLISH_IDENTITY_H

#include "ranks/run.h"

/* more: text that counts as well, or "". */
int identity_make(const struct plan *plan, const char *more, char id[65],
                  struct err *err);

/* That of the files that the node of this rank wants, as if there were no others. */
int identity_of_part(const struct run *run, char id[65], struct err *err);

#endif
