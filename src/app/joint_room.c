#include "app/joint_room.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/joint_need.h"
#include "publish/foresight.h"

/* What is certain to be fetched: of the same content once, and not what may be there. */
static uint64_t lacks(const struct session *s)
{
    const struct existing *existing = s->target.existing;
    const struct plan *plan = &s->run.plan;
    uint64_t bytes = 0;

    for (size_t i = 0; existing && i < plan->nfiles; i++)
        if (!existing->file[i].there && !existing->file[i].unsure)
            bytes += plan->files[i].size;
    return bytes;
}

/* Its publish makes room for those behind it. */
static bool replaces(const struct session *s)
{
    const struct run_options *opt = &s->run.opt;
    const char *place = !opt->cache    ? opt->dest
                        : opt->refetch ? s->target.cache.folder
                                       : NULL;
    struct fs_info info;

    return place && (fs_look(NULL, place, &info, NULL) < 0 || info.kind != FS_MISSING);
}

/* What cannot be told counts as no need: to write there tells. */
static void measure(const struct session *s, struct joint_need *need)
{
    struct strbuf path = { 0 };
    struct fs_space space;
    struct fs_info info;

    if (s->offline || replaces(s))
        return;
    if (!target_is_staged(&s->target, &path) && !path.failed &&
        foresight_existing(path.data, &info, NULL) == 0 &&
        fs_space(NULL, path.data, &space, NULL) == 0)
        *need = (struct joint_need){ info.device, space.bytes, lacks(s) };
    strbuf_release(&path);
}

static bool share_blobs(const struct session *s, const struct session *other)
{
    return s->run.opt.cache &&
           strcmp(s->target.cache.folder, other->target.cache.folder) == 0;
}

/* Revisions of a repository in a cache have the same blobs, maybe: the larger one counts. */
static void count_blobs_once(const struct session *const *s, struct joint_need *need,
                             size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (share_blobs(s[i], s[j]))
            need[need[i].bytes > need[j].bytes ? j : i].bytes = 0;
}

int joint_room_check(const struct session *const *s, size_t count, struct err *err)
{
    struct joint_need *need = calloc(count, sizeof(*need));
    char needed[32], have[32];
    uint64_t bytes;
    size_t first;
    int rc = 0;

    if (!need)
        return err_memory(err, "the sources");
    for (size_t i = 0; i < count; i++) {
        measure(s[i], &need[i]);
        count_blobs_once(s, need, i);
    }
    if (!joint_need_fits(need, count, &first, &bytes))
        rc = err_set_why(
            err, ERR_DEST, REASON_DISK_FULL,
            "not enough space for all sources on the file system of '%s': %s "
            "free, %s needed",
            s[first]->run.opt.dest, text_bytes(have, sizeof(have), need[first].room),
            text_bytes(needed, sizeof(needed), bytes));
    free(need);
    return rc;
}
