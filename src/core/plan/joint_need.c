#include "core/plan/joint_need.h"

/* Other jobs write meanwhile: so much of the room may differ between two looks at it. */
enum { JOINT_NEED_PART = 64 };

static bool is_same_room(const struct joint_need *a, const struct joint_need *b)
{
    uint64_t more = a->room > b->room ? a->room : b->room;
    uint64_t less = a->room > b->room ? b->room : a->room;

    return a->device == b->device && more - less <= more / JOINT_NEED_PART;
}

bool joint_need_fits(const struct joint_need *need, size_t count, size_t *first,
                     uint64_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t sum = 0;

        for (size_t j = 0; j < count; j++)
            if (is_same_room(&need[i], &need[j]))
                sum += need[j].bytes;
        if (sum <= need[i].room)
            continue;
        *first = i;
        *bytes = sum;
        return false;
    }
    return true;
}
