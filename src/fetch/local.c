#include "fetch/local.h"

#include <stdio.h>
#include <string.h>

#include "core/plan/url_path.h"
#include "fetch/origins.h"
#include "io/fs/blocks.h"
#include "io/fs/fs.h"
#include "io/fs/fs_fresh.h"

static const struct plan_file *file_of(const struct task *task)
{
    return &task->world->run->plan.files[task->file];
}

static int source_changed(const char *path, struct err *err)
{
    return err_set(err, ERR_SOURCE, "'%s' changed while it was read", path);
}

/* A read error is the fault of the source, not of the destination. */
static int blame_source(struct err *err)
{
    if (err->code == ERR_DEST)
        err->code = ERR_SOURCE;
    return -1;
}

/* The same size and time as when it was listed. */
static int compare_source(const struct task *task, const struct fs_info *info,
                          const char *path, struct err *err)
{
    const struct plan *plan = &task->world->run->plan;
    char mtime[40];
    bool known;

    snprintf(mtime, sizeof(mtime), "mtime:%lld", (long long)info->mtime_ns);
    /* What lies elsewhere has a time of its own. */
    known = task->nearby || strcmp(mtime, plan_text(plan, file_of(task)->etag)) == 0;
    if (info->kind != FS_FILE || info->size != file_of(task)->size || !known)
        return source_changed(path, err);
    return 0;
}

/* Before reading, and after it. */
static int check_source(const struct task *task, int fd, const char *path,
                        struct err *err)
{
    struct fs_info info;

    if (fs_look_open(fd, NULL, path, &info, err) < 0)
        return blame_source(err);
    return compare_source(task, &info, path, err);
}

/* The server was asked at an open that may be long ago, and another file may have the path
 * since. */
static int check_server(const struct task *task, const char *path, struct err *err)
{
    const struct run *run = task->world->run;
    struct fs_info info;

    if (task->nearby || segments_of(&run->segments, task->file) == 1)
        return 0;
    if (fs_look_fresh(path, &info, err) < 0)
        return blame_source(err);
    return compare_source(task, &info, path, err);
}

/* Blocks of the source into memory or into the home. */
static int read_blocks(struct task *task, struct blocks *in, struct err *err)
{
    uint64_t begin = in->next;
    int rc;

    while ((rc = blocks_next(in, err)) > 0) {
        if (task->small)
            memcpy(task->body + (in->at - begin), in->bytes, in->len);
        else if (task_write(task, in->bytes, in->len, in->at - begin, err) < 0)
            return -1;
        if (task->sum)
            task_sum(task, in->bytes, in->len);
    }
    if (rc < 0)
        return blame_source(err);
    task->got = in->end - begin;
    return 0;
}

static int read_source(struct task *task, const char *path, struct err *err)
{
    struct range range = task_range(task);
    struct blocks in = { .name = path,
                         .next = range.begin,
                         .end = range.end,
                         .pool = task->world->pool,
                         .direct = task->nearby && task->world->run->nearby.uncached,
                         .ahead = true,
                         .lent = !task->nearby };
    int rc = -1;

    if (in.lent)
        in.fd = origins_take(task->world->origins, task->file, path, err);
    if (in.lent && in.fd < 0)
        return blame_source(err);
    if (blocks_open(&in, err) < 0) {
        blame_source(err);
        goto out;
    }
    if (check_source(task, in.fd, path, err) < 0)
        goto out;
    if (read_blocks(task, &in, err) == 0 && check_source(task, in.fd, path, err) == 0)
        rc = check_server(task, path, err);
out:
    blocks_close(&in);
    if (in.lent)
        origins_give(task->world->origins, in.fd, rc < 0);
    return rc;
}

static int source_path(const struct task *task, struct strbuf *path, struct err *err)
{
    const struct run *run = task->world->run;
    struct strbuf url = { 0 };
    int rc = 0;

    if (task->nearby) {
        strbuf_addf(path, "%s/%s", run->nearby.path, plan_path(&run->plan, task->file));
        return path->failed ? err_memory(err, "a path") : 0;
    }
    plan_url(&run->plan, task->file, &url);
    if (!url_path_file(url.data, path) || url.failed || path->failed)
        rc = err_set(err, ERR_SOURCE, "'%s' is not the URL of a file",
                     url.data ? url.data : "");
    strbuf_release(&url);
    return rc;
}

int local_read(struct task *task, struct err *err)
{
    struct strbuf path = { 0 };
    int rc = source_path(task, &path, err);

    if (rc == 0)
        rc = read_source(task, path.data, err);
    strbuf_release(&path);
    return rc;
}
