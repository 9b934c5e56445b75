/* source/lister.h -- one function for each kind of source. Each fills a plan with the
 * files that the patterns keep; none of them is an error if there are no such files. */
#ifndef SOURCE_LISTER_H
#define SOURCE_LISTER_H

#include "source/ask.h"

int hub_list(struct ask *ask, struct plan *plan, struct err *err);
int url_list(struct ask *ask, struct plan *plan, struct err *err);
int manifest_list(struct ask *ask, struct plan *plan, struct err *err);
int files_list(struct ask *ask, struct plan *plan, struct err *err);

/* A local file, symlinks followed: its size, and its etag in the form of a plan. */
enum { FILES_ETAG = 40 };
int files_look(const char *path, uint64_t *size, char etag[FILES_ETAG], struct err *err);

#endif
