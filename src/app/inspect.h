/* app/inspect.h -- what was published, held against its own record: the manifest of a
 * directory, or trees/<commit>.json of a revision in the cache of the Hub's library. */
#ifndef APP_INSPECT_H
#define APP_INSPECT_H

#include "app/session_state.h"

/* Collective. ERR_DIGEST if a file is wrong, missing or not in the record; rank 0 has
 * named each. ERR_DEST if there is no good record, something cannot be read, or all of it
 * was replaced meanwhile; ERR_USAGE if no file is meant. */
int inspect(struct session *s, struct err *err);

#endif
