/* publish/identity.h -- the digest of what a plan identifies (plan_identity). */
#ifndef PUBLISH_IDENTITY_H
#define PUBLISH_IDENTITY_H

#include "core/plan/plan.h"

/* more: text that counts as well, or "". */
int identity_make(const struct plan *plan, const char *more, char id[65],
                  struct err *err);

#endif
