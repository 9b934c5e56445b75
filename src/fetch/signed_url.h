/* fetch/signed_url.h -- the signed URLs that the coordinator sent to this rank.
 *
 * A URL arrives just before the grants that need it, and each task takes a copy, so only
 * the last few files matter: the table is small, and a new entry replaces the oldest. */
#ifndef FETCH_SIGNED_URL_H
#define FETCH_SIGNED_URL_H

#include <stdint.h>

#include "base/err.h"

enum { SIGNED_URLS = 64 };

struct signed_url {
    uint32_t file, generation;
    char *url;
};

struct signed_urls {
    struct signed_url entry[SIGNED_URLS];
    uint32_t next;
};

int signed_urls_put(struct signed_urls *urls, uint32_t file, uint32_t generation,
                    const char *url, struct err *err);

/* A copy of the newest URL of the file into *url; NULL if there is none. */
int signed_urls_fill(const struct signed_urls *urls, uint32_t file, char **url,
                     uint32_t *generation, struct err *err);

void signed_urls_release(struct signed_urls *urls);

#endif
