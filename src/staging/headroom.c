#include "staging/headroom.h"

#include <stdio.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/fs/fs_mount.h"

int headroom_judge(const struct memory_room *room, const char *dest, uint64_t bytes,
                   unsigned ranks, struct err *err)
{
    uint64_t own = (uint64_t)ranks * HEADROOM_RANK;
    char need[32], mine[32], have[32], limit[32], who[PATH_MAX + 128];

    if (room->bytes >= own && room->bytes - own >= bytes)
        return 0;
    text_bytes(have, sizeof(have), room->bytes);
    if (*room->group)
        snprintf(who, sizeof(who), "the control group '%s' has only %s of %s left",
                 room->group, have, text_bytes(limit, sizeof(limit), room->limit));
    else
        snprintf(who, sizeof(who), "the node has only %s free", have);
    return err_set_why(
        err, ERR_DEST, REASON_MEMORY,
        "not enough memory for '%s', which is in memory itself: %s needed, %s "
        "of it by the ranks of this node, but %s; choose a directory on a "
        "disk, or ask for more memory",
        dest, text_bytes(need, sizeof(need), bytes + own),
        text_bytes(mine, sizeof(mine), own), who);
}

int headroom_check(const struct run *run, uint64_t bytes, struct err *err)
{
    const struct ranks *ranks = &run->ranks;
    struct memory_room room;

    if (!run->opt.per_node || !fs_is_memory(&run->staging.parent, "."))
        return 0;
    memory_look("", &room);
    return headroom_judge(
        &room, run->opt.dest, bytes,
        (unsigned)comm_node_size(ranks->comm, comm_node(ranks->comm, ranks->rank)), err);
}
