/* doctor/mounts.h -- what the kernel says of a mounted file system: one line of
 * /proc/self/mountinfo, and the numbers that statfs gives to kinds of file systems.
 *
 * Errors       a line that is not as proc(5) has it is passed over. */
#ifndef DOCTOR_MOUNTS_H
#define DOCTOR_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

struct mount {
    char type[64];     /* "lustre", "fuse.gcsfuse" */
    char source[256];  /* what is mounted, as the one who mounted it called it */
    char point[256];   /* where */
    char options[512]; /* of the mount, then of the file system; each once, and without
                        * the address of the client, which differs from node to node */
};

/* The mount of that id in the text of mountinfo. What does not fit ends in "...". false:
 * it is not there, and *mount is empty. */
bool mounts_find(const char *text, uint64_t id, struct mount *mount);

/* The value behind "mnt_id:" in the text of /proc/self/fdinfo/N. */
bool mounts_id(const char *fdinfo, uint64_t *id);

/* The kind of file system that statfs gives a number to, or NULL. */
const char *mounts_kind(uint64_t magic);

#endif
