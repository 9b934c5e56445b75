/* app/inspect.h -- the command verify: compares what was published with its own record,
 * which is the manifest of a directory, or trees/<commit>.json of a revision in the Hub
 * library's cache. */
#ifndef APP_INSPECT_H
#define APP_INSPECT_H

#include "app/session_state.h"

/* Collective. ERR_DIGEST if a file is wrong, missing or not in the record; rank 0 has
 * printed a line for each. ERR_DEST if the record is unusable, something cannot be read,
 * or all of it was replaced meanwhile; ERR_USAGE if the patterns match no file. */
int inspect(struct session *s, struct err *err);

#endif
