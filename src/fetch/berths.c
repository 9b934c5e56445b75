#include "fetch/berths.h"

#include <stdlib.h>

#include "io/fs/fs_direct.h"

static const size_t mib = (size_t)1 << 20;

size_t berths_size(uint64_t memory, uint64_t parcel)
{
    uint64_t size = memory / BERTHS_PARTS, most = 4 * mib < parcel ? 4 * mib : parcel;

    size = (size < most ? size : most) / mib * mib;
    return size < mib ? mib : (size_t)size;
}

int berths_open(struct berths *berths, uint64_t memory, uint64_t parcel, struct err *err)
{
    size_t size = berths_size(memory, parcel);
    uint64_t count = memory / size;

    if (count < BERTHS_LEAST)
        count = BERTHS_LEAST;
    *berths = (struct berths){ .size = size };
    berths->berth = calloc(count, sizeof(*berths->berth));
    if (!berths->berth)
        return err_memory(err, "what goes from node to node");
    berths->count = (uint32_t)count;
    for (uint32_t i = 0; i < berths->count; i++)
        if (!(berths->berth[i].bytes = fs_direct_memory(size))) {
            berths_close(berths, false);
            return err_memory(err, "what goes from node to node");
        }
    return 0;
}

void berths_close(struct berths *berths, bool lent)
{
    for (uint32_t i = 0; i < berths->count && !lent; i++)
        free(berths->berth[i].bytes);
    free(berths->berth);
    *berths = (struct berths){ 0 };
}

static bool goes(const struct berth *berth, bool takes)
{
    return takes ? berth->state == BERTH_TAKING || berth->state == BERTH_FULL
                 : berth->state == BERTH_READING || berth->leaving > 0;
}

/* For one more that goes that way. */
static bool has_room(const struct berths *berths, bool takes)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < berths->count; i++)
        used += goes(&berths->berth[i], takes);
    return (!takes || used + 2 < berths->count) &&
           (!berths->waits[!takes] || used < berths->count / 2);
}

void berths_ask(struct berths *berths, bool takes)
{
    berths->waits[takes] = false;
}

static bool is_older(const struct berth *berth, const struct berth *best)
{
    return !best || berth->used < best->used;
}

/* The free ones are the oldest. */
static struct berth *oldest(struct berths *berths)
{
    struct berth *best = NULL;

    for (uint32_t i = 0; i < berths->count; i++) {
        struct berth *berth = &berths->berth[i];

        if ((berth->state == BERTH_FREE || berth->state == BERTH_KEPT) &&
            berth->leaving == 0 && is_older(berth, best))
            best = berth;
    }
    return best;
}

struct berth *berths_take(struct berths *berths, bool takes, uint32_t ticket,
                          const struct piece *piece)
{
    struct berth *berth = has_room(berths, takes) ? oldest(berths) : NULL;

    if (!berth) {
        berths->waits[takes] = true;
        return NULL;
    }
    *berth = (struct berth){
        .bytes = berth->bytes, .ticket = ticket, .piece = *piece, .used = ++berths->uses
    };
    return berth;
}

struct berth *berths_find(struct berths *berths, uint32_t ticket, uint32_t number)
{
    for (uint32_t i = 0; i < berths->count; i++) {
        struct berth *berth = &berths->berth[i];

        if (berth->state != BERTH_FREE && berth->ticket == ticket &&
            berth->piece.number == number) {
            berth->used = ++berths->uses;
            return berth;
        }
    }
    return NULL;
}
