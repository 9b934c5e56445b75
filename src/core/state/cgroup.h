/* core/state/cgroup.h -- what the kernel tells of memory, as text: what a node has, which
 * control groups a process belongs to, and how much more each of them gives. No call
 * allocates; io/memory.h reads the texts. */
#ifndef CORE_STATE_CGROUP_H
#define CORE_STATE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cgroup_version { CGROUP_V1, CGROUP_V2, CGROUP_VERSIONS };

/* A directory of groups: `mount` is where the hierarchy that counts memory begins here, and
 * `path` the group below it, "" or with a leading slash. */
struct cgroup_place {
    char mount[1024], path[1024];
};

/* From the texts of /proc/self/cgroup and /proc/self/mountinfo. A group that the mount does
 * not show, as one above the root of a container, is the mount itself. false: there is no
 * such hierarchy. */
bool cgroup_find(enum cgroup_version version, const char *groups, const char *mounts,
                 struct cgroup_place *place);

/* The group above; false: that was the last. */
bool cgroup_up(struct cgroup_place *place);

/* A file with one number; UINT64_MAX for "max", for what is no number, and for as much as
 * no machine has, by which version 1 says that there is no limit. */
uint64_t cgroup_limit(const char *text);

/* The number behind a name, a line each ("name 12", "name: 12 kB", which are bytes then);
 * 0: it is not there. */
uint64_t cgroup_value(const char *text, const char *name);

/* Pages of files that the kernel takes back before it refuses any, from memory.stat. */
uint64_t cgroup_reclaimable(enum cgroup_version version, const char *stat);

/* Bytes that a group gives still. */
uint64_t cgroup_room(uint64_t limit, uint64_t used, uint64_t reclaimable);

#endif
