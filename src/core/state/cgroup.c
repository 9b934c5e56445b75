#include "core/state/cgroup.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Version 1 says LONG_MAX in whole pages where there is no limit. */
static const uint64_t boundless = UINT64_C(1) << 60;

/* A word of a line: up to a blank, or the line's end. */
struct word {
    const char *at;
    size_t len;
};

static struct word word_next(const char **at)
{
    struct word word;

    while (**at == ' ')
        ++*at;
    word.at = *at;
    word.len = strcspn(*at, " \n");
    *at += word.len;
    return word;
}

static bool word_is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static const char *line_after(const char *at)
{
    at += strcspn(at, "\n");
    return *at ? at + 1 : at;
}

/* Whether a list such as "cpu,memory" has the name; end: behind the list. */
static bool list_has(const char *list, const char *end, const char *name)
{
    size_t len = strlen(name);

    for (; list < end; list++) {
        const char *comma = memchr(list, ',', (size_t)(end - list));
        const char *stop = comma ? comma : end;

        if ((size_t)(stop - list) == len && memcmp(list, name, len) == 0)
            return true;
        list = stop;
    }
    return false;
}

/* A line is "number:controllers:/path"; version 2 has no controllers there. */
static bool find_group(enum cgroup_version version, const char *groups,
                       struct word *group)
{
    for (const char *line = groups; *line; line = line_after(line)) {
        size_t len = strcspn(line, "\n");
        const char *first = memchr(line, ':', len);
        const char *second =
            first ? memchr(first + 1, ':', len - (size_t)(first + 1 - line)) : NULL;

        if (!second || second[1] != '/')
            continue;
        if (version == CGROUP_V2 ? second != first + 1
                                 : !list_has(first + 1, second, "memory"))
            continue;
        *group = (struct word){ second + 1, len - (size_t)(second + 1 - line) };
        return true;
    }
    return false;
}

struct mount {
    struct word root, point, type, options;
};

/* "36 35 98:0 /root /point rw,noatime shared:1 - type source rw,options" (proc(5)). */
static bool read_mount(const char *line, struct mount *mount)
{
    struct word word;

    for (int i = 0; i < 3; i++)
        word_next(&line);
    mount->root = word_next(&line);
    mount->point = word_next(&line);
    do
        word = word_next(&line);
    while (word.len > 0 && !word_is(word, "-"));
    mount->type = word_next(&line);
    word_next(&line);
    mount->options = word_next(&line);
    return mount->options.len > 0;
}

static bool find_mount(enum cgroup_version version, const char *mounts,
                       struct mount *mount)
{
    for (const char *line = mounts; *line; line = line_after(line)) {
        if (!read_mount(line, mount))
            continue;
        if (version == CGROUP_V2 && word_is(mount->type, "cgroup2"))
            return true;
        if (version == CGROUP_V1 && word_is(mount->type, "cgroup") &&
            list_has(mount->options.at, mount->options.at + mount->options.len, "memory"))
            return true;
    }
    return false;
}

/* What of a group lies below the root that the mount shows. */
static struct word below(struct word group, struct word root)
{
    const struct word none = { group.at, 0 };

    if (group.len >= 3 && memcmp(group.at, "/..", 3) == 0)
        return none;
    if (root.len > 1) {
        if (group.len < root.len || memcmp(group.at, root.at, root.len) != 0 ||
            (group.len > root.len && group.at[root.len] != '/'))
            return none;
        group.at += root.len;
        group.len -= root.len;
    }
    return group.len > 1 ? group : none;
}

bool cgroup_find(enum cgroup_version version, const char *groups, const char *mounts,
                 struct cgroup_place *place)
{
    struct word group;
    struct mount mount;

    if (!find_group(version, groups, &group) || !find_mount(version, mounts, &mount))
        return false;
    group = below(group, mount.root);
    if (mount.point.len >= sizeof(place->mount) || group.len >= sizeof(place->path))
        return false;
    snprintf(place->mount, sizeof(place->mount), "%.*s", (int)mount.point.len,
             mount.point.at);
    snprintf(place->path, sizeof(place->path), "%.*s", (int)group.len, group.at);
    return true;
}

bool cgroup_up(struct cgroup_place *place)
{
    char *slash = strrchr(place->path, '/');

    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

uint64_t cgroup_limit(const char *text)
{
    uint64_t limit;

    return text_take_u64(&text, &limit) && limit < boundless ? limit : UINT64_MAX;
}

uint64_t cgroup_value(const char *text, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = text; *line; line = line_after(line)) {
        const char *at = line + len;
        uint64_t value;

        if (strncmp(line, name, len) != 0 || (*at != ' ' && *at != ':'))
            continue;
        at += strspn(at, ": ");
        if (!text_take_u64(&at, &value))
            return 0;
        return text_starts(at, " kB") ? value * 1024 : value;
    }
    return 0;
}

uint64_t cgroup_reclaimable(enum cgroup_version version, const char *stat)
{
    static const char *const name[CGROUP_VERSIONS][2] = {
        [CGROUP_V1] = { "total_inactive_file", "total_active_file" },
        [CGROUP_V2] = { "inactive_file", "active_file" },
    };

    return cgroup_value(stat, name[version][0]) + cgroup_value(stat, name[version][1]);
}

uint64_t cgroup_room(uint64_t limit, uint64_t used, uint64_t reclaimable)
{
    if (limit == UINT64_MAX)
        return limit;
    used = used > reclaimable ? used - reclaimable : 0;
    return limit > used ? limit - used : 0;
}
