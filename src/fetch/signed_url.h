/* fetch/signed_url.h -- the places (signed URLs) that the coordinator sent to this rank.
 *
 * A place comes just before the grants that need it, and each task takes a copy, so only
 * the last few files matter: the table is small and the oldest entry makes room. */
#ifndef FETCH_SIGNED_URL_H
#define FETCH_SIGNED_URL_H

#include <stdint.h>

#include "base/err.h"

enum { PLACES = 64 };

struct place {
    uint32_t file, generation;
    char *url;
};

struct places {
    struct place place[PLACES];
    uint32_t next;
};

int places_put(struct places *places, uint32_t file, uint32_t generation, const char *url,
               struct err *err);

/* A copy of the newest place of the file into *url, NULL if there is none. */
int places_fill(const struct places *places, uint32_t file, char **url,
                uint32_t *generation, struct err *err);

void places_release(struct places *places);

#endif
