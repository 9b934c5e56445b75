/* fetch/consignment.h -- a parcel on its way through this node: taken piece by piece from
 * one node, unless it lies here, and then given to others, to each at its own pace.
 *
 *     TAKING    its pieces come in, in any order, and are checked and written in theirs
 *     SPOILED   one of them was not as it should be, or is out of date: those that are under
 *               way are awaited
 *     GIVING    all of it lies here and is right: other nodes take it
 *     OVER      nobody needs it any more
 *
 * Life cycle   consignment_create; consignment_enter alone changes the state;
 *              consignment_destroy once nothing of it is under way. */
#ifndef FETCH_CONSIGNMENT_H
#define FETCH_CONSIGNMENT_H

#include "core/state/piece.h"
#include "io/pool.h"
#include "io/sha256.h"

enum consignment_state {
    CONSIGNMENT_TAKING,
    CONSIGNMENT_SPOILED,
    CONSIGNMENT_GIVING,
    CONSIGNMENT_OVER,
    CONSIGNMENT_STATES
};

/* A node that gets it from this one. */
struct recipient {
    uint32_t at;       /* its place in the tree of the parcel */
    struct piece last; /* that it has asked for */
    uint32_t pieces;   /* so many; and those that have left */
    uint32_t sent;
};

struct consignment {
    struct consignment *next;
    struct parcel parcel;
    enum consignment_state state;
    int from; /* the rank that gives it to this one, or -1 */
    /* TAKING, SPOILED: */
    struct piece last; /* that was asked for */
    bool asked_all;
    uint32_t flying;      /* asked for, not yet written */
    uint32_t expected;    /* number of the piece that is to be written next */
    bool working;         /* the pool has that */
    bool wrong;           /* it has found that out */
    bool fenced;          /* out of date */
    struct checksum *sum; /* of the parts of a segment */
    /* GIVING: */
    uint32_t nrecipients;
    struct recipient *recipient;
    struct job job; /* to sum what has no sums */
    void *owner;
};

/* What a TICKET (from -1) or an OFFER says. */
struct consignment *consignment_create(const struct msg *msg, int from, uint32_t segments,
                                       uint32_t nodes, struct err *err);
void consignment_destroy(struct consignment *consignment); /* takes NULL */

bool consignment_may_follow(enum consignment_state state, enum consignment_state next);
void consignment_enter(struct consignment *consignment, enum consignment_state next);

/* The piece that is to be asked for next. false: there is none. */
bool consignment_next(const struct consignment *consignment,
                      const struct segments *segments, uint64_t most,
                      struct piece *piece);
/* It was asked for. */
void consignment_asked(struct consignment *consignment, const struct segments *segments,
                       uint64_t most, const struct piece *piece);

/* Nothing of it comes any more. */
bool consignment_has_come(const struct consignment *consignment);

/* That recipient asks for its next piece, which begins with that segment. ERR_DEFECT if it
 * does not. */
int consignment_ask(struct recipient *recipient, const struct parcel *parcel,
                    const struct segments *segments, uint64_t most, uint32_t segment,
                    struct err *err);

/* All recipients have all. */
bool consignment_is_given(const struct consignment *consignment,
                          const struct segments *segments, uint64_t most);

#endif
