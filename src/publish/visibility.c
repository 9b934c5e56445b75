#include "publish/visibility.h"

#include <string.h>

#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/nap.h"
#include "publish/target.h"
#include "ranks/background.h"

static const double SEEN_MOST = 30; /* seconds */

/* Another run may publish right after this one: a state that is neither this one nor the
 * one before is a later one. */
static bool is_news(const struct run *run, const struct visibility_mark *mark)
{
    char found[65];

    if (!target_peek(run, mark, found))
        return false;
    /* What is missing for a moment is no later state. */
    return strcmp(found, mark->present) == 0 ||
           (*found && strcmp(found, mark->before) != 0);
}

bool visibility_wait(struct run *run, const struct visibility_mark *mark)
{
    double until = clock_now() + SEEN_MOST;
    struct nap nap = { .shortest = 0.001, .longest = 0.5 };
    struct err err = { 0 };

    if (!comm_node_first(run->ranks.comm))
        return true;
    for (;;) {
        if (is_news(run, mark))
            return true;
        if (clock_now() > until || background_poll(&run->ranks, &err) < 0)
            return false;
        fs_refresh(NULL, run->published);
        nap_take(&nap);
    }
}
