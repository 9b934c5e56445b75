#include "fetch/landing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/url_path.h"
#include "fetch/task.h"
#include "io/fs/fs.h"
#include "resume/journal.h"
#include "staging/local_metadata.h"

enum { SETTLE_BLOCK = 1 << 20 };

static const struct plan_file *file_of(const struct task *task)
{
    return &task->world->run->plan.files[task->file];
}

static bool is_whole_file(const struct task *task)
{
    return segments_of(&task->world->run->segments, task->file) == 1;
}

bool settle_is_local(const struct run *run, uint32_t file)
{
    const struct plan *plan = &run->plan;
    const char *key = plan_text(plan, plan->files[file].key);

    return text_starts(key, "file:") ||
           (text_starts(plan_text(plan, plan->base), "file:") && !url_path_is_web(key));
}

/* Compare with what the source, or the plan, said. */
static void judge(struct task *task, const uint8_t sha1[20])
{
    const struct digest *want = &file_of(task)->want;

    task->hashed = true;
    if (want->kind == DIGEST_SHA256)
        task->bad = memcmp(want->bytes, task->sha256, 32) != 0;
    if (want->kind == DIGEST_GIT_BLOB)
        task->bad = memcmp(want->bytes, sha1, 20) != 0;
}

static int hash_body(struct task *task, struct err *err)
{
    uint64_t size = file_of(task)->size;
    uint8_t sha1[20] = { 0 };

    sha256_bytes(task->body, (size_t)size, task->sha256);
    if (file_of(task)->want.kind == DIGEST_GIT_BLOB &&
        git_blob_sha1(task->body, (size_t)size, sha1, err) < 0)
        return -1;
    judge(task, sha1);
    return 0;
}

/* One pass over the file for both digests. */
static int hash_blocks(struct task *task, int fd, const char *path, char *block,
                       struct git_blob *git, struct err *err)
{
    uint64_t size = file_of(task)->size, done = 0;
    struct midstate state = midstate_start();
    size_t len = 0;

    while (done < size) {
        len = (size_t)(size - done < SETTLE_BLOCK ? size - done : SETTLE_BLOCK);
        if (pool_stopping(task->world->pool))
            return err_set(err, ERR_INTERRUPTED, "interrupted while hashing '%s'", path);
        if (fs_pread(fd, path, block, len, done, err) < 0 ||
            (git && git_blob_feed(git, block, len, err) < 0))
            return -1;
        done += len;
        if (done < size)
            sha256_blocks(&state, block, len);
    }
    sha256_end(&state, block, len, task->sha256);
    return 0;
}

static int hash_file(struct task *task, struct err *err)
{
    const struct plan_file *file = file_of(task);
    struct git_blob *git = NULL;
    struct strbuf path = { 0 };
    uint8_t sha1[20] = { 0 };
    char *block = malloc(SETTLE_BLOCK);
    int fd = -1, rc = -1;

    if (!block) {
        err_memory(err, "hashing");
        goto out;
    }
    if (store_place(task->world->store, task->file, &path, err) < 0 ||
        (fd = fs_open_read(path.data, err)) < 0)
        goto out;
    if (file->want.kind == DIGEST_GIT_BLOB && git_blob_begin(&git, file->size, err) < 0)
        goto out;
    if (hash_blocks(task, fd, path.data, block, git, err) < 0)
        goto out;
    if (git && git_blob_end(&git, sha1, err) < 0)
        goto out;
    judge(task, sha1);
    rc = 0;
out:
    git_blob_destroy(git);
    if (fd >= 0)
        fs_close(fd, path.data, NULL);
    strbuf_release(&path);
    free(block);
    return rc;
}

static int close_home(struct task *task, struct err *err)
{
    int fd = task->fd;

    task->fd = -1;
    if (fd < 0 || fs_close(fd, task->path, err) == 0)
        return 0;
    /* A copy that nobody else has, and no later run. */
    if (store_copies(task->world->store, task->duplicate))
        err->unsure = false;
    return -1;
}

static int write_body(struct task *task, const char *path, struct err *err)
{
    int fd = fs_open_write(path, err);
    int rc = fd < 0
                 ? -1
                 : fs_pwrite(fd, path, task->body, (size_t)file_of(task)->size, 0, err);

    if (fd >= 0 && fs_close(fd, path, err) < 0)
        rc = -1;
    return rc;
}

/* Last of all, since any write changes the mtime again. A file whose digest is wrong gets
 * neither: it will be fetched again. */
static int finish_file(struct task *task, const char *path, struct err *err)
{
    const struct run *run = task->world->run;

    if (task->bad)
        return 0;
    if (fs_set_mtime(path, run->mtime * 1000000000, err) < 0)
        return -1;
    return local_metadata_write_file(run, task->file, err);
}

static uint64_t sum_body(const struct task *task)
{
    struct checksum *sum = checksum_create();
    uint64_t value = 0;

    if (sum) {
        checksum_feed(sum, task->body, (size_t)file_of(task)->size);
        value = checksum_value(sum);
    }
    checksum_destroy(sum);
    return value;
}

static void note(const struct task *task)
{
    const struct store *store = task->world->store;

    if (!task->bad)
        journal_note(store->journal, store->run, task->segment, task->checksum);
}

/* Here and not where the run hears of it: it may be about to stop for another reason. */
static int ended(const struct task *task, const struct err *err, int rc)
{
    if (rc < 0)
        journal_doubt(task->world->run, err);
    return rc;
}

int settle_run(struct job *job)
{
    struct task *task = job->owner;
    const struct store *store = task->world->store;
    struct strbuf path = { 0 };
    int rc = -1;

    if (close_home(task, &job->err) < 0 ||
        store_place(store, task->file, &path, &job->err) < 0)
        goto out;
    if (task->small) {
        if (hash_body(task, &job->err) < 0 || write_body(task, path.data, &job->err) < 0)
            goto out;
        task->checksum = sum_body(task);
    } else {
        task->checksum = task->sum ? checksum_value(task->sum) : 0;
        if (store_copies(store, task->duplicate) &&
            store_settle(store, task->segment, task->duplicate, task->checksum,
                         &job->err) < 0)
            goto out;
        if (is_whole_file(task) && hash_file(task, &job->err) < 0)
            goto out;
    }
    rc = is_whole_file(task) ? finish_file(task, path.data, &job->err) : 0;
    if (rc == 0)
        note(task);
out:
    strbuf_release(&path);
    return ended(task, &job->err, rc);
}

static int source_changed(const char *path, struct err *err)
{
    return err_set(err, ERR_SOURCE, "'%s' changed while it was being read", path);
}

/* Before and after reading: the same size and time as when it was listed. */
static int check_source(const struct task *task, int fd, const char *path,
                        struct err *err)
{
    const struct plan *plan = &task->world->run->plan;
    struct fs_info info;
    char mtime[40];

    if (fs_look_open(fd, path, &info, err) < 0) {
        err->code = ERR_SOURCE;
        return -1;
    }
    snprintf(mtime, sizeof(mtime), "mtime:%lld", (long long)info.mtime_ns);
    if (info.kind != FS_FILE || info.size != file_of(task)->size ||
        strcmp(mtime, plan_text(plan, file_of(task)->etag)) != 0)
        return source_changed(path, err);
    return 0;
}

/* Blocks of the source into memory or into the home. */
static int read_blocks(struct task *task, int fd, const char *path, char *block,
                       struct err *err)
{
    struct range range = segment_range(&task->world->run->segments, task->segment);

    for (uint64_t at = range.begin; at < range.end;) {
        size_t len =
            (size_t)(range.end - at < SETTLE_BLOCK ? range.end - at : SETTLE_BLOCK);

        if (pool_stopping(task->world->pool))
            return err_set(err, ERR_INTERRUPTED, "interrupted while reading '%s'", path);
        if (fs_pread(fd, path, block, len, at, err) < 0) {
            err->code = ERR_SOURCE;
            return -1;
        }
        if (task->small)
            memcpy(task->body + (at - range.begin), block, len);
        else if (fs_pwrite(task->fd, task->path, block, len,
                           task->offset + at - range.begin, err) < 0)
            return -1;
        if (task->sum)
            checksum_feed(task->sum, block, len);
        at += len;
    }
    task->got = range.end - range.begin;
    return 0;
}

static int read_source(struct task *task, const char *path, struct err *err)
{
    char *block = malloc(SETTLE_BLOCK);
    int fd = -1, rc = -1;

    if (!block) {
        err_memory(err, "reading");
        goto out;
    }
    fd = fs_open_read(path, err);
    if (fd < 0) {
        err->code = ERR_SOURCE;
        goto out;
    }
    if (check_source(task, fd, path, err) < 0)
        goto out;
    if (!task->small && (task->fd = fs_open_write(task->path, err)) < 0)
        goto out;
    if (read_blocks(task, fd, path, block, err) == 0)
        rc = check_source(task, fd, path, err);
out:
    if (fd >= 0)
        fs_close(fd, path, NULL);
    free(block);
    return rc;
}

int settle_rehash(struct job *job)
{
    struct task *task = job->owner;

    task->got = task_size(task);
    return is_whole_file(task) ? hash_file(task, &job->err) : 0;
}

int settle_held(struct job *job)
{
    struct task *task = job->owner;
    const struct store *store = task->world->store;
    struct strbuf path = { 0 };
    int rc = store_recheck(store, task->segment, task->layer, task->checksum,
                           task->world->pool, &job->err);

    if (rc == 0 && is_whole_file(task)) {
        rc = hash_file(task, &job->err);
        if (rc == 0 && task->bad)
            rc = err_set(&job->err, ERR_SOURCE,
                         "'%s': what an earlier run left has the wrong digest",
                         plan_path(&store->run->plan, task->file));
        if (rc == 0)
            rc = store_place(store, task->file, &path, &job->err);
        if (rc == 0)
            rc = finish_file(task, path.data, &job->err);
    }
    if (rc == 0) {
        task->got = task_size(task);
        note(task);
    }
    strbuf_release(&path);
    return ended(task, &job->err, rc);
}

int settle_fetch(struct job *job)
{
    struct task *task = job->owner;
    struct strbuf url = { 0 }, path = { 0 };
    int rc = -1;

    plan_url(&task->world->run->plan, task->file, &url);
    if (!url_path_file(url.data, &path) || url.failed || path.failed)
        err_set(&job->err, ERR_SOURCE, "'%s' names no file", url.data ? url.data : "");
    else
        rc = read_source(task, path.data, &job->err);
    strbuf_release(&url);
    strbuf_release(&path);
    if (rc < 0 || task->duplicate)
        return rc;
    return settle_run(job);
}
