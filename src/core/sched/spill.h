/* core/sched/spill.h -- the memory of a rank is full of bytes that are on the disk already
 * and wait to be hashed: should the next ones wait for that, or take their place, so that
 * those before must be read again?
 *
 * Where one connection is as fast as all of them, waiting costs nothing: the bytes that are
 * hashed next come in meanwhile, at the speed of all. Where each has a speed of its own, it
 * costs the speed of those that wait. So it is tried: while bytes wait for memory, the rate
 * of this rank is compared with the best one before. If it falls, they take the place for a
 * while, and for longer each time that this shows again.
 *
 * Ranks of one node share its link: what one of them does not receive while it waits, the
 * others do, and it has its turn later. So the more they are the longer it looks, and the
 * less it expects.
 *
 * Life cycle   zeroed, but for ranks; spill_received as bytes come; spill_turn each turn. */
#ifndef CORE_SCHED_SPILL_H
#define CORE_SCHED_SPILL_H

#include <stdbool.h>
#include <stdint.h>

struct spill {
    unsigned ranks; /* of this node; 0: one */
    double since;   /* when the rate of the present window was begun to be measured */
    uint64_t bytes; /* that came in it */
    bool waited;    /* something waited in it */
    double best;    /* bytes per second; forgotten slowly */
    double until;   /* bytes on the disk are given up */
    double next;    /* for how long the next time; 0: as short as possible */
};

void spill_received(struct spill *spill, uint64_t bytes);

/* waiting: some bytes wait for memory. Whether those on the disk are given up for them.
 * Time is seconds from any origin, never going back. */
bool spill_turn(struct spill *spill, bool waiting, double now);

/* Whether one has waited so long that its server might lose patience. */
bool spill_starves(double since, double now);

/* How many of count buffers are left to what is hashed before: so many buffers of the same
 * file. The further away, the sooner it waits; what is hashed next leaves none. */
uint32_t spill_reserve(uint32_t count, uint32_t distance);

#endif
