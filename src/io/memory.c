#include "io/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/state/cgroup.h"
#include "io/fs/fs.h"

enum { MEMORY_TEXT = 4 << 20 /* a node may have many mounts */ };

/* "" if it cannot be read; the caller frees it. NULL: out of memory. */
static char *read_text(const char *root, const char *dir, const char *name)
{
    char path[PATH_MAX], *text = NULL;
    size_t len;

    if ((size_t)snprintf(path, sizeof(path), "%s%s/%s", root, dir, name) >=
            sizeof(path) ||
        fs_read_all(NULL, path, MEMORY_TEXT, &text, &len, NULL) < 0)
        return calloc(1, 1);
    return text;
}

static uint64_t read_limit(const char *root, const char *dir, const char *name)
{
    char *text = read_text(root, dir, name);
    uint64_t limit = text ? cgroup_limit(text) : UINT64_MAX;

    free(text);
    return limit;
}

static void note(struct memory_room *room, uint64_t bytes, uint64_t limit,
                 const char *group)
{
    if (bytes >= room->bytes)
        return;
    room->bytes = bytes;
    room->limit = limit;
    snprintf(room->group, sizeof(room->group), "%s", group);
}

static void look_at_node(const char *root, struct memory_room *room)
{
    char *text = read_text(root, "/proc", "meminfo");
    uint64_t free_bytes = text ? cgroup_value(text, "MemAvailable") : 0;

    if (free_bytes > 0)
        note(room, free_bytes, UINT64_MAX, "");
    free(text);
}

/* Beyond `high` a group is not killed, but held back until it is of no use. */
static uint64_t limit_of(enum cgroup_version version, const char *root, const char *dir)
{
    uint64_t most, high;

    if (version == CGROUP_V1)
        return read_limit(root, dir, "memory.limit_in_bytes");
    most = read_limit(root, dir, "memory.max");
    high = read_limit(root, dir, "memory.high");
    return high < most ? high : most;
}

static void look_at_group(enum cgroup_version version, const char *root, const char *dir,
                          struct memory_room *room)
{
    static const char *const usage[CGROUP_VERSIONS] = {
        [CGROUP_V1] = "memory.usage_in_bytes", [CGROUP_V2] = "memory.current"
    };
    uint64_t limit = limit_of(version, root, dir), used;
    char *stat;

    if (limit == UINT64_MAX)
        return;
    used = read_limit(root, dir, usage[version]);
    stat = read_text(root, dir, "memory.stat");
    if (used != UINT64_MAX && stat)
        note(room, cgroup_room(limit, used, cgroup_reclaimable(version, stat)), limit,
             dir);
    free(stat);
}

static void look_at_groups(const char *root, const char *groups, const char *mounts,
                           struct memory_room *room)
{
    for (enum cgroup_version version = CGROUP_V1; version < CGROUP_VERSIONS; version++) {
        struct cgroup_place place;
        char dir[sizeof(place.mount) + sizeof(place.path)];

        if (!cgroup_find(version, groups, mounts, &place))
            continue;
        do {
            snprintf(dir, sizeof(dir), "%s%s", place.mount, place.path);
            look_at_group(version, root, dir, room);
        } while (cgroup_up(&place));
    }
}

void memory_look(const char *root, struct memory_room *room)
{
    char *groups = read_text(root, "/proc/self", "cgroup");
    char *mounts = read_text(root, "/proc/self", "mountinfo");

    *room = (struct memory_room){ .bytes = UINT64_MAX, .limit = UINT64_MAX };
    look_at_node(root, room);
    if (groups && mounts)
        look_at_groups(root, groups, mounts, room);
    free(groups);
    free(mounts);
}
