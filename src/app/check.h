/* app/check.h -- what can be said of the options before anything is asked or written. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "app/session_state.h"

/* ERR_USAGE for options that make no sense, from the command line or from another
 * program. */
int check_options(const struct mpifetch_options *options, struct err *err);

/* The same for what they say of files and directories, which may take long to look at.
 * Sets s->dest. Rank 0 tries to write to the files for report and trace: after hours of
 * work it would be too late to find out. */
int check_places(struct session *s, struct err *err);

#endif
