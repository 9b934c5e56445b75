#include "fetch/berths.h"

#include <stdlib.h>

#include "io/fs/fs_direct.h"

static const size_t mib = (size_t)1 << 20;

size_t berths_size(uint64_t memory)
{
    uint64_t size = memory / BERTHS_PARTS / mib * mib;

    return size < mib ? mib : size > 4 * mib ? 4 * mib : (size_t)size;
}

int berths_open(struct berths *berths, uint64_t memory, struct err *err)
{
    size_t size = berths_size(memory);
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

static bool is_taken_for_others(const struct berths *berths)
{
    uint32_t taken = 0;

    for (uint32_t i = 0; i < berths->count; i++)
        taken += berths->berth[i].state == BERTH_TAKING ||
                 berths->berth[i].state == BERTH_FULL;
    return taken + 2 >= berths->count;
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
    struct berth *berth = takes && is_taken_for_others(berths) ? NULL : oldest(berths);

    if (!berth)
        return NULL;
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
