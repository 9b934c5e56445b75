/* app/run_options.h -- the options of a call, as the steps of a run read them: with defaults
 * that depend on the job, and without those that only the call itself needs. */
#ifndef APP_RUN_OPTIONS_H
#define APP_RUN_OPTIONS_H

#include "mpifetch.h"
#include "ranks/run.h"

/* Sets run->opt, once run->ranks is known; options and dest are borrowed. */
void run_options_take(struct run *run, const struct mpifetch_options *options,
                      const char *dest);

/* Of what the source has they may leave something out. */
bool run_options_select(const struct mpifetch_options *options);

#endif
