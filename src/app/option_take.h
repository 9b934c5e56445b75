/* app/option_take.h -- stores the value of an option, from wherever it comes: argv, the
 * environment, a file of defaults.
 *
 * Ownership    texts are borrowed, but for those that option_keep copies.
 * Errors       ERR_USAGE. A value that may be secret is not repeated. */
#ifndef APP_OPTION_TAKE_H
#define APP_OPTION_TAKE_H

#include "app/option.h"
#include "base/err.h"

/* What the sentence about a value that is refused is made of. */
struct option_text {
    const char *prefix, *name; /* "--" and "retries" */
    const char *value;
    const char *see; /* how to see the help */
};

int option_take(struct options *options, const struct option *option,
                const struct option_text *text, struct err *err);

/* Of all options that are not in argv, from MPIFETCH_SOME_NAME. */
int option_take_environment(struct options *options, const char *see, struct err *err);

/* Whether it, or one that stores its value at the same place, comes from there or from
 * what counts more: --verbose and --quiet share a field, so either silences both. */
bool option_is_taken(const struct options *options, const struct option *option,
                     enum option_place least);

/* A copy that lives as long as options. NULL and *err: out of memory. */
char *option_keep(struct options *options, const char *text, size_t len, struct err *err);

/* Zeroed memory for pointers that lives as long. */
void *option_keep_bytes(struct options *options, size_t size, struct err *err);

#endif
