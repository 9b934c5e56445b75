/* app/places.h -- the words behind the command: which of them are sources, and where what they
 * have goes to. */
#ifndef APP_PLACES_H
#define APP_PLACES_H

#include "app/options.h"

/* word: behind the command, NULL at the end. Sets source and dest, or options->each where there
 * are several: of sources, or of paths to verify. see: how to see the help. ERR_USAGE. */
int places_take(struct options *options, const char *const *word, const char *see,
                struct err *err);

/* All that is not said of each is as in options->get, once that is complete. */
void places_fill(struct options *options);

void places_release(struct options *options);

#endif
