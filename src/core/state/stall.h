/* core/state/stall.h -- whether a loop has stopped turning. The loop counts its turns,
 * and somebody else looks at the count again and again.
 *
 * No clock is used: if the whole process is stopped, or the machine sleeps, nobody looks
 * either, whereas elapsed time would go on. */
#ifndef CORE_STATE_STALL_H
#define CORE_STATE_STALL_H

#include <stdbool.h>

/* Plain data: most is set, the rest zero or the number of turns so far. */
struct stall {
    unsigned most;  /* looks in a row that may find the same number; 0: any */
    unsigned turns; /* at the last look */
    unsigned same;  /* looks in a row that found it */
};

/* One look. true: the loop has not turned for as many looks as it may. */
bool stall_look(struct stall *stall, unsigned turns);

#endif
