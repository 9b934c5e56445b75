/* app/apart.h -- whether two directories that are to be published are apart from each other,
 * by whatever names they are called. */
#ifndef APP_APART_H
#define APP_APART_H

#include <stdbool.h>

/* Absolute paths, of which neither need exist. Files that cannot be looked at are none. */
bool apart(const char *one, const char *other);

#endif
