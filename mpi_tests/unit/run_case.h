/* run_case.h -- a run of one rank without MPI, whose files come from a table instead of a
 * source. For tests of what rank 0 does with a staged tree. */
#ifndef RUN_CASE_H
#define RUN_CASE_H

#include "coordinate/coordinator.h"
#include "io/heartbeat.h"
#include "io/sha256.h"
#include "scratch_dir.h"
#include "staging/staging.h"

struct run_file {
    const char *path, *text;
    size_t repeat; /* 0 is once */
};

static inline size_t run_file_size(const struct run_file *file)
{
    return strlen(file->text) * (file->repeat ? file->repeat : 1);
}

/* What is in files of one kind: made once, since a process that forks often, or one that
 * a sanitizer looks at, pays for each page that it touches. */
struct run_content {
    struct run_content *next;
    size_t one, size; /* of the text, and of all */
    uint8_t sha256[32];
    char bytes[];
};

static inline struct run_content *run_content_make(const struct run_file *file)
{
    size_t one = strlen(file->text), size = run_file_size(file);
    struct run_content *content = malloc(sizeof(*content) + size + 1);

    assert_non_null(content);
    *content = (struct run_content){ .one = one, .size = size };
    if (size > 0)
        memcpy(content->bytes, file->text, one);
    /* what is there once more, since a sanitizer looks at each call */
    for (size_t at = one; at < size; at *= 2)
        memcpy(content->bytes + at, content->bytes, at < size - at ? at : size - at);
    content->bytes[size] = '\0';
    sha256_bytes(content->bytes, size, content->sha256);
    return content;
}

static inline const struct run_content *run_content_of(const struct run_file *file)
{
    static struct run_content *made;
    size_t one = strlen(file->text), size = run_file_size(file);
    struct run_content *content = made;

    while (content && (content->one != one || content->size != size ||
                       memcmp(content->bytes, file->text, one) != 0))
        content = content->next;
    if (!content) {
        content = run_content_make(file);
        content->next = made;
        made = content;
    }
    return content;
}

static inline const char *run_file_bytes(const struct run_file *file)
{
    return run_content_of(file)->bytes;
}

static inline void run_file_digest(const struct run_file *file, uint8_t sha256[32])
{
    memcpy(sha256, run_content_of(file)->sha256, 32);
}

static inline void run_case_add(struct run *run, const struct run_file *file)
{
    struct plan_entry entry = { .path = file->path,
                                .key = file->path,
                                .etag = "\"tag\"",
                                .oid = "0123456789abcdef0123456789abcdef01234567",
                                .size = run_file_size(file),
                                .want = { .kind = DIGEST_SHA256 } };

    run_file_digest(file, entry.want.bytes);
    assert_int_equal(plan_add(&run->plan, &entry, NULL), 0);
}

static inline bool run_case_goes_on(void *arg)
{
    (void)arg;
    return false;
}

/* mtime is the run's own time; nothing is synced, since no test pulls the plug. */
static inline void run_case_open(struct run *run, const char *dest, int64_t mtime,
                                 const struct run_file *files, size_t count)
{
    *run = (struct run){ .keeper = true,
                         .ranks.size = 1,
                         .mtime = mtime,
                         .ranks.interrupted = run_case_goes_on };
    run->opt.dest = dest;
    for (size_t i = 0; i < count; i++)
        run_case_add(run, &files[i]);
    assert_int_equal(plan_set(&run->plan, &run->plan.source, "test:source", NULL), 0);
    assert_int_equal(plan_seal(&run->plan, NULL), 0);
    assert_int_equal(segments_cut(&run->segments, &run->plan, SEGMENT_ALIGN, NULL), 0);
}

static inline void run_case_close(struct run *run)
{
    segments_release(&run->segments);
    plan_release(&run->plan);
    heartbeat_stop(run->staging.heartbeat);
    staging_close(run);
    *run = (struct run){ 0 };
}

static inline const struct run_file *run_file_of(const struct run_file *files,
                                                 size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    return NULL;
}

#endif
