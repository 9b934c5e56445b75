/* resume_case.h -- segments that a run has noted, for tests of what the next one makes of
 * them. */
#ifndef RESUME_CASE_H
#define RESUME_CASE_H

#include "publish_case.h"
#include "resume/journal.h"
#include "resume/resume.h"
#include "staging/staging.h"

enum { MIB = SEGMENT_ALIGN };

static inline uint64_t sum_of(const struct run_file *file, struct range range)
{
    struct checksum *sum = checksum_create();
    const char *bytes = run_file_bytes(file);
    uint64_t value;

    checksum_feed(sum, bytes + range.begin, (size_t)(range.end - range.begin));
    value = checksum_value(sum);
    checksum_destroy(sum);
    return value;
}

/* So many segments with one line. */
static inline void note_together(struct journal *journal, const struct job *job,
                                 uint32_t segment, uint32_t count)
{
    uint32_t file = job->run.segments.file[segment];
    const char *name = plan_path(&job->run.plan, file);

    journal_note(journal, &job->run, segment, count,
                 sum_of(run_file_of(job->files, job->count, name),
                        segments_range(&job->run.segments, segment, count)));
}

static inline void note_in(struct journal *journal, const struct job *job,
                           uint32_t segment)
{
    note_together(journal, job, segment, 1);
}

static inline void note(const struct job *job, uint32_t segment)
{
    struct journal *journal;

    assert_int_equal(journal_open(&journal, &job->run, NULL), 0);
    note_in(journal, job, segment);
    journal_close(journal);
}

/* Number of the first segment of a file. */
static inline uint32_t segment_of(const struct job *job, const char *path)
{
    for (uint32_t f = 0; f < job->run.plan.nfiles; f++)
        if (strcmp(plan_path(&job->run.plan, f), path) == 0)
            return job->run.segments.first[f];
    fail_msg("no file '%s'", path);
    return 0;
}

/* As the rank that checks it (fetch/small.c): what may become this run's own is renamed. */
static inline int where_after_check(const struct job *job, const struct msg_item *item)
{
    const struct run *run = &job->run;
    uint32_t file = run->segments.file[item->segment];
    char name[FS_NAME];
    struct fs_info info;

    staging_kept_name(run, item->where, file, name);
    assert_int_equal(fs_look(&run->staging.dir, name, &info, NULL), 0);
    if (info.kind == FS_MISSING)
        return -1;
    return info.links == 1 &&
                   fs_rename(&run->staging.dir, name, &run->staging.tree,
                             staging_name(run, file), FS_RENAME_ABSENT, NULL) == 0
               ? STAGING_TREE
               : (int)item->where;
}

/* Where the run believes a segment to lie; -1: nobody left it. */
static inline int where_of(const struct job *job, uint32_t segment)
{
    const struct segments *segments = &job->run.segments;
    const char *name = plan_path(&job->run.plan, segments->file[segment]);
    struct msg_item item = { .segment = segment };

    if (!resume_held(job->run.staging.resume, segment, &item))
        return -1;
    assert_true(item.flags & MSG_ITEM_HELD);
    assert_true(item.checksum ==
                sum_of(run_file_of(job->files, job->count, name),
                       segments_range(segments, segment, item.segments)));
    return item.flags & MSG_ITEM_MOVES ? where_after_check(job, &item) : (int)item.where;
}

#endif
