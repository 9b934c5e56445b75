/* doctor/sightprobe.h -- one process changes a file or a name, and another looks until it
 * sees that. Made in a helper process (doctor/helper.h), since any call may hang. */
#ifndef DOCTOR_SIGHTPROBE_H
#define DOCTOR_SIGHTPROBE_H

#include <stdbool.h>

/* Of each kind ("new_file", "renamed_directory", "replaced_file", "grown_file",
 * "removed_file"): what stands before the change is made in dir, a name that is free. 0
 * or an errno. */
int sightprobe_prepare(const char *kind, const char *dir);

/* The change. 0 or an errno. */
int sightprobe_change(const char *kind, const char *dir);

/* Looks until the state before (or after) the change is seen: 0, ETIMEDOUT after so many
 * seconds, EINVAL. It is an ordinary look, which a cache of names or attributes may
 * answer: what other programs would see. */
int sightprobe_watch(const char *kind, const char *dir, bool after, double seconds);

#endif
