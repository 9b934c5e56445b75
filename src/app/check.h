/* app/check.h -- checks of the options, before anything is requested or written. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "app/session_state.h"

/* ERR_USAGE for invalid options, from the command line or from a program that calls the
 * library. */
int check_options(const struct mpifetch_options *options, enum session_task task,
                  struct err *err);

/* The same for the files and directories that they name, which may be slow to reach. Sets
 * s->dest. Rank 0 tries to write to the files for report and trace: after hours of work
 * it would be too late to find out. */
int check_places(struct session *s, struct err *err);

/* Sets s->dest of a path as rank 0 names it: another rank may have been started in another
 * directory, and the same links may lead elsewhere on another node. */
int check_named(struct session *s, const char *named, size_t len, struct err *err);

#endif
