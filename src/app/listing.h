/* app/listing.h -- rank 0: from the options to a sealed plan, and the plan as text. */
#ifndef APP_LISTING_H
#define APP_LISTING_H

#include "app/session_state.h"

/* Finds the token, asks the source, seals s->run.plan, and sets what workers need to
 * fetch. */
int listing_make(struct session *s, struct err *err);

/* Whether they are for a part of a repository; false for all other sources. A name that cannot
 * be parsed is refused by listing_make. */
bool listing_is_part(const struct mpifetch_options *o);

/* Collective. A line for each file on stdout of rank 0: whether it exists or
 * would be fetched. */
int listing_show(struct session *s, struct err *err);

struct listing_sums {
    size_t sources;
    uint64_t files, bytes, missing_files, missing_bytes;
};

/* Rank 0, below the lists of several sources. */
int listing_show_sums(struct ranks *ranks, struct listing_sums *sums, struct err *err);

#endif
