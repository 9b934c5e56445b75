/* fetch/origins.h -- files of a file:// source that are open: segments of one are read
 * one after the other, by several threads, and each open asks its server. A client in user
 * space drops at an open what it has fetched ahead of another reader, and fetches it again.
 *
 * Life cycle   origins_open; origins_take, origins_give once it is read;
 *              origins_release, which takes a zeroed struct as well.
 * Threads      take and give on any.
 * Errors       of take: those of opening, ERR_DEST. */
#ifndef FETCH_ORIGINS_H
#define FETCH_ORIGINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/lock.h"

enum { ORIGINS = 16 /* kept open; more are open while they are read */ };

struct origins {
    struct lock lock; /* of the fields below */
    bool opened;
    uint64_t uses; /* so far */
    struct origin {
        int fd; /* -1: none */
        uint32_t file;
        unsigned readers;
        uint64_t used; /* grows: when it was last taken */
    } kept[ORIGINS];
};

void origins_open(struct origins *origins);
void origins_release(struct origins *origins);

/* A descriptor to read at given places only. */
int origins_take(struct origins *origins, uint32_t file, const char *path,
                 struct err *err);
/* bad: it could not be read, so whoever takes it next opens it anew. */
void origins_give(struct origins *origins, int fd, bool bad);

#endif
