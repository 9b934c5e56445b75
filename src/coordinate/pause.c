#include "coordinate/pause.h"

#include <math.h>

#include "base/text.h"
#include "io/clock.h"

/* What people notice is said aloud. */
static void tell(const struct pause *pause, double seconds, const struct outcome *why)
{
    char text[32];

    log_line(&pause->dispatch->run->ranks.log,
             seconds > RETRY_ALOUD ? LOG_WARN : LOG_INFO, "%s: no requests for %s",
             retry_is_asked(why) ? "the source asked to slow down" : retry_meaning(why),
             text_seconds(text, sizeof(text), seconds));
}

void pause_all(struct pause *pause, double seconds, const struct outcome *why)
{
    struct dispatch *dispatch = pause->dispatch;
    struct msg msg = { .kind = MSG_HOLD, .pause = seconds };

    tell(pause, seconds, why);
    pause->until = fmax(pause->until, clock_now() + seconds);
    sched_hold(dispatch->sched, pause->until);
    locator_hold(dispatch->locator, pause->until);
    dispatch_all(dispatch, &msg);
}

unsigned pause_count(struct pause *pause, double now)
{
    pause->refusals += now >= pause->until;
    return pause->refusals ? pause->refusals : 1;
}
