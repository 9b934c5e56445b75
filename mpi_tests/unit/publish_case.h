/* publish_case.h -- whole runs of one rank on a file system, from a look at DEST to what
 * stands there afterwards; the fetch is a copy from a table.
 *
 * Life cycle   publish_enter makes DEST's own parent; job_start, job_look, job_build,
 * job_fetch, job_commit in that order; job_end at any time. job_publish is all of
 * them. */
#ifndef PUBLISH_CASE_H
#define PUBLISH_CASE_H

#include <sys/stat.h>

#include "io/fs/fs.h"
#include "publish/dir_commit.h"
#include "publish/dir_look.h"
#include "run_case.h"
#include "staging/local_metadata.h"
#include "staging/record.h"

static const struct run_file first[] = {
    { "same", "one\n", 0 },
    { "changed", "old", 0 },
    { "gone/file", "gone", 0 },
    { "empty", "", 0 },
    { "sub/same-large", "0123456789abcdef", 65537 },
    { "sub/changed-large", "0123456789abcdef", 65538 },
};

static const struct run_file second[] = {
    { "same", "one\n", 0 },
    { "changed", "new", 0 },
    { "added/file", "added", 0 },
    { "empty", "", 0 },
    { "sub/same-large", "0123456789abcdef", 65537 },
    { "sub/changed-large", "0123456789abcdeF", 65538 },
};

static const struct run_file third[] = { { "same", "three", 0 } };

enum { STAMP = 1700000000, LATER = 1700000100, LATEST = 1700000200 };

struct job {
    struct run run;
    struct dir dir;
    const struct run_file *files;
    size_t count;
    struct visibility_mark mark;
    struct err err;
};

static char parent_path[64], dest_path[sizeof(parent_path) + 8];

/* A directory of its own for each test, so that what lies beside DEST can be listed. */
static int publish_enter(void **state)
{
    static unsigned number;

    (void)state;
    snprintf(parent_path, sizeof(parent_path), "%s/%u", scratch_path, ++number);
    snprintf(dest_path, sizeof(dest_path), "%s/dest", parent_path);
    setenv("PARENT", parent_path, 1); /* for commands */
    setenv("DEST", dest_path, 1);
    return mkdir(parent_path, 0777);
}

static inline void run_command(const char *command)
{
    assert_int_equal(system(command), 0);
}

/* What a command prints, to be freed by the caller. */
static inline char *output_of(const char *command)
{
    struct strbuf text = { 0 };
    char piece[4096];
    size_t len;
    FILE *pipe = popen(command, "r");

    assert_non_null(pipe);
    while ((len = fread(piece, 1, sizeof(piece), pipe)) > 0)
        strbuf_add(&text, piece, len);
    assert_int_equal(pclose(pipe), 0);
    return strbuf_steal(&text);
}

/* Everything at and below path that a reader could notice. */
static inline char *listing(const char *path)
{
    char command[256];

    snprintf(command, sizeof(command),
             "LC_ALL=C find '%s' -printf '%%P|%%y|%%i|%%n|%%m|%%s|%%T@|%%l\\n' | "
             "LC_ALL=C sort",
             path);
    return output_of(command);
}

static inline void assert_listing(const char *path, char *before)
{
    char *after = listing(path);

    assert_string_equal(after, before);
    free(after);
    free(before);
}

/* Names in DEST's parent but for that of its records, each followed by a blank. */
static inline void assert_beside(const char *names)
{
    char *found =
        output_of("LC_ALL=C ls -A -I .dest.mpifetch \"$PARENT\" | tr '\\n' ' '");

    assert_string_equal(found, names);
    free(found);
}

static inline void job_start(struct job *job, int64_t mtime, const struct run_file *files,
                             size_t count)
{
    *job = (struct job){ .files = files, .count = count };
    run_case_open(&job->run, dest_path, mtime, files, count);
}

static inline int job_look(struct job *job)
{
    return dir_look(&job->dir, &job->run, &job->err);
}

static inline int job_build(struct job *job)
{
    int rc = dir_claim(&job->dir, &job->err);

    assert_true(rc <= 0); /* nobody is waited for */
    return rc < 0 ? -1 : dir_build(&job->dir, &job->err);
}

static inline void path_in(char *path, size_t size, const char *dir, const char *name)
{
    assert_true(snprintf(path, size, "%s/%s", dir, name) < (int)size);
}

/* As ranks do it: a small file is made by the rank that fetches it, a large one is there
 * already in its full size. */
static inline void job_fetch_file(struct job *job, uint32_t i)
{
    const char *name = plan_path(&job->run.plan, i);
    const struct run_file *file = run_file_of(job->files, job->count, name);
    bool large = segments_of(&job->run.segments, i) > 1;
    const char *bytes = run_file_bytes(file);
    char path[256];
    struct fs_info info;

    path_in(path, sizeof(path), job->run.staging.tree.path, name);
    assert_int_equal(fs_look(NULL, path, &info, NULL), 0);
    assert_int_equal(info.kind, large ? FS_FILE : FS_MISSING);
    assert_int_equal(info.size, large ? run_file_size(file) : 0);
    assert_int_equal(
        fs_write_all(NULL, path, bytes, run_file_size(file), large, false, NULL), 0);
    if (large)
        return;
    assert_int_equal(fs_set_mtime(NULL, path, job->run.mtime * 1000000000, NULL), 0);
    assert_int_equal(local_metadata_write_file(&job->run, i, NULL), 0);
}

static inline void job_fetch(struct job *job)
{
    for (uint32_t i = 0; i < job->run.plan.nfiles; i++) {
        struct existing_file *known = &job->dir.existing.file[i];

        if (known->there)
            continue;
        memcpy(known->sha256, job->run.plan.files[i].want.bytes, 32);
        if (job->run.plan.files[i].size > 0)
            job_fetch_file(job, i);
    }
}

static inline int job_commit(struct job *job)
{
    int rc = dir_commit(&job->dir, &job->mark, &job->err);

    if (rc == 0)
        dir_clean(&job->dir);
    return rc;
}

static inline void job_end(struct job *job)
{
    dir_release(&job->dir);
    run_case_close(&job->run);
}

/* To the end, which must be a good one. Options are set between start and this. */
static inline void job_publish(struct job *job)
{
    if (job_look(job) < 0 || job_build(job) < 0)
        fail_msg("%s", job->err.text);
    job_fetch(job);
    if (job_commit(job) < 0)
        fail_msg("%s", job->err.text);
}

static inline void assert_content(const char *dir, const struct run_file *file)
{
    const char *want = run_file_bytes(file);
    char path[256], *found;
    size_t len;

    path_in(path, sizeof(path), dir, file->path);
    assert_int_equal(fs_read_all(NULL, path, (size_t)1 << 30, &found, &len, NULL), 0);
    assert_int_equal(len, run_file_size(file));
    assert_memory_equal(found, want, len);
    free(found);
}

/* The content id in the record of a tree. */
static inline bool record_id_of(const char *dest, char id[65])
{
    struct manifest head;
    bool is = record_load_dest_head(&head, dest, NULL, NULL) == 0;

    if (is)
        memcpy(id, head.content_id, sizeof(head.content_id));
    manifest_release(&head);
    return is;
}

/* DEST holds these files and nothing else, and its record says the truth. */
static inline void assert_published(const struct run_file *files, size_t count,
                                    const char *id)
{
    struct strbuf want = { 0 };
    char *found, seen[65];

    for (size_t i = 0; i < count; i++)
        assert_content(dest_path, &files[i]);
    found = output_of("cd \"$DEST\" && find . ! -type d | wc -l && "
                      "sha256sum --check --quiet \"$PARENT/.dest.mpifetch/SHA256SUMS\"");
    strbuf_addf(&want, "%zu\n", count);
    assert_string_equal(found, want.data);
    assert_true(record_id_of(dest_path, seen));
    assert_string_equal(seen, id);
    free(found);
    strbuf_release(&want);
}

static inline struct fs_info look_in(const char *dir, const char *name)
{
    struct fs_info info;
    char path[256];

    path_in(path, sizeof(path), dir, name);
    assert_int_equal(fs_look(NULL, path, &info, NULL), 0);
    return info;
}

/* Publish, and check all that holds whatever stood there before. */
static inline void publish(struct job *job, enum layout_step step)
{
    job_publish(job);
    assert_int_equal(job->dir.how.step, step);
    assert_published(job->files, job->count, job->dir.content_id);
}

static inline void publish_first(char *id)
{
    struct job job;

    job_start(&job, STAMP, first, countof(first));
    job_publish(&job);
    if (id)
        memcpy(id, job.dir.content_id, sizeof(job.dir.content_id));
    job_end(&job);
}

static inline void assert_unchanged(const struct run_file *files, size_t count)
{
    struct job job;

    job_start(&job, LATEST, files, count);
    assert_int_equal(job_look(&job), 0);
    assert_true(job.dir.existing.unchanged);
    job_end(&job);
}

#endif
