#include <stddef.h>

#include "base/text.h"
#include "doctor/probe.h"

enum { RACES = 8 };

/* What it came to goes to the advice as well, where there is a place for it. */
struct name_row {
    const char *what, *name;
    const char *right, *wrong; /* what it means that it works or not; NULL: just that */
    size_t fact;               /* offset in struct advice_case; 0: none */
};

static const struct name_row rows[] = {
    { "rename_file", "rename over a file", NULL, NULL, 0 },
    { "rename_directory", "rename a directory", NULL, NULL,
      offsetof(struct advice_case, rename_directory) },
    { "rename_onto_empty", "rename onto empty dir", NULL, NULL, 0 },
    { "rename_symlink", "rename over a symlink", NULL, NULL,
      offsetof(struct advice_case, rename_symlink) },
    { "rename_noreplace", "RENAME_NOREPLACE", NULL, NULL, 0 },
    { "rename_exchange", "RENAME_EXCHANGE", NULL, NULL,
      offsetof(struct advice_case, exchange) },
    { "hard_link", "hard links", NULL, NULL, offsetof(struct advice_case, hard_link) },
    { "symlink", "symlinks", NULL, NULL, offsetof(struct advice_case, symlink) },
    { "exclusive", "O_EXCL", NULL, NULL, offsetof(struct advice_case, exclusive) },
    { "case_sensitive", "case-sensitive names", "yes", "no",
      offsetof(struct advice_case, case_sensitive) },
    { "reflink", "reflink (FICLONE)", NULL, NULL, 0 },
};

static void name_row(struct probe *probe, const struct name_row *row, int outcome)
{
    char reason[PROBE_REASON];
    const char *words = outcome == 0               ? row->right
                        : outcome == OUTCOME_WRONG ? row->wrong
                                                   : NULL;

    if (row->fact)
        *(int *)(void *)((char *)&probe->facts + row->fact) = outcome;
    results_row(&probe->results, row->what, row->name, probe_word(outcome), "%s",
                words ? words : verdict_reason(reason, sizeof(reason), outcome));
}

/* On rank 0 alone: it is rank 0 that publishes. */
int probe_names(struct probe *probe, struct err *err)
{
    results_section(&probe->results, "names", "names and files");
    for (size_t i = 0; i < countof(rows); i++) {
        orders_give(&probe->orders, 0, 0, ORDER_TRY, rows[i].what, "%s/%s", probe->own,
                    rows[i].what);
        if (orders_carry_out(&probe->orders, err) < 0)
            return -1;
        name_row(probe, &rows[i], orders_answer(&probe->orders, 0, 0)->outcome);
    }
    return 0;
}

static void race_row(struct probe *probe, const unsigned *winners, int racers, int nodes)
{
    int outcome = verdict_race(winners, RACES);
    unsigned most = 0, least = UINT32_MAX;

    for (unsigned i = 0; i < RACES; i++) {
        most = winners[i] > most ? winners[i] : most;
        least = winners[i] < least ? winners[i] : least;
    }
    probe->facts.race_failed = outcome == OUTCOME_WRONG;
    if (outcome == 0)
        results_row(&probe->results, "race", "O_EXCL, raced", probe_word(outcome),
                    "exactly one winner in each of %d races of %d processes on %d node%s",
                    RACES, racers, nodes, nodes == 1 ? "" : "s");
    else if (outcome == OUTCOME_WRONG)
        results_row(&probe->results, "race", "O_EXCL, raced", probe_word(outcome),
                    "%u to %u winners in races of %d processes on %d node%s", least, most,
                    racers, nodes, nodes == 1 ? "" : "s");
    else
        results_row(&probe->results, "race", "O_EXCL, raced", probe_word(outcome),
                    "not tested: no process could create the file");
}

/* All at once, as far as ranks leave the step before at once. On the first node two race,
 * so that there is a race where there is only one. */
int probe_race(struct probe *probe, struct err *err)
{
    unsigned winners[RACES] = { 0 };
    int nodes = 0;

    for (unsigned round = 0; round < RACES; round++) {
        nodes = 0;
        for (int node = 0; node < probe->nodes; node++) {
            if (probe->node[node].blind)
                continue;
            nodes++;
            for (unsigned helper = 0; helper < (node == 0 ? ORDERS_HELPERS : 1); helper++)
                orders_give(&probe->orders, node, helper, ORDER_CREATE, "", "%s/race-%u",
                            probe->own, round);
        }
        if (orders_carry_out(&probe->orders, err) < 0)
            return -1;
        for (int node = 0; node < probe->nodes; node++)
            for (unsigned helper = 0; helper < ORDERS_HELPERS; helper++)
                winners[round] +=
                    orders_answer(&probe->orders, node, helper)->outcome == 0;
    }
    race_row(probe, winners, nodes + ORDERS_HELPERS - 1, nodes);
    return 0;
}
