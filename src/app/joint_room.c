#include "app/joint_room.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/joint_need.h"

/* Cut path to what exists of it. */
static int find_there(struct strbuf *path, struct fs_info *info)
{
    while (fs_look_through(NULL, path->data, info, NULL) < 0 ||
           info->kind != FS_DIRECTORY) {
        const char *slash = strrchr(path->data, '/');

        if (path->len <= 1 || !slash)
            return -1;
        path->len = slash > path->data ? (size_t)(slash - path->data) : 1;
        path->data[path->len] = '\0';
    }
    return 0;
}

/* What cannot be told counts as no need: to write there tells. */
static void measure(const struct joint_source *source, struct joint_need *need)
{
    const struct session *s = source->s;
    struct strbuf path = { 0 };
    struct fs_space space;
    struct fs_info info;

    if (s->offline || source->bytes == 0)
        return;
    if (!target_is_staged(&s->target, &path) && !path.failed &&
        find_there(&path, &info) == 0 && fs_space(NULL, path.data, &space, NULL) == 0)
        *need = (struct joint_need){ info.device, space.bytes, source->bytes };
    strbuf_release(&path);
}

int joint_room_check(const struct joint_source *source, size_t count, struct err *err)
{
    struct joint_need *need = calloc(count, sizeof(*need));
    char needed[32], have[32];
    uint64_t bytes;
    size_t first;
    int rc = 0;

    if (!need)
        return err_memory(err, "the sources");
    for (size_t i = 0; i < count; i++)
        measure(&source[i], &need[i]);
    if (!joint_need_fits(need, count, &first, &bytes))
        rc =
            err_set_why(err, ERR_DEST, REASON_DISK_FULL,
                        "not enough space for all sources on the file system of '%s': %s "
                        "free, %s needed",
                        source[first].s->run.opt.dest,
                        text_bytes(have, sizeof(have), need[first].room),
                        text_bytes(needed, sizeof(needed), bytes));
    free(need);
    return rc;
}
