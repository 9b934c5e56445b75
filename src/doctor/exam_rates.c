#include <string.h>

#include "base/text.h"
#include "doctor/exam_part.h"
#include "doctor/rateprobe.h"

static const double SECONDS = 1.5; /* of one measurement, about */

enum {
    FILES_MOST = 20000,     /* of one measurement, all nodes together */
    BYTES_MOST = 256 << 20, /* of one node */
    SHARE_OF_FREE = 100     /* at most one part in so many of what is free */
};

/* A measurement: of files or bytes, from one node or from all. */
struct measurement {
    const char *act, *key, *name;
    bool bytes, all;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* For one node. */
static uint64_t most_of(const struct exam *exam, const struct measurement *what)
{
    uint64_t nodes = what->all ? (uint64_t)exam->nodes : 1;

    if (what->bytes)
        return smaller(BYTES_MOST, exam->space / SHARE_OF_FREE / nodes);
    return smaller(FILES_MOST, exam->inodes / SHARE_OF_FREE) / nodes;
}

static void order(struct exam *exam, const struct measurement *what, const char *dir,
                  int node, uint64_t most)
{
    struct strbuf name = { 0 }, path = { 0 }, amount = { 0 }, seconds = { 0 };

    strbuf_addf(&name, "%s-%d", what->key, node);
    strbuf_addf(&amount, "%llu", (unsigned long long)most);
    strbuf_addf(&seconds, "%.1f", SECONDS);
    exam_below(exam, &path, dir, name.data ? name.data : what->key);
    if (!amount.failed && !seconds.failed)
        desk_order(&exam->desk, exam->first[node], 0, 4 * EXAM_PATIENCE, what->act,
                   path.data ? path.data : "", seconds.data, amount.data, NULL);
    else
        exam->desk.failed = true;
    strbuf_release(&name);
    strbuf_release(&path);
    strbuf_release(&amount);
    strbuf_release(&seconds);
}

struct total {
    double amount, seconds; /* together, and of the one that took longest */
    double least;           /* rate of the slowest node */
    int slowest;            /* rank */
    int trial;              /* the first that is not 0 */
};

static struct total sum_up(const struct exam *exam)
{
    struct total total = { .slowest = -1 };

    for (size_t i = 0; i < exam->desk.count; i++) {
        const struct errand *errand = &exam->desk.errand[i];
        struct rateprobe rate = { 0 };
        double own;

        if (total.trial == 0)
            total.trial = errand->trial;
        if (errand->bytes.len == sizeof(rate))
            memcpy(&rate, errand->bytes.data, sizeof(rate));
        if (errand->trial != 0 || rate.seconds <= 0)
            continue;
        own = (double)rate.amount / rate.seconds;
        total.amount += (double)rate.amount;
        if (rate.seconds > total.seconds)
            total.seconds = rate.seconds;
        if (total.slowest < 0 || own < total.least) {
            total.least = own;
            total.slowest = errand->rank;
        }
    }
    return total;
}

static void tell(struct exam *exam, const struct measurement *what,
                 const struct total *total)
{
    double rate = total->seconds > 0 ? total->amount / total->seconds : 0;
    double scale = what->bytes ? 1e6 : 1;
    const char *unit = what->bytes ? "MB/s" : "files/s";
    struct strbuf reason = { 0 };
    struct sheet_row *row;

    if (total->trial != 0 || total->seconds <= 0) {
        sheet_row(&exam->sheet, what->key, what->name, exam_word(total->trial), "%s",
                  exam_reason(&reason, total->trial));
        strbuf_release(&reason);
        return;
    }
    if (exam->desk.count > 1)
        row = sheet_row(&exam->sheet, what->key, what->name, "measured",
                        "%.0f %s together; slowest: %s with %.0f %s", rate / scale, unit,
                        comm_host(exam->run->ranks.comm, total->slowest),
                        total->least / scale, unit);
    else
        row = sheet_row(&exam->sheet, what->key, what->name, "measured", "%.0f %s",
                        rate / scale, unit);
    row->number = rate;
    row->unit = what->bytes ? "bytes_per_second" : "files_per_second";
}

static int measure(struct exam *exam, const struct measurement *what, struct err *err)
{
    uint64_t most = most_of(exam, what);
    struct total total;

    if (most == 0) {
        sheet_row(&exam->sheet, what->key, what->name, "untested",
                  "not measured: too little is free");
        return 0;
    }
    for (int node = 0; node < (what->all ? exam->nodes : 1); node++)
        if (!exam->blind[node])
            order(exam, what, exam->own, node, most);
    if (desk_wait(&exam->desk, err) < 0)
        return -1;
    total = sum_up(exam);
    tell(exam, what, &total);
    return 0;
}

int exam_rates(struct exam *exam, struct err *err)
{
    static const struct measurement rows[] = {
        { "files", "files_one", "new files, one node", false, false },
        { "files", "files_all", "new files, all nodes", false, true },
        { "bytes", "bytes_one", "writing, one node", true, false },
        { "bytes", "bytes_all", "writing, all nodes", true, true },
    };

    sheet_section(&exam->sheet, "speed",
                  "speed (one process a node; what is written is synced)");
    for (size_t i = 0; i < countof(rows); i++)
        if ((!rows[i].all || exam->nodes > 1) && measure(exam, &rows[i], err) < 0)
            return -1;
    return 0;
}
