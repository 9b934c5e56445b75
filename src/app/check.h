/* app/check.h -- what can be said of the options before anything is asked or written. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "app/session.h"

/* ERR_USAGE for options that make no sense, from the command line or from another
 * program. Sets s->dest. */
int check_options(struct session *s, struct err *err);

/* Rank 0: the files for report and trace can be written: after hours of work it would be
 * too late to find out. */
int check_files(const struct session *s, struct err *err);

#endif
