#include "app/sums.h"

#include "base/strbuf.h"
#include "base/text.h"

int sums_status(const struct mpifetch_report *reports, size_t count)
{
    int worst = MPIFETCH_OK;

    for (size_t i = 0; i < count; i++)
        if (reports[i].status > worst)
            worst = reports[i].status;
    return worst;
}

static void add_count(struct strbuf *text, size_t count, const char *what)
{
    if (count > 0)
        strbuf_addf(text, "%s%zu %s", text->len > 0 ? ", " : "", count, what);
}

static void add_rate(struct strbuf *text, uint64_t fetched, double seconds)
{
    char bytes[32], took[32], rate[32];

    if (fetched > 0 && seconds > 0)
        strbuf_addf(
            text, "; fetched %s in %s (%s/s)", text_bytes(bytes, sizeof(bytes), fetched),
            text_seconds(took, sizeof(took), seconds),
            text_bytes(rate, sizeof(rate), (uint64_t)((double)fetched / seconds)));
}

void sums_tell(const struct log *log, const struct sums *sums, bool verifies)
{
    size_t done = 0, unchanged = 0, failed = 0, untried = 0;
    struct strbuf text = { 0 };
    uint64_t fetched = 0;

    for (size_t i = 0; i < sums->count; i++) {
        const struct mpifetch_report *report = &sums->reports[i];

        done += report->status == MPIFETCH_OK && !report->unchanged;
        unchanged += report->status == MPIFETCH_OK && report->unchanged;
        failed += report->status != MPIFETCH_OK && report->rank >= 0;
        untried += report->rank < 0;
        fetched += report->bytes_fetched;
    }
    add_count(&text, done, verifies ? "verified" : "published");
    add_count(&text, unchanged, "already up to date");
    add_count(&text, failed, "failed");
    add_count(&text, untried, "not tried");
    add_rate(&text, fetched, sums->seconds);
    if (text.data)
        log_line(log, LOG_WARN, "%zu %s: %s", sums->count, verifies ? "trees" : "sources",
                 text.data);
    strbuf_release(&text);
}
