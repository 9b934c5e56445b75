#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "doctor/advice.h"

/* All that was said, as "level topic: text" lines. */
static void note(void *arg, enum advice_level level, const char *topic, const char *text)
{
    strbuf_addf(arg, "%s %s: %s\n", advice_word(level), topic, text);
}

/* Exactly so many sentences of that level, and these words among all. A word that begins
 * with "!" must not be there. */
static const struct {
    const char *what;
    struct advice_case facts;
    int good, notes, warnings;
    const char *words[4];
} rows[] = {
    { "all is well",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .seen = 0.01 },
      2,
      0,
      0,
      { "with one rename and an update by swapping", "!HF_HUB_OFFLINE",
        "one downloads" } },
    { "one stripe",
      { .nodes = 2,
        .flock = LOCK_EVERYWHERE,
        .seen = 0.01,
        .lustre = true,
        .one_stripe = true },
      2,
      0,
      1,
      { "lies on one disk of Lustre", "get spreads files of 256 MiB and more",
        "lfs setstripe" } },
    { "one stripe that somebody has asked for",
      { .nodes = 2,
        .flock = LOCK_EVERYWHERE,
        .seen = 0.01,
        .lustre = true,
        .one_stripe = true,
        .own_layout = true },
      2,
      0,
      1,
      { "lies on one disk of Lustre", "get leaves it so", "!get spreads" } },
    { "more stripes",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .seen = 0.01, .lustre = true },
      2,
      0,
      0,
      { "!stripe" } },
    { "one node",
      { .nodes = 1, .flock = LOCK_ONE_NODE, .seen = 0 },
      1,
      3,
      0,
      { "ranks on two nodes", "HF_HUB_OFFLINE=1", "local_dir" } },
    { "no exchange",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .exchange = EINVAL },
      1,
      1,
      0,
      { "symlink into .DEST.versions", "!with one rename and an update" } },
    { "links are hidden from others",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .exchange = EINVAL, .hides_links = true },
      1,
      1,
      1,
      { "fs.protected_symlinks", "as get makes it here" } },
    { "only with --versions",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .hides_links = true },
      2,
      1,
      0,
      { "fs.protected_symlinks", "(--versions)", "!as get makes" } },
    { "exchange lies",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .exchange = OUTCOME_WRONG },
      1,
      1,
      0,
      { "symlink into .DEST.versions" } },
    { "neither exchange nor symlinks",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .exchange = EINVAL, .symlink = EPERM },
      1,
      1,
      1,
      { "cannot publish a directory here", "HF_HUB_DISABLE_SYMLINKS=1" } },
    { "symlinks cannot be replaced",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .exchange = EINVAL, .rename_symlink = EIO },
      1,
      0,
      1,
      { "cannot publish a directory here" } },
    { "no rename",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .rename_directory = EXDEV },
      1,
      0,
      1,
      { "directories cannot be renamed" } },
    { "no symlinks alone",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .symlink = EPERM },
      2,
      1,
      0,
      { "stores the files themselves" } },
    { "no hard links, one case",
      { .nodes = 2,
        .flock = LOCK_EVERYWHERE,
        .hard_link = EPERM,
        .case_sensitive = OUTCOME_WRONG },
      2,
      2,
      0,
      { "downloads unchanged files again", "differ in case" } },
    { "local flock",
      { .nodes = 2, .flock = LOCK_NODE_ONLY },
      1,
      2,
      1,
      { "not lock between processes on different nodes", "Before 1.18",
        "HF_HOME (or HF_HUB_CACHE) to a disk of the node" } },
    { "lying flock",
      { .nodes = 2, .flock = LOCK_NOBODY },
      1,
      2,
      1,
      { "not lock between any two processes", "corrupt the cache" } },
    { "uneven flock",
      { .nodes = 2, .flock = LOCK_UNEVEN },
      1,
      2,
      1,
      { "not lock between processes that can lock and those that cannot" } },
    { "no flock",
      { .nodes = 2, .flock = LOCK_REFUSED, .flock_outcome = ENOSYS },
      1,
      2,
      1,
      { "falls back to lock files", "filelock before 3.24", "CACHE/.locks" } },
    { "flock fails",
      { .nodes = 2, .flock = LOCK_REFUSED, .flock_outcome = ENOLCK },
      1,
      2,
      1,
      { "other than ENOSYS", "!falls back" } },
    { "flock is always taken",
      { .nodes = 2, .flock = LOCK_REFUSED, .flock_outcome = EAGAIN },
      1,
      2,
      1,
      { "waits for it for ever", "!fail with that error" } },
    { "flock is always denied",
      { .nodes = 2, .flock = LOCK_REFUSED, .flock_outcome = EACCES },
      1,
      2,
      1,
      { "waits for it for ever", "!fail with that error" } },
    { "flock hangs",
      { .nodes = 2, .flock = LOCK_SILENT },
      1,
      2,
      1,
      { "a download by the library hangs" } },
    { "flock unknown",
      { .nodes = 2, .flock = LOCK_UNTESTED },
      1,
      3,
      0,
      { "flock could not be tested" } },
    { "not shared",
      { .nodes = 4, .blind = 3, .flock = LOCK_ONE_NODE },
      1,
      3,
      1,
      { "3 of 4 nodes do not see" } },
    { "slow names",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .seen = 4.25 },
      2,
      1,
      0,
      { "up to 4.2 s" } },
    { "quick enough",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .seen = 1 },
      2,
      0,
      0,
      { "!to see a change" } },
    { "never seen",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .seen = 4, .unseen = true },
      2,
      0,
      1,
      { "not seen in time", "!up to" } },
    { "O_EXCL lets two in",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .race_failed = true },
      2,
      0,
      1,
      { "O_EXCL does not work" } },
    { "no room at all",
      { .nodes = 2,
        .flock = LOCK_UNTESTED,
        .rename_directory = OUTCOME_UNPREPARED - ENOSPC,
        .rename_symlink = ENOSPC,
        .exchange = OUTCOME_UNPREPARED - ENOSPC,
        .symlink = OUTCOME_UNPREPARED - ENOSPC,
        .hard_link = OUTCOME_UNPREPARED - ENOSPC,
        .exclusive = ENOSPC,
        .case_sensitive = OUTCOME_UNPREPARED - ENOSPC,
        .full = true },
      0,
      4,
      1,
      { "too full to test everything", "could not test how get would publish" } },
    { "nobody tried",
      { .nodes = 2,
        .flock = LOCK_UNTESTED,
        .rename_directory = OUTCOME_LOST,
        .exchange = OUTCOME_SILENT,
        .symlink = OUTCOME_LOST,
        .hard_link = OUTCOME_SILENT,
        .exclusive = OUTCOME_LOST,
        .case_sensitive = OUTCOME_SILENT },
      0,
      4,
      0,
      { "could not test how get would publish", "!too full" } },
    { "a symlink that was not tried is no way to publish",
      { .nodes = 2,
        .flock = LOCK_EVERYWHERE,
        .exchange = EINVAL,
        .rename_symlink = OUTCOME_LOST },
      1,
      1,
      0,
      { "could not test how get would publish", "!symlink into" } },
    { "case is not known by an error",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .case_sensitive = EIO },
      2,
      0,
      0,
      { "!differ in case" } },
    { "O_EXCL lies",
      { .nodes = 2, .flock = LOCK_EVERYWHERE, .exclusive = OUTCOME_WRONG },
      2,
      0,
      1,
      { "O_EXCL does not work" } },
};

static int lines_of(const char *text, const char *level)
{
    int count = 0;

    for (; *text; text += strcspn(text, "\n") + 1)
        count += text_starts(text, level) && text[strlen(level)] == ' ';
    return count;
}

static void each_case_has_its_advice(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf said = { 0 };

        advice_give(&rows[i].facts, note, &said);
        print_message("%s\n", rows[i].what);
        assert_int_equal(lines_of(said.data, "good"), rows[i].good);
        assert_int_equal(lines_of(said.data, "note"), rows[i].notes);
        assert_int_equal(lines_of(said.data, "warning"), rows[i].warnings);
        for (size_t j = 0; j < countof(rows[i].words) && rows[i].words[j]; j++) {
            const char *word = rows[i].words[j];
            bool absent = *word == '!';

            assert_int_equal(strstr(said.data, word + absent) == NULL, absent);
        }
        strbuf_release(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_has_its_advice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
