/* resume/kept.c: of whatever chain of runs, all that any of them has noted is found again
 * where its bytes are, also after a kill between any two steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "io/clock.h"
#include "resume/kept.h"
#include "resume/leftovers.h"
#include "resume/release.h"
#include "resume_case.h"
#include "staging/manifest_write.h"

/* Three segments, one, and a small file. */
static const struct run_file content[] = {
    { "large", "0123456789abcdef", 5 * MIB / 32 },
    { "dir/whole", "fedcba9876543210", MIB / 32 },
    { "small", "text", 0 },
};

/* Another content, with one file in common and one of the same name. */
static const struct run_file others[] = {
    { "large", "0123456789abcdeF", 5 * MIB / 32 },
    { "dir/other", "0123456789abcdef", 3 * MIB / 32 },
    { "small", "text", 0 },
};

/* The next changes of names and writes that are made before the process is killed; 0:
 * any number. Only of the main thread: the other one has its sign of life to write. */
static unsigned steps_left;

static bool ends_here(void)
{
    return steps_left > 0 && getpid() == syscall(SYS_gettid) && --steps_left == 0;
}

static void step(void)
{
    if (ends_here())
        _exit(9);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    step();
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    step();
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
    step();
    return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    step();
    return (int)syscall(SYS_mkdirat, dir, path, mode);
}

/* A write may be cut short. */
ssize_t write(int fd, const void *bytes, size_t len)
{
    if (!ends_here())
        return syscall(SYS_write, fd, bytes, len);
    syscall(SYS_write, fd, bytes, len / 2);
    _exit(9);
}

/* What a run of a chain does before it dies; a digit for each segment. */
enum how {
    GONE = 1,  /* certainly */
    ALONE = 2, /* it takes nothing over */
    MARK = 4,  /* it was about to take the visible step */
    FAIL = 8   /* at last a sync failed */
};

struct past {
    const struct run_file *files;
    unsigned how;
    const char *fetches; /* numbers of segments, in the order of content or others; s: a
                          * sync of those before */
    const char *checks;  /* of those that it found */
};

enum { RUNS = 4 };

/* Of the run that is at work. */
static struct journal *journal;

/* Numbered file by file, in the order of the table. */
static uint32_t numbered(const struct job *job, unsigned number)
{
    for (size_t i = 0; i < job->count; i++) {
        uint32_t segment = segment_of(job, job->files[i].path);
        uint32_t count = segments_of(&job->run.segments, job->run.segments.file[segment]);

        if (number < count)
            return segment + number;
        number -= count;
    }
    fail_msg("no segment %u", number);
    return 0;
}

static const char *path_of(const struct job *job, uint32_t segment, int where, char *path,
                           size_t size)
{
    uint32_t file = job->run.segments.file[segment];
    const struct run_staging *staging = &job->run.staging;
    char name[FS_NAME];

    if (where == STAGING_TREE)
        path_in(path, size, staging->tree.path, staging_name(&job->run, file));
    else
        path_in(path, size, staging->dir.path,
                staging_kept_name(&job->run, (uint32_t)where, file, name));
    return path;
}

/* The bytes of a segment, as they should be. */
static const char *bytes_of(const struct job *job, uint32_t segment, struct range *range)
{
    const char *name = plan_path(&job->run.plan, job->run.segments.file[segment]);

    *range = segment_range(&job->run.segments, segment);
    return run_file_bytes(run_file_of(job->files, job->count, name)) + range->begin;
}

static bool is_right_at(const struct job *job, uint32_t segment, int where)
{
    static char found[MIB];
    struct range range;
    const char *want = bytes_of(job, segment, &range);
    size_t len = range.end - range.begin;
    char path[512];
    int fd = fs_open_read(NULL, path_of(job, segment, where, path, sizeof(path)), NULL);
    bool right = fd >= 0 && len <= sizeof(found) &&
                 fs_pread(fd, NULL, path, found, len, range.begin, NULL) == 0 &&
                 memcmp(found, want, len) == 0;

    if (fd >= 0)
        fs_close(fd, NULL, path, NULL);
    return right;
}

/* As a rank that has fetched it, or has found it right. */
static void land(struct job *job, uint32_t segment)
{
    struct range range;
    const char *bytes = bytes_of(job, segment, &range);
    char path[512];
    int fd = fs_open_write(NULL, path_of(job, segment, STAGING_TREE, path, sizeof(path)),
                           NULL);

    assert_true(fd >= 0);
    assert_int_equal(
        fs_pwrite(fd, NULL, path, bytes, range.end - range.begin, range.begin, NULL), 0);
    fs_close(fd, NULL, path, NULL);
    note_in(journal, job, segment);
}

static void each(struct job *job, const char *numbers, bool found)
{
    for (; *numbers; numbers++) {
        if (*numbers != 's') {
            if (found)
                where_of(job, numbered(job, (unsigned)(*numbers - '0')));
            land(job, numbered(job, (unsigned)(*numbers - '0')));
            continue;
        }
        journal_sync(journal);
        journal_done(journal);
    }
}

static int add_name(void *arg, const char *name, struct err *err)
{
    struct strbuf *names = arg;

    (void)err;
    if (text_starts(name, "run-") || text_starts(name, ".dest.mpifetch-"))
        strbuf_addf(names, "%s", name);
    return 0;
}

/* The only one in dir, below $PARENT, appended to path; false: there is none. */
static bool add_only(struct strbuf *path, const char *dir)
{
    size_t len;

    strbuf_addf(path, "%s/%s/", parent_path, dir);
    len = path->len;
    return fs_list(NULL, path->data, add_name, path, NULL) == 0 && path->len > len;
}

/* A run that takes over what lies in $PARENT/N/run-XXXXXX, up to where segments are
 * granted. steps: until it is killed; 0: it lives. */
static void begin(struct job *job, const struct past *past, unsigned steps)
{
    job_start(job, LATER, past->files, 3);
    assert_int_equal(job_look(job), 0);
    assert_int_equal(dir_claim(&job->dir, &job->err), 0);
    steps_left = steps;
    for (char name[2] = "0"; !(past->how & ALONE) && *name <= '9'; ++*name) {
        struct strbuf path = { 0 };
        struct fs_dir holder = { 0 }, dir = { 0 };

        if (add_only(&path, name)) {
            const char *last = strrchr(path.data, '/') + 1;

            assert_int_equal(fs_dir_open(&holder, &job->run.staging.parent, name, NULL),
                             0);
            assert_int_equal(fs_dir_below(&dir, &holder, last, NULL), 0);
            assert_int_equal(
                kept_take(&job->run, &dir, fs_is_there(&dir, "gone"), &job->err), 0);
        }
        fs_dir_close(&dir);
        fs_dir_close(&holder);
        strbuf_release(&path);
    }
    assert_int_equal(resume_read(&job->run.staging.resume, &job->run, &job->err), 0);
    assert_int_equal(dir_build(&job->dir, &job->err), 0);
    assert_int_equal(resume_settle(job->run.staging.resume, &job->err), 0);
}

static bool is_used(const char *dir)
{
    char path[256];

    path_in(path, sizeof(path), dir, "used");
    return access(path, F_OK) == 0;
}

/* What is in the staging of a run that was killed is where the next one takes it. */
static void put_away(bool gone)
{
    struct strbuf from = { 0 }, to = { 0 };
    const char *name;
    size_t len;

    assert_true(add_only(&from, "."));
    len = from.len;
    strbuf_adds(&from, "/");
    assert_int_equal(fs_list(NULL, from.data, add_name, &from, NULL), 0);
    name = from.data + len;
    for (char n = '0';
         to.len == 0 || fs_mkdir(NULL, to.data, 0700, NULL) < 0 || is_used(to.data);
         n++) {
        strbuf_clear(&to);
        strbuf_addf(&to, "%s/%c", parent_path, n);
    }
    strbuf_addf(&to, "/used");
    put_file(to.data, "");
    to.len -= strlen("/used");
    strbuf_adds(&to, name);
    assert_int_equal(fs_rename(NULL, from.data, NULL, to.data, FS_RENAME_ABSENT, NULL),
                     0);
    from.data[len] = '\0';
    assert_int_equal(fs_remove_empty(NULL, from.data, NULL), 0);
    strbuf_adds(&to, "/gone");
    if (gone)
        put_file(to.data, "");
    strbuf_release(&from);
    strbuf_release(&to);
}

/* All that it did before the step. */
static void mark(const struct job *job)
{
    struct strbuf path = { 0 }, text = { 0 };

    assert_int_equal(leftovers_mark(&job->run, false, NULL), 0);
    assert_int_equal(fs_mkdir(&job->run.staging.tree, ".mpifetch", 0777, NULL), 0);
    strbuf_addf(&path, "%s/.mpifetch/manifest.json", job->run.staging.tree.path);
    strbuf_addf(&text,
                "{\"format\": 1, \"identity\": \"%064d\", \"content_id\": \"%064d\", "
                "\"run\": \"%s\", \"files\": []}",
                0, 0, manifest_run(&job->run));
    put_file(path.data, text.data);
    strbuf_release(&path);
    strbuf_release(&text);
}

static void die(struct job *job, const struct past *past)
{
    if (past->how & MARK)
        mark(job);
    heartbeat_stop(job->run.staging.heartbeat);
    job->run.staging.heartbeat = NULL;
    put_away(past->how & GONE);
    resume_release(job->run.staging.resume);
    job_end(job);
}

static void live(const struct past *past)
{
    struct job job;

    begin(&job, past, 0);
    assert_int_equal(journal_open(&journal, &job.run, NULL), 0);
    each(&job, past->checks, true);
    each(&job, past->fetches, false);
    journal_close(journal);
    if (past->how & FAIL)
        journal_doubt(&job.run, &(struct err){ ERR_DEST, .unsure = clock_now() });
    die(&job, past);
}

/* The last run of a chain finds all this where it is. found: of each segment t for its
 * own tree, k for kept, so that it is copied, e for either, - for nowhere. gone: false if
 * one more may write yet that has had them in hand. */
static void assert_found(struct job *job, const char *found, bool gone)
{
    for (unsigned i = 0; i < job->run.segments.count; i++) {
        uint32_t segment = numbered(job, i);
        int where = where_of(job, segment);
        bool copied = found[i] == 'k' || found[i] == 'e' || (found[i] == 't' && !gone);
        bool there = found[i] == 't' || found[i] == 'e';

        if (where < 0 ? found[i] != '-' : where == STAGING_TREE ? !there : !copied)
            fail_msg("segment %u is in %d", i, where);
        if (where >= 0 && !is_right_at(job, segment, where))
            fail_msg("segment %u has other bytes in %d", i, where);
    }
}

static void finish(struct job *job)
{
    resume_release(job->run.staging.resume);
    release_staging(&job->run, RELEASE_REMOVE);
    job_end(job);
}

static const struct chain {
    const char *name;
    struct past past[RUNS];
    const char *found;            /* by one more run */
    bool killed;                  /* worth the time of a kill at each step */
    const struct run_file *files; /* of that run; NULL: content */
} chains[] = {
    { .name = "one after the other",
      .past = { { content, GONE, "0", "" }, { content, GONE, "13", "" } },
      .found = "tt-t-" },
    { .name = "none looked at what it took",
      .past = { { content, GONE, "0", "" },
                { content, GONE, "1", "" },
                { content, GONE, "2", "" },
                { content, GONE, "34", "" } },
      .found = "ttttt" },
    { .name = "may write yet",
      .past = { { content, 0, "01", "" }, { content, GONE, "2", "0" } },
      .found = "tkt--" },
    { .name = "all may write yet",
      .past = { { content, 0, "01", "" },
                { content, 0, "2", "0" },
                { content, 0, "3", "" },
                { content, 0, "4", "1" } },
      .found = "kkkkk",
      .killed = true },
    { .name = "renamed by one that may write yet, then copied",
      .past = { { content, GONE, "01", "" },
                { content, 0, "3", "" },
                { content, GONE, "2", "" },
                { content, GONE, "4", "" } },
      .found = "kktkt",
      .killed = true },
    { .name = "copied, then renamed",
      .past = { { content, 0, "0", "" },
                { content, GONE, "1", "" },
                { content, GONE, "2", "" },
                { content, GONE, "3", "" } },
      .found = "kttt-" },
    { .name = "another content in between", /* small is the same in both */
      .past = { { content, GONE, "013", "" },
                { others, GONE, "0345", "" },
                { others, GONE, "1", "0" } },
      .found = "kk-tt" },
    { .name = "another content in between, and one that may write",
      .past = { { content, 0, "013", "" },
                { others, GONE, "034", "" },
                { content, 0, "2", "1" } },
      .found = "kkkk-" },
    { .name = "all had been looked at",
      .past = { { content, 0, "01", "" },
                { content, GONE, "2", "01" },
                { content, GONE, "", "0" } },
      .found = "ttt--" },
    { .name = "beside one another",
      .past = { { content, GONE | ALONE, "0", "" },
                { content, GONE | ALONE | MARK, "13", "" },
                { content, ALONE | MARK, "2", "" } },
      .found = "eeke-",
      .killed = true },
    { .name = "what is known of the oldest, and one beside",
      .past = { { content, 0, "0", "" },
                { content, 0, "1", "" },
                { content, GONE, "", "0" },
                { content, GONE | ALONE, "2", "" } },
      .found = "eke--",
      .killed = true },
    { .name = "a sync failed",
      .past = { { content, GONE | FAIL, "0123", "" } },
      .found = "-----" },
    { .name = "a sync failed after one that did not", /* large is not to be written to */
      .past = { { content, GONE | FAIL, "01s23", "" } },
      .found = "kk---" },
    { .name = "a sync failed when one file was complete",
      .past = { { content, GONE | FAIL, "012s3", "" } },
      .found = "ttt--" },
    { .name = "a sync failed and the next run went on",
      .past = { { content, GONE | FAIL, "01s23", "" }, { content, GONE, "2", "01" } },
      .found = "ttt--",
      .killed = true },
    { .name = "a sync failed and the next run took nothing",
      .past = { { content, GONE | FAIL, "01s3", "" }, { content, GONE, "4", "" } },
      .found = "kk--t" },
    { .name = "a sync of what was taken over failed",
      .past = { { content, GONE, "01s3", "" }, { content, GONE | FAIL, "2", "0" } },
      .found = "kk---",
      .killed = true },
    { .name = "a sync of what was taken over failed after one that did not",
      .past = { { content, GONE, "013", "" }, { content, GONE | FAIL, "2s4", "01" } },
      .found = "ttt--" },
    { .name = "a sync failed beside a run that it did not concern",
      .past = { { content, GONE | ALONE | FAIL, "0s1", "" },
                { content, GONE | ALONE, "3", "" } },
      .found = "k--k-" },
    { .name = "a name that is not in the tree but in more",
      .past = { { others, 0, "3", "" },
                { content, GONE, "3", "" },
                { others, GONE | ALONE, "4", "" } },
      .found = "---kk-",
      .files = others },
};

static unsigned runs_of(const struct chain *chain)
{
    unsigned count = 0;

    while (count < RUNS && chain->past[count].files)
        count++;
    return count;
}

static void test_chains(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(chains); i++) {
        struct past last = { chains[i].files ? chains[i].files : content, GONE, "", "" };
        struct job job;

        printf("%s\n", chains[i].name);
        publish_enter(state);
        for (unsigned k = 0; k < runs_of(&chains[i]); k++)
            live(&chains[i].past[k]);
        begin(&job, &last, 0);
        assert_found(&job, chains[i].found, true);
        finish(&job);
    }
}

/* Whether a run that was to be killed after so many steps had ended before. */
static bool is_killed_at(const struct past *last, unsigned steps)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct job job;

        begin(&job, last, steps);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 9 || status == 0));
    return status != 0;
}

/* One run is killed after so many steps, the next after fewer, and a third must find
 * all. What one has renamed that may write yet is copied. false: they had ended before. */
static bool kill_two(const struct chain *chain, unsigned steps, bool gone)
{
    struct past last = { content, GONE, "", "" };
    struct job job;
    bool killed;

    run_command("cd \"$PARENT\" && rm -rf [0-9] && cp -a all/* .");
    killed = is_killed_at(&last, steps);
    put_away(gone);
    killed |= is_killed_at(&last, steps / 2 + 1);
    put_away(true);
    begin(&job, &last, 0);
    assert_found(&job, chain->found, gone);
    finish(&job);
    return killed;
}

static void test_killed_at_any_step(void **state)
{
    for (size_t i = 0; i < countof(chains); i++) {
        if (!chains[i].killed)
            continue;
        printf("%s\n", chains[i].name);
        publish_enter(state);
        for (unsigned k = 0; k < runs_of(&chains[i]); k++)
            live(&chains[i].past[k]);
        run_command("cd \"$PARENT\" && mkdir all && mv [0-9] all");
        for (unsigned steps = 1; kill_two(&chains[i], steps, steps % 2 == 0); steps++)
            ;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_killed_at_any_step),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
