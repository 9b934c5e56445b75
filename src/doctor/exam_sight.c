#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "doctor/exam_part.h"
#include "io/clock.h"

static const double SHARE_MOST = 10; /* seconds until every node must see a directory */
static const double SIGHT_MOST = 30; /* seconds until a change counts as not seen */

/* One of each other node that sees our directory; where there is no other node, another
 * process of this one. */
struct watchers {
    bool other_nodes;
    int count;
};

static struct watchers watchers_of(const struct exam *exam)
{
    struct watchers who = { .count = 0 };

    for (int node = 1; node < exam->nodes; node++)
        who.count += !exam->blind[node];
    who.other_nodes = who.count > 0;
    if (!who.other_nodes)
        who.count = 1;
    return who;
}

static void order_watch(struct exam *exam, int rank, unsigned seat, const char *kind,
                        const char *dir, bool after, double seconds)
{
    struct strbuf text = { 0 };

    strbuf_addf(&text, "%.0f", seconds);
    desk_order(&exam->desk, rank, seat, seconds + EXAM_PATIENCE, "watch", kind, dir,
               after ? "after" : "before", text.data ? text.data : "1", NULL);
    strbuf_release(&text);
}

static int watch(struct exam *exam, const struct watchers *who, const char *kind,
                 const char *dir, bool after, struct err *err)
{
    if (!who->other_nodes)
        order_watch(exam, 0, 1, kind, dir, after, SIGHT_MOST);
    for (int node = 1; who->other_nodes && node < exam->nodes; node++)
        if (!exam->blind[node])
            order_watch(exam, exam->first[node], 0, kind, dir, after, SIGHT_MOST);
    return desk_wait(&exam->desk, err);
}

struct sight {
    double seconds; /* until the last saw it */
    int trial;      /* the first that is not 0 */
    int rank;       /* the last to see it, or the one that did not */
};

/* From "it is done" to each "I see it", by the clock of rank 0; with the way of a message
 * in it. */
static struct sight sum_up(const struct exam *exam, double done)
{
    struct sight sight = { .rank = 0 };

    for (size_t i = 0; i < exam->desk.count; i++) {
        const struct errand *errand = &exam->desk.errand[i];
        bool worse = errand->trial != 0
                         ? sight.trial == 0
                         : sight.trial == 0 && errand->at - done >= sight.seconds;

        if (!worse)
            continue;
        sight.seconds = errand->at - done;
        sight.trial = errand->trial;
        sight.rank = errand->rank;
    }
    return sight;
}

static void tell(struct exam *exam, const char *kind, const char *name,
                 const struct watchers *who, const struct sight *sight)
{
    const char *host = comm_host(exam->run->ranks.comm, sight->rank);
    struct strbuf reason = { 0 };
    struct sheet_row *row;

    if (sight->trial == ETIMEDOUT)
        sheet_row(&exam->sheet, kind, name, "unseen", "not within %.0f s (%s)",
                  SIGHT_MOST, host);
    else if (sight->trial != 0)
        sheet_row(&exam->sheet, kind, name, exam_word(sight->trial), "%s (%s)",
                  exam_reason(&reason, sight->trial), host);
    if (sight->trial != 0) {
        exam->facts.unseen |= sight->trial == ETIMEDOUT;
        strbuf_release(&reason);
        return;
    }
    row = who->count > 1 ? sheet_row(&exam->sheet, kind, name, "seen",
                                     "after %.3f s (%s, the last)", sight->seconds, host)
                         : sheet_row(&exam->sheet, kind, name, "seen",
                                     "after %.3f s (%s)", sight->seconds, host);
    row->number = sight->seconds;
    row->unit = "seconds";
    if (sight->seconds > exam->facts.seen)
        exam->facts.seen = sight->seconds;
}

/* The watchers look first, so that whatever their node caches of the old state is cached.
 */
static int look_at_one(struct exam *exam, const struct watchers *who, const char *kind,
                       const char *name, struct err *err)
{
    struct strbuf dir = { 0 }, below = { 0 };
    struct sight sight = { .trial = 0 };
    const struct errand *errand;
    int rc = -1;

    strbuf_addf(&below, "sight-%s", kind);
    exam_below(exam, &dir, exam->own, below.data ? below.data : kind);
    desk_order(&exam->desk, 0, 0, EXAM_PATIENCE, "prepare", kind, dir.data, NULL);
    errand = desk_wait_one(&exam->desk, err);
    if (!errand)
        goto out;
    sight.trial = errand->trial;
    if (sight.trial == 0) {
        if (watch(exam, who, kind, dir.data, false, err) < 0)
            goto out;
        sight = sum_up(exam, 0);
    }
    if (sight.trial == 0) {
        desk_order(&exam->desk, 0, 0, EXAM_PATIENCE, "change", kind, dir.data, NULL);
        errand = desk_wait_one(&exam->desk, err);
        if (!errand)
            goto out;
        sight.trial = errand->trial;
    }
    if (sight.trial == 0) {
        double done = clock_now();

        if (watch(exam, who, kind, dir.data, true, err) < 0)
            goto out;
        sight = sum_up(exam, done);
    }
    tell(exam, kind, name, who, &sight);
    rc = 0;
out:
    strbuf_release(&dir);
    strbuf_release(&below);
    return rc;
}

int exam_sight(struct exam *exam, struct err *err)
{
    static const struct {
        const char *kind, *name;
    } rows[] = {
        { "new_file", "a new file" },
        { "renamed_directory", "a renamed directory" },
        { "replaced_file", "a replaced file" },
        { "grown_file", "a file that grew" },
        { "removed_file", "a removed file" },
    };
    struct watchers who = watchers_of(exam);

    exam->facts.seen = -1;
    if (who.other_nodes)
        sheet_section(&exam->sheet, "visibility",
                      "how long until %d other node%s see%s what %s changed", who.count,
                      who.count == 1 ? "" : "s", who.count == 1 ? "s" : "",
                      comm_host(exam->run->ranks.comm, 0));
    else
        sheet_section(&exam->sheet, "visibility",
                      "how long until another process on the same node sees a change (no "
                      "other node takes part)");
    for (size_t i = 0; i < countof(rows); i++)
        if (look_at_one(exam, &who, rows[i].kind, rows[i].name, err) < 0)
            return -1;
    return 0;
}

static void tell_sharing(struct exam *exam, int trial)
{
    struct strbuf text = { 0 };
    int blind = exam->facts.blind;
    const char *host = comm_host(exam->run->ranks.comm, 0);

    sheet_section(&exam->sheet, "sharing", "nodes");
    if (exam->nodes == 1)
        sheet_row(&exam->sheet, "shared", "one directory for all", "untested",
                  "only one node takes part: nothing is known about others");
    else if (trial != 0)
        sheet_row(&exam->sheet, "shared", "one directory for all", "untested",
                  "not even %s sees what it makes: %s", host, exam_reason(&text, trial));
    else if (blind == 0)
        sheet_row(&exam->sheet, "shared", "one directory for all", "works",
                  "all %d nodes see what %s makes", exam->nodes, host);
    else {
        exam_hosts(exam, exam->blind, &text);
        sheet_row(&exam->sheet, "shared", "one directory for all", "wrong",
                  "%d of %d nodes do not see what %s makes, or do not answer: %s", blind,
                  exam->nodes, host, text.data ? text.data : "");
    }
    strbuf_release(&text);
}

/* Where rank 0 itself sees nothing the others have nothing to be blind for. */
static int look_for_shared(struct exam *exam, const char *dir, int *trial,
                           struct err *err)
{
    for (int node = 0; node < exam->nodes; node++)
        order_watch(exam, exam->first[node], 0, "new_file", dir, false, SHARE_MOST);
    if (desk_wait(&exam->desk, err) < 0)
        return -1;
    *trial = exam->desk.errand[0].trial;
    for (int node = 1; node < exam->nodes; node++) {
        exam->blind[node] = exam->desk.errand[node].trial != 0;
        exam->facts.blind += exam->blind[node] && *trial == 0;
    }
    return 0;
}

/* The name is fresh, so no cache has denied it yet: who does not see it soon looks at
 * another directory. */
int exam_sharing(struct exam *exam, struct err *err)
{
    struct strbuf dir = { 0 };
    const struct errand *made;
    int trial, rc = -1;

    exam->facts.nodes = exam->nodes;
    exam_below(exam, &dir, exam->own, "shared");
    desk_order(&exam->desk, 0, 0, EXAM_PATIENCE, "prepare", "new_file", dir.data, NULL);
    made = desk_wait_one(&exam->desk, err);
    if (!made)
        goto out;
    trial = made->trial;
    rc = trial == 0 ? look_for_shared(exam, dir.data, &trial, err) : 0;
    if (rc == 0)
        tell_sharing(exam, trial);
out:
    strbuf_release(&dir);
    return rc;
}
