#include "phase/seen.h"

#include <string.h>

#include "io/clock.h"
#include "io/fs.h"
#include "phase/cache.h"
#include "phase/record.h"

static const double SEEN_MOST = 30; /* seconds */

/* Another run may publish right after this one: what is neither there nor what stood
 * before is later. */
static bool is_news(const struct run *run, const struct seen_mark *mark)
{
    char found[65];

    return (run->opt.cache ? cache_peek(run, found)
                           : record_peek(run->opt.dest, found)) &&
           (strcmp(found, mark->present) == 0 || strcmp(found, mark->before) != 0);
}

bool seen_wait(struct run *run, const struct seen_mark *mark)
{
    double until = clock_now() + SEEN_MOST;
    struct err err = { 0 };

    if (!comm_node_first(run->comm))
        return true;
    for (double pause = 0.001;; pause = pause < 0.5 ? 2 * pause : pause) {
        if (is_news(run, mark))
            return true;
        if (clock_now() > until || agree_poll(run, &err) < 0)
            return false;
        fs_refresh(run->published);
        clock_sleep(pause);
    }
}
