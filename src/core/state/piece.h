/* core/state/piece.h -- a parcel as it travels: cut into pieces that fit into a buffer. A
 * piece is whole segments, one behind the other, or a part of a segment that is too long.
 * Whoever gives and whoever takes the parcel cut it alike. */
#ifndef CORE_STATE_PIECE_H
#define CORE_STATE_PIECE_H

#include "core/plan/segment.h"
#include "core/state/parcel.h"

struct piece {
    uint32_t number;   /* from 0 */
    uint32_t place;    /* of its first segment among all of the parcel */
    uint32_t segments; /* 0: no piece */
    uint64_t from;     /* where in that segment it begins: not 0 in a later part */
    uint64_t len;
    bool ends; /* with it its segments are complete */
};

/* The piece that follows on *piece, into it; at first *piece is zeroed. false: that was the
 * last one. most: bytes of a buffer. */
bool piece_next(const struct parcel *parcel, const struct segments *segments,
                uint64_t most, struct piece *piece);

/* Whether it is a part of a segment. */
bool piece_is_part(const struct piece *piece);

/* The segment at that place of the parcel. */
uint32_t piece_segment(const struct parcel *parcel, uint32_t place);

#endif
