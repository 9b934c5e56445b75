#include "report/progress.h"

#include <stdio.h>

#include "base/text.h"
#include "io/clock.h"

static const double PROGRESS_LONGEST = 360000; /* seconds left that are worth saying */
static const double BAR_EVERY = 0.25, PLAIN_EVERY = 5; /* seconds */

void progress_begin(struct progress *progress, struct run *run, uint64_t files,
                    uint64_t bytes)
{
    double now = clock_now();

    *progress = (struct progress){ .run = run,
                                   .files = files + run->others.files,
                                   .bytes = bytes + run->others.bytes,
                                   .began = now,
                                   .shown = now,
                                   .rate_at = now,
                                   .rate_bytes = run->others.bytes_done };
    if (run->opt.progressed)
        run->opt.progressed(run->opt.progressed_arg, run->others.bytes_done,
                            progress->bytes);
}

/* Over the last seconds rather than the whole run: it shows the present speed, and the
 * remaining time follows from it. */
static void measure_rate(struct progress *progress, uint64_t bytes, double now)
{
    double span = now - progress->rate_at;
    double present;

    if (span < 1)
        return;
    present =
        bytes > progress->rate_bytes ? (double)(bytes - progress->rate_bytes) / span : 0;
    progress->rate = progress->rate > 0 ? 0.7 * progress->rate + 0.3 * present : present;
    progress->rate_at = now;
    progress->rate_bytes = bytes;
}

static void draw(struct progress *progress, uint64_t files, uint64_t bytes, int busy)
{
    const struct run *run = progress->run;
    char have[32], all[32], rate[32], left[32], line[256];
    uint64_t missing = progress->bytes > bytes ? progress->bytes - bytes : 0;
    double share =
        progress->bytes ? 100.0 * (double)bytes / (double)progress->bytes : 100;

    snprintf(line, sizeof(line),
             "%llu/%llu files  %s of %s (%.0f%%)  %s/s  %s left  %d of %d ranks busy",
             (unsigned long long)files, (unsigned long long)progress->files,
             text_bytes(have, sizeof(have), bytes),
             text_bytes(all, sizeof(all), progress->bytes), share > 100 ? 100 : share,
             text_bytes(rate, sizeof(rate), (uint64_t)progress->rate),
             progress->rate > (double)missing / PROGRESS_LONGEST
                 ? text_seconds(left, sizeof(left), (double)missing / progress->rate)
                 : "unknown",
             busy, run->ranks.size);
    if (run->opt.bar) {
        char bar[300];

        snprintf(bar, sizeof(bar), "\r\033[K%s", line);
        log_raw(bar);
        progress->drawn = true;
    } else {
        char plain[300];

        snprintf(plain, sizeof(plain), "mpifetch: %s\n", line);
        log_raw(plain);
    }
}

void progress_tick(struct progress *progress, uint64_t files, uint64_t bytes, int busy)
{
    const struct run_options *opt = &progress->run->opt;
    const struct run_others *others = &progress->run->others;
    double now = clock_now();

    bytes += others->bytes_done;
    if (!opt->bar && !opt->plain && !opt->progressed)
        return;
    measure_rate(progress, bytes, now);
    if (now < progress->shown + (opt->plain ? PLAIN_EVERY : BAR_EVERY))
        return;
    progress->shown = now;
    if (opt->progressed)
        opt->progressed(opt->progressed_arg, bytes, progress->bytes);
    else
        draw(progress, files + others->files_done, bytes, busy);
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        log_raw("\r\033[K");
    progress->drawn = false;
}
