#include <stdlib.h>

#include "base/text.h"
#include "doctor/exam_part.h"

enum { RACES = 8 };

/* What it came to goes to the advice as well, where there is a place for it. */
struct trial_row {
    const char *what, *name;
    const char *right, *wrong; /* what it means that it works or not; NULL: just that */
    size_t fact;               /* offset in struct advice_case; 0 is no trial's */
};

static const struct trial_row rows[] = {
    { "rename_file", "rename over a file", NULL, NULL, 0 },
    { "rename_directory", "rename a directory", NULL, NULL,
      offsetof(struct advice_case, rename_directory) },
    { "rename_onto_empty", "... onto an empty one", NULL, NULL, 0 },
    { "rename_symlink", "rename over a symlink", NULL, NULL,
      offsetof(struct advice_case, rename_symlink) },
    { "rename_noreplace", "RENAME_NOREPLACE", NULL, NULL, 0 },
    { "rename_exchange", "RENAME_EXCHANGE", NULL, NULL,
      offsetof(struct advice_case, exchange) },
    { "hard_link", "hard links", NULL, NULL, offsetof(struct advice_case, hard_link) },
    { "symlink", "symlinks", NULL, NULL, offsetof(struct advice_case, symlink) },
    { "exclusive", "O_EXCL", NULL, NULL, offsetof(struct advice_case, exclusive) },
    { "case_sensitive", "upper and lower case", "make different names",
      "make the same name", offsetof(struct advice_case, case_sensitive) },
    { "fallocate", "fallocate", NULL, NULL, 0 },
    { "reflink", "reflink (FICLONE)", NULL, NULL, 0 },
};

/* In a helper of rank 0 alone: it is rank 0 that publishes. */
int exam_names(struct exam *exam, struct err *err)
{
    struct strbuf path = { 0 }, reason = { 0 };
    int rc = 0;

    sheet_section(&exam->sheet, "names", "names and files");
    for (size_t i = 0; rc == 0 && i < countof(rows); i++) {
        const struct errand *errand;

        desk_order(&exam->desk, 0, 0, EXAM_PATIENCE, "try", rows[i].what,
                   exam_below(exam, &path, exam->own, rows[i].what), NULL);
        errand = desk_wait_one(&exam->desk, err);
        if (!errand) {
            rc = -1;
            break;
        }
        if (rows[i].fact)
            *(int *)((char *)&exam->facts + rows[i].fact) = errand->trial;
        sheet_row(&exam->sheet, rows[i].what, rows[i].name, exam_word(errand->trial),
                  "%s",
                  errand->trial == 0 && rows[i].right ? rows[i].right
                  : errand->trial == TRIAL_WRONG && rows[i].wrong
                      ? rows[i].wrong
                      : exam_reason(&reason, errand->trial));
    }
    strbuf_release(&path);
    strbuf_release(&reason);
    return rc;
}

static void tell_race(struct exam *exam, const unsigned *winners, int racers, int nodes)
{
    int trial = verdict_race(winners, RACES);
    unsigned most = 0, least = UINT32_MAX;

    for (unsigned i = 0; i < RACES; i++) {
        most = winners[i] > most ? winners[i] : most;
        least = winners[i] < least ? winners[i] : least;
    }
    exam->facts.race_failed = trial == TRIAL_WRONG;
    if (trial == 0)
        sheet_row(&exam->sheet, "race", "O_EXCL, raced", exam_word(trial),
                  "one winner each in %d races of %d processes on %d node%s", RACES,
                  racers, nodes, nodes == 1 ? "" : "s");
    else if (trial == TRIAL_WRONG)
        sheet_row(&exam->sheet, "race", "O_EXCL, raced", exam_word(trial),
                  "from %u to %u winners in races of %d processes on %d node%s", least,
                  most, racers, nodes, nodes == 1 ? "" : "s");
    else
        sheet_row(&exam->sheet, "race", "O_EXCL, raced", exam_word(trial),
                  "no race: nobody could create the file");
}

/* All at once, as far as orders that leave one after the other get there at once. */
int exam_race(struct exam *exam, struct err *err)
{
    struct strbuf path = { 0 }, name = { 0 };
    unsigned winners[RACES] = { 0 };
    int nodes = 0, rc = 0;
    size_t racers = 0;

    for (unsigned round = 0; rc == 0 && round < RACES; round++) {
        strbuf_clear(&name);
        strbuf_addf(&name, "race-%u", round);
        exam_below(exam, &path, exam->own, name.data ? name.data : "race");
        nodes = 0;
        for (int node = 0; node < exam->nodes; node++) {
            if (exam->blind[node])
                continue;
            nodes++;
            for (unsigned seat = 0; seat < (node == 0 ? DESK_SEATS : 1); seat++)
                desk_order(&exam->desk, exam->first[node], seat, EXAM_PATIENCE, "create",
                           path.data ? path.data : "", NULL);
        }
        rc = desk_wait(&exam->desk, err);
        racers = exam->desk.count;
        for (size_t i = 0; rc == 0 && i < racers; i++)
            winners[round] += exam->desk.errand[i].trial == 0;
    }
    if (rc == 0)
        tell_race(exam, winners, (int)racers, nodes);
    strbuf_release(&path);
    strbuf_release(&name);
    return rc;
}
