/* core/plan/joint_need.h -- whether what several sources lack has room, where some go to the
 * same file system: looked at for all, before the first byte. */
#ifndef CORE_PLAN_JOINT_NEED_H
#define CORE_PLAN_JOINT_NEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct joint_need {
    uint64_t device; /* of the file system that it goes to */
    uint64_t room;   /* bytes that are free there, as told for where it goes */
    uint64_t bytes;  /* that it lacks */
};

/* Whether need[0..count) have room together. If not, *first is one that goes to a file system
 * with too little, and *bytes what all lack that go there. A file system that tells of another
 * room for one place than for another, as quotas of directories make it do, counts as two. */
bool joint_need_fits(const struct joint_need *need, size_t count, size_t *first,
                     uint64_t *bytes);

#endif
