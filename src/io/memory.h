/* io/memory.h -- how much memory this process and those beside it may still fill: what the
 * node has free, and what each control group leaves that the process is in, up to the
 * outermost (core/state/cgroup.h). Of use before a directory in memory is filled: beyond
 * the one the node runs out, beyond the other the job is killed. */
#ifndef IO_MEMORY_H
#define IO_MEMORY_H

#include <limits.h>
#include <stdint.h>

struct memory_room {
    uint64_t bytes;       /* the least of all; UINT64_MAX: nothing is told */
    uint64_t limit;       /* of that group */
    char group[PATH_MAX]; /* whose limit leaves so little; "": what the node has free */
};

/* root: in front of /proc and /sys, "" but for tests. Whatever cannot be read is no
 * limit. */
void memory_look(const char *root, struct memory_room *room);

#endif
