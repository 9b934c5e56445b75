#include "fetch/passage.h"

#include <stdlib.h>

#include "core/state/flight.h"
#include "io/clock.h"

int passages_open(struct passages *passages, struct comm *comm, unsigned most,
                  struct err *err)
{
    int ranks = comm_size(comm);

    *passages = (struct passages){ .most = most, .counted = clock_now(), .ranks = ranks };
    passages->flight = calloc((size_t)ranks, sizeof(*passages->flight));
    if (!passages->flight)
        return err_memory(err, "what goes from node to node");
    for (int i = 0; i < ranks; i++)
        passages->flight[i].most = FLIGHT_FIRST;
    return fabric_open(&passages->fabric, comm, most, err);
}

bool passages_close(struct passages *passages, double patience)
{
    bool all = fabric_close(passages->fabric, patience);

    for (struct passage *next, *passage = passages->first; passage; passage = next) {
        next = passage->next;
        free(passage);
    }
    free(passages->flight);
    *passages = (struct passages){ 0 };
    return all;
}

int passages_add(struct passages *passages, const struct passage *passage,
                 struct passage **added, struct err *err)
{
    struct passage **at = &passages->first;

    *added = malloc(sizeof(**added));
    if (!*added)
        return err_memory(err, "what goes from node to node");
    **added = *passage;
    (*added)->next = NULL;
    while (*at)
        at = &(*at)->next;
    *at = *added;
    return 0;
}

void passages_walk(struct passages *passages)
{
    for (int i = 0; i < passages->ranks; i++)
        passages->flight[i].seen = 0;
}

bool passages_wait(struct passages *passages, const struct passage *passage)
{
    struct flight *flight = &passages->flight[passage->rank];

    return ++flight->seen > flight->most;
}

bool passages_room(const struct passages *passages)
{
    return fabric_running(passages->fabric) < passages->most;
}

struct traffic passages_traffic(struct passages *passages)
{
    double now = clock_now(), passed = now - passages->counted;

    passages->traffic.taking += passages->taking > 0 ? passed : 0;
    passages->traffic.giving += passages->giving > 0 ? passed : 0;
    passages->counted = now;
    return passages->traffic;
}

int passages_begin(struct passages *passages, struct passage *passage,
                   struct berth *berth, struct err *err)
{
    size_t len = (size_t)passage->piece.len;

    passages_traffic(passages);
    passage->berth = berth;
    passage->began = passages->counted;
    if (!passage->to) {
        passages->taking++;
        berth->state = BERTH_TAKING;
        return fabric_receive(passages->fabric, passage->rank, passage->number,
                              berth->bytes, len, passage, err);
    }
    passages->giving++;
    berth->leaving++;
    return fabric_send(passages->fabric, passage->rank, passage->number, berth->bytes,
                       len, passage, err);
}

static void take_out(struct passages *passages, struct passage *passage)
{
    struct passage **at = &passages->first;

    while (*at != passage)
        at = &(*at)->next;
    *at = passage->next;
}

int passages_ended(struct passages *passages, struct passage **ended, struct err *err)
{
    void *owner;
    int rc = fabric_next(passages->fabric, &owner, err);
    struct passage *passage = owner;

    *ended = passage;
    if (rc <= 0)
        return rc;
    passages_traffic(passages);
    take_out(passages, passage);
    if (passage->to) {
        struct flight *flight = &passages->flight[passage->rank];

        flight->most = flight_next(flight->most, passages->counted - passage->began);
        passages->giving--;
        passages->traffic.given += passage->piece.len;
        passage->berth->leaving--;
    } else {
        passages->taking--;
        passages->traffic.taken += passage->piece.len;
        passage->berth->state = BERTH_FULL;
    }
    return 1;
}
