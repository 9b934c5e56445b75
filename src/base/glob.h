/* base/glob.h -- the patterns of --include and --exclude.
 *
 * They mean exactly what they mean in huggingface_hub, that is Python's fnmatchcase on
 * the whole path, in Unicode code points: '*' and '?' match '/' too; '[!a-z]' is a class;
 * there is no escape character; '\' in pattern and path counts as '/'; a pattern that
 * ends in '/' gets '*' appended; "" matches nothing. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* The time is linear in pattern times path, for any pattern. */
bool glob_match(const char *pattern, const char *path);

struct glob_list {
    const char *const *pattern; /* NULL: not given, no restriction */
    size_t count;
};

/* Kept: matches at least one of allow, and none of deny. */
bool glob_keep(const struct glob_list *allow, const struct glob_list *deny,
               const char *path);

#endif
