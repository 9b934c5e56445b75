#include "fetch/consignment.h"

#include <assert.h>
#include <stdlib.h>

static int find_recipients(struct consignment *consignment, struct err *err)
{
    const struct parcel *parcel = &consignment->parcel;

    for (uint32_t at = 0; parcel_child(parcel, &at);)
        consignment->nrecipients++;
    consignment->recipient =
        calloc(consignment->nrecipients + (size_t)1, sizeof(*consignment->recipient));
    consignment->sum = checksum_create();
    if (!consignment->recipient || !consignment->sum)
        return err_memory(err, "what is to be sent to other nodes");
    for (uint32_t at = 0, i = 0; parcel_child(parcel, &at); i++)
        consignment->recipient[i].at = at;
    return 0;
}

struct consignment *consignment_create(const struct msg *msg, int from, uint32_t segments,
                                       uint32_t nodes, struct err *err)
{
    struct consignment *consignment = calloc(1, sizeof(*consignment));

    if (!consignment) {
        err_memory(err, "what is to be sent to other nodes");
        return NULL;
    }
    consignment->from = from;
    if (parcel_read(&consignment->parcel, msg, segments, nodes, err) == 0 &&
        find_recipients(consignment, err) == 0)
        return consignment;
    consignment_destroy(consignment);
    return NULL;
}

void consignment_destroy(struct consignment *consignment)
{
    if (!consignment)
        return;
    parcel_release(&consignment->parcel);
    checksum_destroy(consignment->sum);
    free(consignment->recipient);
    free(consignment);
}

bool consignment_may_follow(enum consignment_state state, enum consignment_state next)
{
    static const unsigned may_follow[CONSIGNMENT_STATES] = {
        [CONSIGNMENT_TAKING] = 1u << CONSIGNMENT_SPOILED | 1u << CONSIGNMENT_GIVING,
        [CONSIGNMENT_SPOILED] = 1u << CONSIGNMENT_OVER,
        [CONSIGNMENT_GIVING] = 1u << CONSIGNMENT_OVER,
        [CONSIGNMENT_OVER] = 0,
    };

    return may_follow[state] & 1u << next;
}

void consignment_enter(struct consignment *consignment, enum consignment_state next)
{
    bool allowed = consignment_may_follow(consignment->state, next);

    assert(allowed);
    (void)allowed; /* where assertions are off */
    consignment->state = next;
}

bool consignment_next(const struct consignment *consignment,
                      const struct segments *segments, uint64_t most, struct piece *piece)
{
    *piece = consignment->last;
    return consignment->state == CONSIGNMENT_TAKING && !consignment->asked_all &&
           piece_next(&consignment->parcel, segments, most, piece);
}

void consignment_asked(struct consignment *consignment, const struct segments *segments,
                       uint64_t most, const struct piece *piece)
{
    struct piece next = *piece;

    consignment->last = *piece;
    consignment->flying++;
    consignment->asked_all = !piece_next(&consignment->parcel, segments, most, &next);
}

bool consignment_has_come(const struct consignment *consignment)
{
    return consignment->flying == 0 &&
           (consignment->asked_all || consignment->state == CONSIGNMENT_SPOILED);
}

int consignment_ask(struct recipient *recipient, const struct parcel *parcel,
                    const struct segments *segments, uint64_t most, uint32_t segment,
                    struct err *err)
{
    if (!piece_next(parcel, segments, most, &recipient->last) ||
        piece_segment(parcel, recipient->last.place) != segment)
        return err_set(err, ERR_DEFECT,
                       "node %u asks for segment %u of ticket %u out of turn",
                       (unsigned)parcel->tree[recipient->at].node, (unsigned)segment,
                       (unsigned)parcel->ticket);
    recipient->pieces++;
    return 0;
}

bool consignment_is_given(const struct consignment *consignment,
                          const struct segments *segments, uint64_t most)
{
    for (uint32_t i = 0; i < consignment->nrecipients; i++) {
        const struct recipient *recipient = &consignment->recipient[i];
        struct piece next = recipient->last;

        if (recipient->sent < recipient->pieces ||
            piece_next(&consignment->parcel, segments, most, &next))
            return false;
    }
    return true;
}
