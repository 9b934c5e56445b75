/* core/state/stall.h -- has a loop stopped turning? It counts its turns, and somebody looks at
 * the number again and again.
 *
 * No clock is asked: where the whole process is stopped, or its machine sleeps, nobody
 * looks either, while seconds would go on. */
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
