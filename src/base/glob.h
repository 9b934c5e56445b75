/* base/glob.h -- the glob patterns of --include and --exclude, with exactly the
 * meaning they have in huggingface_hub: Python's fnmatchcase on the whole path, in
 * Unicode code points; '*' and '?' match '/'; '[!a-z]' classes; no escape character; '\'
 * in pattern and path counts as '/'; a pattern that ends in '/' gets '*' appended; ""
 * matches nothing. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Time is linear in pattern times path: no pattern can make it explode. */
bool glob_match(const char *pattern, const char *path);

struct glob_list {
    const char *const *pattern; /* NULL: not given, which is no restriction */
    size_t count;
};

/* Kept: matches at least one of allow, and none of deny. */
bool glob_keep(const struct glob_list *allow, const struct glob_list *deny,
               const char *path);

#endif
