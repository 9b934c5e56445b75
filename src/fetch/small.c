#include "fetch/small.h"

#include <errno.h>
#include <stdlib.h>

#include "resume/journal.h"
#include "staging/local_metadata.h"
#include "staging/staging.h"

static const struct plan_file *file_of(const struct task *task)
{
    return &task->world->run->plan.files[task->file];
}

static int hash_body(struct task *task, struct err *err)
{
    size_t size = (size_t)file_of(task)->size;
    uint8_t sha1[20] = { 0 };

    sha256_bytes(task->body, size, task->sha256);
    if (file_of(task)->want.kind == DIGEST_GIT_BLOB &&
        git_blob_sha1(task->body, size, sha1, err) < 0)
        return -1;
    task_judge(task, sha1);
    return 0;
}

/* The file's last write is behind it, since any changes the mtime again. One whose digest
 * is wrong keeps another time: it will be fetched again. */
static int set_time(const struct task *task, int fd, const struct fs_dir *dir,
                    const char *name, struct err *err)
{
    return task->bad ? 0
                     : fs_set_mtime_open(fd, dir, name,
                                         task->world->run->mtime * 1000000000, err);
}

/* By its whole name if it is there already: that tells of names that are one file. */
static int open_final(struct small *small, const struct store_place *final,
                      const struct task *task, struct err *err)
{
    const char *last;
    const struct fs_dir *dir =
        fs_parents_of(&small->parents, final->dir, final->name, &last);
    struct err why = { 0 };
    int fd = fs_open_new(dir, last, &why);

    if (fd >= 0)
        return fd;
    return errno == EEXIST ? store_open_final(task->world->store, task->file, final, err)
                           : err_copy(err, &why);
}

static int write_body(struct small *small, struct task *task, struct err *err)
{
    struct store_place final;
    int fd, rc;

    store_final(task->world->store, task->file, &final);
    fd = open_final(small, &final, task, err);
    if (fd < 0)
        return -1;
    rc = fs_pwrite(fd, final.dir, final.name, task->body, (size_t)file_of(task)->size, 0,
                   err);
    if (rc == 0)
        rc = set_time(task, fd, final.dir, final.name, err);
    return fs_close(fd, final.dir, final.name, err) < 0 ? -1 : rc;
}

/* Last of all. A file with a wrong digest gets no metadata, and no line. What is noted
 * before a sync must be part of it, so the line comes after the touch. */
static int finish(struct small *small, const struct task *task, struct err *err)
{
    const struct run *run = task->world->run;

    if (!task->bad && local_metadata_write_file(run, task->file, err) < 0)
        return -1;
    syncing_touch(task->world->syncing, task->file, file_of(task)->size);
    if (!task->bad)
        journal_collect(&small->notes, run, task->segment, 1, task->checksum);
    return 0;
}

int small_land(struct small *small, struct task *task, struct err *err)
{
    if (hash_body(task, err) < 0 || write_body(small, task, err) < 0)
        return -1;
    task->checksum = checksum_bytes(task->body, (size_t)file_of(task)->size);
    return finish(small, task, err);
}

/* Where a former run left a file, and what it is. */
struct found {
    const struct fs_dir *dir;
    const char *name; /* in dir */
    char text[FS_NAME];
    int fd;
    struct fs_info info;
};

static void find(struct small *small, const struct task *task, struct found *found)
{
    const struct run *run = task->world->run;
    bool in_tree = task->where == STAGING_TREE;
    const char *name = in_tree
                           ? staging_name(run, task->file)
                           : staging_kept_name(run, task->where, task->file, found->text);

    found->dir =
        fs_parents_of(&small->parents, in_tree ? &run->staging.tree : &run->staging.dir,
                      name, &found->name);
}

static int refuse(const struct task *task, const char *what, struct err *err)
{
    return err_set(err, ERR_SOURCE, "'%s': the data left by an earlier run %s",
                   plan_path(&task->world->run->plan, task->file), what);
}

static int read_found(struct task *task, struct found *found, struct err *err)
{
    size_t size = (size_t)file_of(task)->size;

    if (found->info.size != size)
        return refuse(task, "has another size", err);
    task->body = malloc(size);
    return !task->body
               ? err_memory(err, "a small file")
               : fs_pread(found->fd, found->dir, found->name, task->body, size, 0, err);
}

static int check_body(struct task *task, struct err *err)
{
    if (checksum_bytes(task->body, (size_t)file_of(task)->size) != task->checksum)
        return refuse(task, "is corrupt", err);
    if (hash_body(task, err) < 0)
        return -1;
    return task->bad ? refuse(task, "has the wrong digest", err) : 0;
}

/* Only where nobody else can have it open for writing, or sees it under another name. */
static bool is_ours(struct small *small, const struct task *task,
                    const struct found *found)
{
    const struct run *run = task->world->run;

    if (small->made.kind == FS_MISSING)
        fs_look(&run->staging.dir, ".", &small->made, NULL);
    return task->moves && found->info.links == 1 && small->made.kind == FS_DIRECTORY &&
           fs_is_mine(&found->info, &small->made);
}

/* 1: its bytes are to be written to a file of this run. */
static int move(struct small *small, const struct task *task, const struct found *found,
                struct err *err)
{
    struct store_place final;
    const struct fs_dir *dir;
    const char *last;

    if (task->where != STAGING_TREE && !is_ours(small, task, found))
        return 1;
    if (set_time(task, found->fd, found->dir, found->name, err) < 0)
        return -1;
    if (task->where == STAGING_TREE)
        return 0;
    store_final(task->world->store, task->file, &final);
    dir = fs_parents_of(&small->parents, final.dir, final.name, &last);
    return fs_rename(found->dir, found->name, dir, last, FS_RENAME_ABSENT, NULL) < 0;
}

int small_recheck(struct small *small, struct task *task, struct err *err)
{
    struct found found;
    int rc;

    if (pool_stopping(task->world->pool))
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    find(small, task, &found);
    found.fd = fs_open_regular(found.dir, found.name, &found.info, err);
    rc = found.fd < 0 ? -1 : read_found(task, &found, err);
    if (rc == 0)
        rc = check_body(task, err);
    if (rc < 0)
        err->code = ERR_SOURCE; /* whatever is wrong with it */
    if (rc == 0)
        rc = move(small, task, &found, err);
    if (found.fd >= 0 && fs_close(found.fd, found.dir, found.name, err) < 0)
        rc = -1;
    if (rc > 0)
        rc = write_body(small, task, err);
    if (rc == 0)
        rc = finish(small, task, err);
    task->got = rc == 0 ? file_of(task)->size : 0;
    free(task->body);
    task->body = NULL;
    return rc;
}

void small_end(struct small *small)
{
    journal_put(small->world->store->journal, &small->notes);
    strbuf_release(&small->notes);
    fs_parents_close(&small->parents);
}
