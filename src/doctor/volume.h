/* doctor/volume.h -- the file system that a directory is on: what it is, and what is left
 * of it. Made in a helper process (doctor/helper.h), since any call may hang. */
#ifndef DOCTOR_VOLUME_H
#define DOCTOR_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mounts.h"
#include "io/fs/fs_stripe.h"

enum { VOLUME_USER, VOLUME_GROUP, VOLUME_QUOTAS };

/* Plain data: travels from rank to rank as it is. */
struct volume {
    struct mount mount;    /* empty where it cannot be read */
    uint64_t magic;        /* of statfs */
    uint64_t total, bytes; /* free for us; UINT64_MAX where the size is not told */
    uint64_t inodes;       /* free; UINT64_MAX where they are not counted */
    bool writable;
    bool hides_links; /* our symbolic links here, from other users */
    struct fs_stripes stripes;
    struct volume_quota {
        int reason;           /* why it cannot be read: an errno; 0: here it is */
        uint64_t used, limit; /* bytes; limit 0: none */
    } quota[VOLUME_QUOTAS];
};

/* 0 or an errno. */
int volume_look(const char *dir, struct volume *volume);

#endif
