#include "core/state/stall.h"

bool stall_look(struct stall *stall, unsigned turns)
{
    if (stall->turns != turns) {
        stall->turns = turns;
        stall->same = 0;
        return false;
    }
    if (stall->same < stall->most)
        stall->same++;
    return stall->most > 0 && stall->same >= stall->most;
}
