/* resume/claim.c: who gets a staging, and what of former ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "fake_comm.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/process.h"
#include "resume/claim.h"
#include "resume/journal.h"
#include "resume/kept.h"
#include "resume/release.h"
#include "resume/run_dir.h"
#include "run_case.h"

static const struct run_file files[] = { { "a", "1", 0 } };
static const char one[] = "0123456789abcdef0123", other[] = "fedcba98765432100123";
static char parent[128];

static int enter(void **state)
{
    static unsigned number;

    (void)state;
    snprintf(parent, sizeof(parent), "%s/%u", scratch_path, ++number);
    return mkdir(parent, 0777);
}

static char *owner_of(const struct owner_process *process)
{
    struct strbuf text = { 0 };

    owner_begin(&text);
    owner_add_process(&text, process);
    owner_end(&text);
    return strbuf_steal(&text);
}

/* A process that was there and is not any more. */
static char *dead_owner(void)
{
    struct owner_process process;
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    process_here(&process);
    process.pid = (uint64_t)child;
    return owner_of(&process);
}

static char *own_owner(void)
{
    struct owner_process process;

    process_here(&process);
    return owner_of(&process);
}

static int take(struct run *run, char *owner, const char *id)
{
    struct err err = { 0 };
    int rc;

    run_case_open(run, "the destination", 1, files, countof(files));
    run->staging.owner = owner;
    rc = staging_open_parent(run, parent, &err);
    if (rc == 0)
        rc = claim_take(run, ".x.mpifetch-", id, &err);
    if (rc < 0)
        fail_msg("%s", err.text);
    return rc;
}

/* As a run that is killed leaves things. */
static void die(struct run *run)
{
    free(run->staging.owner);
    run->staging.owner = NULL;
    run_case_close(run);
}

static void end(struct run *run, enum release_how how)
{
    release_staging(run, how);
    die(run);
}

static bool is_in(const struct run *run, const char *name)
{
    struct fs_info info;
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", run->staging.path, name);
    assert_int_equal(fs_look(NULL, path, &info, NULL), 0);
    return info.kind != FS_MISSING;
}

static void put_in(const struct run *run, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", run->staging.path, name);
    assert_int_equal(fs_write_all(NULL, path, text, strlen(text), false, false, NULL), 0);
}

/* The file "by-N" in its tree, and a line about it. */
static void note(const struct run *run, unsigned number)
{
    char name[32], line[64];

    snprintf(name, sizeof(name), "tree/by-%u", number);
    put_in(run, name, "");
    snprintf(line, sizeof(line), "%016x 0 1 0123456789abcdef\n", number);
    put_in(run, "journal/0", line);
}

static int count_one(void *arg, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    ++*(unsigned *)arg;
    return 0;
}

static unsigned names_in(const char *dir)
{
    unsigned count = 0;

    assert_int_equal(fs_list(NULL, dir, count_one, &count, NULL), 0);
    return count;
}

static unsigned names_beside(void)
{
    return names_in(parent);
}

static void test_all_is_there_at_once(void **state)
{
    static const char *const names[] = { "owner", "beat", "tree", "journal" };
    char want[256];
    struct stat st;
    struct run run;

    (void)state;
    assert_int_equal(take(&run, own_owner(), one), 0);
    snprintf(want, sizeof(want), "%s/.x.mpifetch-0123456789abcdef/run-", parent);
    assert_true(text_starts(run.staging.path, want));
    for (size_t i = 0; i < countof(names); i++)
        assert_true(is_in(&run, names[i]));
    assert_false(is_in(&run, "released"));
    assert_int_equal(stat(run.staging.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(names_beside(), 1);
    end(&run, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

/* What nobody could go on with is not kept. */
static void test_nothing_to_keep(void **state)
{
    struct run run;

    (void)state;
    assert_int_equal(take(&run, own_owner(), one), 0);
    end(&run, RELEASE_HAND_OVER);
    assert_int_equal(names_beside(), 0);
}

static void test_released_is_taken_over(void **state)
{
    struct run first, second;

    (void)state;
    assert_int_equal(take(&first, own_owner(), one), 0);
    put_in(&first, "journal/0", "0123456789abcdef 0 1 0123456789abcdef\n");
    put_in(&first, "tree/a", "1");
    end(&first, RELEASE_HAND_OVER);
    assert_int_equal(names_beside(), 1);
    assert_int_equal(take(&second, own_owner(), one), 0);
    assert_true(is_in(&second, "kept/released"));
    assert_true(is_in(&second, "kept/tree/a"));
    assert_false(is_in(&second, "tree/a"));
    assert_int_equal(names_beside(), 1);
    end(&second, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

static const char line[] = "0123456789abcdef 0 1 0123456789abcdef\n";

/* What may not be on the disk is nothing to go on with, be it of this run or of one that
 * it took over. */
static void test_doubt(void **state)
{
    const struct err sure = { .code = ERR_DEST }, unsure = { ERR_DEST, .unsure = 1 };
    struct run run, next;

    (void)state;
    assert_int_equal(take(&run, dead_owner(), one), 0);
    put_in(&run, "journal/0", line);
    die(&run);
    assert_int_equal(take(&run, dead_owner(), one), 0);
    put_in(&run, "journal/0", line);
    put_in(&run, "journal/1", line); /* of another rank */
    journal_doubt(&run, &sure);
    assert_true(is_in(&run, "journal/0") && is_in(&run, "kept/journal/0"));
    assert_false(journal_is_doubted(&run.staging.dir));
    assert_true(journal_is_there(&run.staging.dir) && kept_is_there(&run));
    journal_doubt(&run, &unsure);
    journal_doubt(&run, &unsure); /* by another rank */
    assert_true(journal_is_doubted(&run.staging.dir));
    assert_false(journal_is_there(&run.staging.dir) || kept_is_there(&run));
    die(&run); /* before it could remove anything */

    assert_int_equal(take(&next, own_owner(), one), 0);
    assert_false(journal_is_doubted(&next.staging.dir));
    assert_false(kept_is_there(&next));
    end(&next, RELEASE_REMOVE);
}

static int claim_spread(struct run *run, char *owner)
{
    static struct comm two = { .node_first = true, .nodes = 2 };

    run_case_open(run, "the destination", 1, files, countof(files));
    run->staging.owner = owner;
    run->ranks.comm = &two;
    run->opt.per_node = run->opt.dest;
    assert_int_equal(staging_open_parent(run, parent, NULL), 0);
    return claim_take(run, ".x.mpifetch-", one, NULL);
}

/* Two jobs on the same nodes: the other one may be waiting for this one on another node. A
 * dead one is taken over all the same. */
static void test_nodes_wait_for_nobody(void **state)
{
    struct run dead, first, second;

    (void)state;
    assert_int_equal(take(&dead, dead_owner(), one), 0);
    put_in(&dead, "journal/0", line);
    die(&dead);
    assert_int_equal(claim_spread(&first, own_owner()), 0);
    assert_true(is_in(&first, "kept/journal/0"));
    assert_int_equal(claim_spread(&second, own_owner()), 0);
    assert_true(is_in(&first, "tree") && is_in(&second, "tree"));
    assert_false(kept_is_there(&second));
    assert_int_equal(names_beside(), 2);
    end(&second, RELEASE_REMOVE);
    end(&first, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

/* Where no file can be made, as on a full disk, nothing at all is kept. */
static void test_doubt_that_cannot_be_noted(void **state)
{
    const struct err unsure = { ERR_DEST, .unsure = 1 };
    struct run run;

    (void)state;
    assert_int_equal(take(&run, dead_owner(), one), 0);
    put_in(&run, "journal/0",
           "node 0000000000000000\n0123456789abcdef 0 1 0123456789abcdef\n");
    put_in(&run, "failed", "");
    journal_doubt(&run, &unsure);
    assert_false(is_in(&run, "journal"));
    assert_false(journal_is_there(&run.staging.dir));
    end(&run, RELEASE_REMOVE);
}

static void test_nothing_doubtful_is_kept(void **state)
{
    const struct err unsure = { ERR_DEST, .unsure = 1 };
    struct run run;

    (void)state;
    assert_int_equal(take(&run, dead_owner(), one), 0);
    put_in(&run, "journal/0", line);
    die(&run);
    assert_int_equal(take(&run, own_owner(), one), 0);
    assert_true(kept_is_there(&run));
    put_in(&run, "journal/0", line);
    journal_doubt(&run, &unsure);
    end(&run, RELEASE_HAND_OVER);
    assert_int_equal(names_beside(), 0);
}

/* What cannot be read at the moment may hold something: it is neither taken for empty nor
 * left out. */
static void test_a_journal_that_cannot_be_read_now(void **state)
{
    struct journal_entry *entry = NULL;
    struct rlimit before, low;
    struct err err = { 0 };
    struct run run;
    size_t count = 0;

    (void)state;
    assert_int_equal(take(&run, own_owner(), one), 0);
    assert_false(journal_is_there(&run.staging.dir));
    put_in(&run, "journal/0", line);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){ 0, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_true(journal_is_there(&run.staging.dir));
    assert_int_equal(journal_read(&run.staging.dir, &entry, &count, &err), -1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(count, 0);
    assert_non_null(strstr(err.text, run.staging.path));
    assert_int_equal(journal_read(&run.staging.dir, &entry, &count, NULL), 0);
    assert_int_equal(count, 1);
    free(entry);
    end(&run, RELEASE_REMOVE);
}

/* Under the name that the file system gave it. */
static void test_a_removed_journal_is_not_read(void **state)
{
    struct journal_entry *entry = NULL;
    struct run run;
    size_t count = 0;

    (void)state;
    assert_int_equal(take(&run, own_owner(), one), 0);
    put_in(&run, "journal/.fuse_hidden0000000e00000001", line);
    put_in(&run, "journal/.nfs0000000000000001", line);
    put_in(&run, "journal/0", line);
    assert_int_equal(journal_read(&run.staging.dir, &entry, &count, NULL), 0);
    assert_int_equal(count, 1);
    free(entry);
    end(&run, RELEASE_REMOVE);
}

/* What a dead process had open stays under such a name: it is no file of the tree. */
static void test_hidden_files_are_not_merged(void **state)
{
    struct run run;

    (void)state;
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(take(&run, dead_owner(), one), 0);
        note(&run, i);
        put_in(&run, "tree/.fuse_hidden0000000e00000001", "");
        put_in(&run, "tree/.nfs0000000000000001", "");
        put_in(&run, ".fuse_hidden0000000e00000002", "");
        die(&run);
    }
    assert_int_equal(take(&run, own_owner(), one), 0);
    assert_true(is_in(&run, "kept/tree/by-1") && is_in(&run, "kept/tree/by-2"));
    assert_false(is_in(&run, "kept/more"));
    end(&run, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

static unsigned polls;

static bool is_interrupted(void *arg)
{
    (void)arg;
    polls++;
    return true;
}

/* Something that is no run has the name: a signal ends the wait for it. */
static void test_a_signal_while_the_name_is_taken(void **state)
{
    struct err err = { 0 };
    struct run run;
    char path[512];

    (void)state;
    snprintf(path, sizeof(path), "%s/.x.mpifetch-%.*s/.fuse_hidden0000000e00000001",
             parent, RUN_DIR_ID, one);
    *strrchr(path, '/') = '\0';
    assert_int_equal(fs_mkdirs(NULL, path, NULL), 0);
    path[strlen(path)] = '/';
    assert_int_equal(fs_write_all(NULL, path, "", 0, false, false, NULL), 0);
    run_case_open(&run, "the destination", 1, files, countof(files));
    run.staging.owner = own_owner();
    run.ranks.interrupted = is_interrupted;
    assert_int_equal(staging_open_parent(&run, parent, NULL), 0);
    assert_int_equal(claim_take(&run, ".x.mpifetch-", one, &err), -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_true(polls < 5);
    die(&run);
    *strrchr(path, '/') = '\0';
    assert_int_equal(fs_remove_tree(NULL, path, NULL), 0);
    assert_int_equal(names_beside(), 0);
}

/* Each had taken over what the one before had left: all of it is in one place. */
static void test_dead_ones_in_a_row(void **state)
{
    enum { MANY = 12 };
    struct run run;
    char name[32];

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(take(&run, dead_owner(), one), 0);
        assert_int_equal(is_in(&run, "kept"), i > 0);
        for (unsigned k = 0; k < i; k++) {
            snprintf(name, sizeof(name), "kept/tree/by-%u", k);
            assert_true(is_in(&run, name));
        }
        assert_false(is_in(&run, "kept/kept"));
        assert_false(is_in(&run, "kept/more"));
        note(&run, i);
        die(&run);
    }
    assert_int_equal(names_beside(), 1);
    assert_int_equal(take(&run, own_owner(), one), 0);
    end(&run, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

/* Nothing is kept of runs that had not fetched anything. */
static void test_dead_ones_with_nothing(void **state)
{
    struct run run;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(take(&run, dead_owner(), one), 0);
        die(&run);
    }
    assert_int_equal(take(&run, own_owner(), one), 0);
    assert_int_equal(names_in(run.staging.path), 4); /* as in all_is_there_at_once */
    end(&run, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

/* Another content of the same destination: the dead are taken over, the living left. */
static void test_other_contents(void **state)
{
    struct run dead, living, run;

    (void)state;
    assert_int_equal(take(&dead, dead_owner(), one), 0);
    note(&dead, 1);
    die(&dead);
    assert_int_equal(take(&living, own_owner(), "00000000000000000000"), 0);
    assert_true(is_in(&living, "kept/tree/by-1"));
    assert_int_equal(take(&run, own_owner(), other), 0);
    assert_false(is_in(&run, "kept"));
    assert_int_equal(names_beside(), 2);
    end(&run, RELEASE_REMOVE);
    end(&living, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

/* A run killed while it took others over had no time to make one of them. */
static void test_killed_while_it_took(void **state)
{
    static const char *const inner[] = { "run-aaaaaa", "run-aaaaaa/run-bbbbbb",
                                         "run-aaaaaa/kept" };
    struct run run;
    char path[256];

    (void)state;
    assert_int_equal(take(&run, dead_owner(), one), 0);
    for (unsigned i = 0; i < countof(inner); i++) {
        static const char *const names[] = { "", "/tree", "/journal" };
        struct run left = { .staging.path = path };

        for (unsigned k = 0; k < countof(names); k++) {
            snprintf(path, sizeof(path), "%s/%s%s", run.staging.path, inner[i], names[k]);
            assert_int_equal(mkdir(path, 0700), 0);
        }
        snprintf(path, sizeof(path), "%s/%s", run.staging.path, inner[i]);
        put_in(&left, "released", "");
        note(&left, i);
    }
    die(&run);
    assert_int_equal(take(&run, own_owner(), one), 0);
    for (unsigned i = 0; i < countof(inner); i++) {
        snprintf(path, sizeof(path), "kept/tree/by-%u", i);
        assert_true(is_in(&run, path));
    }
    assert_int_equal(names_in(run.staging.path), 5);
    end(&run, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

/* Killed before it had said who it is, or when all else was removed already. */
static void test_empty_ones_go(void **state)
{
    struct run run;
    char path[256];

    (void)state;
    snprintf(path, sizeof(path), "%s/.x.mpifetch-empty1", parent);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/.x.mpifetch-begun1", parent);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/.x.mpifetch-begun1/run-begun1", parent);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/.x.mpifetch-backup", parent); /* made by hand */
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(take(&run, own_owner(), one), 0);
    assert_false(is_in(&run, "kept"));
    assert_int_equal(names_beside(), 2);
    assert_int_equal(access(path, F_OK), 0);
    end(&run, RELEASE_REMOVE);
}

/* Killed while it said who it is; and what somebody else calls so. */
static void test_begun_ones_go(void **state)
{
    static const struct {
        const char *name, *text;
        int stay; /* names beside the run's own */
    } cases[] = {
        { "begun2", "", 0 },
        { "begun3", "mpifetch ow", 0 },
        { "begun4", "mpifetch owner 1\nprocess a b", 0 },
        { "begun5", "me\n", 1 },
    };
    struct run run;
    char path[512];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        snprintf(path, sizeof(path), "%s/.x.mpifetch-%s", parent, cases[i].name);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/.x.mpifetch-%s/run-%s", parent, cases[i].name,
                 cases[i].name);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/.x.mpifetch-%s/run-%s/owner.begun", parent,
                 cases[i].name, cases[i].name);
        put_file(path, cases[i].text);
        assert_int_equal(take(&run, own_owner(), one), 0);
        end(&run, RELEASE_REMOVE);
        assert_int_equal(names_beside(), cases[i].stay);
    }
}

/* A directory of that very form that mpifetch did not make: it has no owner file, or one
 * that says something else, or leads to one. */
static void test_no_proof(void **state)
{
    static const char *const names[] = { "backup", "ABCdef", "000000" };
    char path[512], *owner = dead_owner();
    struct run run;

    (void)state;
    snprintf(path, sizeof(path), "%s/owner", parent);
    put_file(path, owner);
    for (size_t i = 0; i < countof(names); i++) {
        snprintf(path, sizeof(path), "%s/.x.mpifetch-%s", parent, names[i]);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/.x.mpifetch-%s/run-abcdef", parent, names[i]);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/.x.mpifetch-%s/run-abcdef/released", parent,
                 names[i]);
        put_file(path, "");
    }
    snprintf(path, sizeof(path), "%s/.x.mpifetch-ABCdef/run-abcdef/owner", parent);
    put_file(path, "me\n");
    snprintf(path, sizeof(path), "%s/.x.mpifetch-000000/run-abcdef/owner", parent);
    assert_int_equal(symlink("../../owner", path), 0);
    assert_int_equal(take(&run, owner, one), 0);
    assert_false(is_in(&run, "kept"));
    assert_int_equal(names_beside(), 5);
    end(&run, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 4);
}

/* Not whom we should believe: it could say for ever that it lives. */
static void test_somebody_elses(void **state)
{
    char path[256];
    struct run run;

    (void)state;
    snprintf(path, sizeof(path), "%s/.x.mpifetch-0123456789abcdef", parent);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/.x.mpifetch-0123456789abcdef/run-abcdef", parent);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/.x.mpifetch-0123456789abcdef", parent);
    if (chown(path, 65534, 65534) < 0)
        fail_msg("this test wants to be root");
    assert_int_equal(take(&run, own_owner(), one), 0);
    assert_false(is_in(&run, "kept"));
    assert_int_equal(names_beside(), 2);
    end(&run, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 1);
}

/* As after a freeze: another run has taken the staging away. */
static void test_the_owner_notices(void **state)
{
    double until = clock_now() + 300;
    struct err err = { 0 }, why = { 0 };
    char away[256];
    struct run run;

    (void)state;
    assert_int_equal(take(&run, own_owner(), one), 0);
    assert_int_equal(claim_check(&run, &err), 0);
    put_in(&run, "journal/0", "");
    snprintf(away, sizeof(away), "%s/away", parent);
    assert_int_equal(rename(run.staging.path, away), 0);
    err_set(&why, ERR_DEST, "open '%s/tree/a': gone", run.staging.path);
    claim_explain(&run, &why);
    assert_int_equal(why.code, ERR_INTERRUPTED);
    while (claim_check(&run, &err) == 0) {
        assert_true(clock_now() < until);
        clock_sleep(0.01);
    }
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_non_null(strstr(err.text, "the destination"));
    end(&run, RELEASE_HAND_OVER);
    snprintf(away, sizeof(away), "%s/away/released", parent);
    assert_int_not_equal(access(away, F_OK), 0);
}

/* Whatever a former owner does under its names comes to nothing, at whatever call it is
 * woken up: nothing is written where another run has it now, and nothing is shown. */
static void test_a_former_owner_does_no_harm(void **state)
{
    const struct run_staging *staging;
    struct err err = { 0 };
    char away[256];
    struct run run;
    struct stat st;

    (void)state;
    assert_int_equal(take(&run, own_owner(), one), 0);
    staging = &run.staging;
    assert_int_equal(claim_confirm(&run, NULL), 0);
    snprintf(away, sizeof(away), "%s/away", parent);
    assert_int_equal(rename(staging->path, away), 0);
    assert_int_equal(fs_dir_same(&staging->dir, NULL), -1);
    assert_int_equal(fs_write_all(&staging->tree, "a", "a", 1, true, false, NULL), -1);
    assert_int_equal(fs_mkdir(&staging->tree, "dir", 0777, NULL), -1);
    assert_int_equal(fs_unlink(&staging->dir, "owner", NULL), 0); /* not there */
    assert_int_equal(
        fs_rename(&staging->tree, ".", &staging->parent, "shown", FS_RENAME_NEW, &err),
        -1);
    assert_sentence(&err, ERR_DEST, "/tree' to '", ENOENT);
    assert_int_equal(claim_confirm(&run, NULL), -1);
    snprintf(away, sizeof(away),
             "test \"$(cd %s/away && find . | sort | tr '\\n' ' ')\" = "
             "'. ./beat ./journal ./owner ./tree '",
             parent);
    assert_int_equal(system(away), 0);
    snprintf(away, sizeof(away), "%s/shown", parent);
    assert_int_equal(lstat(away, &st), -1);
    end(&run, RELEASE_REMOVE);
}

/* Somebody has put the whole staging, or what DEST lies in, elsewhere: descriptors would go
 * with it. */
static void test_the_path_leads_elsewhere(void **state)
{
    struct err err = { 0 };
    char away[256], *home;
    struct run run;

    (void)state;
    assert_int_equal(take(&run, own_owner(), one), 0);
    home = strdup(run.staging.home.path);
    snprintf(away, sizeof(away), "%s/away", parent);
    assert_int_equal(rename(home, away), 0);
    assert_int_equal(claim_confirm(&run, &err), -1);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_int_equal(rename(away, home), 0);
    assert_int_equal(claim_confirm(&run, NULL), 0);
    snprintf(away, sizeof(away), "%s-away", parent);
    assert_int_equal(rename(parent, away), 0);
    assert_int_equal(mkdir(parent, 0777), 0);
    assert_int_equal(claim_confirm(&run, NULL), -1);
    assert_int_equal(rmdir(parent), 0);
    assert_int_equal(rename(away, parent), 0);
    free(home);
    end(&run, RELEASE_REMOVE);
    assert_int_equal(names_beside(), 0);
}

static void test_an_error_of_its_own_stays(void **state)
{
    struct err why = { 0 };
    struct run run;

    (void)state;
    assert_int_equal(take(&run, own_owner(), one), 0);
    err_set(&why, ERR_DEST, "write: no space");
    claim_explain(&run, &why);
    assert_int_equal(why.code, ERR_DEST);
    assert_string_equal(why.text, "write: no space");
    end(&run, RELEASE_REMOVE);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        { ".x.mpifetch-0123456789abcdef", true }, { ".x.mpifetch-abcdef", true },
        { ".x.mpifetch-abcde", false },           { ".x.mpifetch-", false },
        { ".y.mpifetch-abcdef", false },          { ".x.versions", false },
        { ".x.mpifetch-x.mpifetch-abcd", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (run_dir_is_staging(rows[i].name, ".x.mpifetch-") != rows[i].good)
            fail_msg("%s", rows[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_is_there_at_once, enter),
        cmocka_unit_test_setup(test_nothing_to_keep, enter),
        cmocka_unit_test_setup(test_released_is_taken_over, enter),
        cmocka_unit_test_setup(test_doubt, enter),
        cmocka_unit_test_setup(test_nodes_wait_for_nobody, enter),
        cmocka_unit_test_setup(test_doubt_that_cannot_be_noted, enter),
        cmocka_unit_test_setup(test_nothing_doubtful_is_kept, enter),
        cmocka_unit_test_setup(test_a_journal_that_cannot_be_read_now, enter),
        cmocka_unit_test_setup(test_a_removed_journal_is_not_read, enter),
        cmocka_unit_test_setup(test_hidden_files_are_not_merged, enter),
        cmocka_unit_test_setup(test_a_signal_while_the_name_is_taken, enter),
        cmocka_unit_test_setup(test_dead_ones_in_a_row, enter),
        cmocka_unit_test_setup(test_other_contents, enter),
        cmocka_unit_test_setup(test_dead_ones_with_nothing, enter),
        cmocka_unit_test_setup(test_killed_while_it_took, enter),
        cmocka_unit_test_setup(test_empty_ones_go, enter),
        cmocka_unit_test_setup(test_begun_ones_go, enter),
        cmocka_unit_test_setup(test_no_proof, enter),
        cmocka_unit_test_setup(test_somebody_elses, enter),
        cmocka_unit_test_setup(test_the_owner_notices, enter),
        cmocka_unit_test_setup(test_a_former_owner_does_no_harm, enter),
        cmocka_unit_test_setup(test_the_path_leads_elsewhere, enter),
        cmocka_unit_test_setup(test_an_error_of_its_own_stays, enter),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
