#include "core/sched/lease.h"

#include <assert.h>
#include <stdlib.h>

enum { PACE_REQUEST = 1 << 20 };

int lease_book_init(struct lease_book *book, uint32_t nsegments, int nranks,
                    struct err *err)
{
    size_t segments = (size_t)nsegments + 1, ranks = (size_t)nranks;

    *book = (struct lease_book){ 0 };
    book->of = calloc(segments, sizeof(*book->of));
    book->holder = calloc(ranks, sizeof(*book->holder));
    /* Room for all segments and a copy for each rank, so that a grant cannot fail; memory
     * is touched only for open leases, which credit limits. */
    book->lease = malloc((segments + ranks + 1) * sizeof(*book->lease));
    if (book->of && book->holder && book->lease)
        return 0;
    lease_book_release(book);
    return err_memory(err, "leases of the segments");
}

void lease_book_release(struct lease_book *book)
{
    free(book->of);
    free(book->holder);
    free(book->lease);
    *book = (struct lease_book){ 0 };
}

static uint32_t number_take(struct lease_book *book)
{
    uint32_t number = book->unused;

    if (number == 0)
        return ++book->used;
    book->unused = book->lease[number].behind;
    return number;
}

static void list_add(struct lease_book *book, uint32_t number)
{
    struct lease *lease = &book->lease[number];
    struct holder *holder = &book->holder[lease->rank];

    lease->mine_before = holder->last;
    if (holder->last)
        book->lease[holder->last].mine_behind = number;
    else
        holder->first = number;
    holder->last = number;
}

static void list_remove(struct lease_book *book, const struct lease *lease)
{
    struct holder *holder = &book->holder[lease->rank];

    if (lease->mine_before)
        book->lease[lease->mine_before].mine_behind = lease->mine_behind;
    else
        holder->first = lease->mine_behind;
    if (lease->mine_behind)
        book->lease[lease->mine_behind].mine_before = lease->mine_before;
    else
        holder->last = lease->mine_before;
}

uint32_t lease_open(struct lease_book *book, uint32_t segment, enum lease_slot slot,
                    int rank, double now)
{
    uint32_t number = number_take(book);

    assert(book->of[segment][slot] == 0);
    book->lease[number] = (struct lease){ .started = now,
                                          .moved = now,
                                          .copy_after = now,
                                          .segment = segment,
                                          .rank = rank,
                                          .heir = -1,
                                          .avoid = -1,
                                          .state = LEASE_QUEUED,
                                          .slot = (uint8_t)slot };
    book->of[segment][slot] = number;
    book->copies += slot == LEASE_COPY;
    book->holder[rank].in[LEASE_QUEUED]++;
    list_add(book, number);
    return number;
}

static void line_remove(struct lease_book *book, struct lease *lease)
{
    if (lease->line == LINE_NONE)
        return;
    if (lease->before)
        book->lease[lease->before].behind = lease->behind;
    else
        book->first[lease->line] = lease->behind;
    if (lease->behind)
        book->lease[lease->behind].before = lease->before;
    else
        book->last[lease->line] = lease->before;
    lease->line = LINE_NONE;
}

void lease_line(struct lease_book *book, uint32_t number, enum lease_line line)
{
    struct lease *lease = &book->lease[number];

    line_remove(book, lease);
    if (line == LINE_NONE)
        return;
    lease->line = (uint8_t)line;
    lease->behind = 0;
    lease->before = book->last[line];
    if (lease->before)
        book->lease[lease->before].behind = number;
    else
        book->first[line] = number;
    book->last[line] = number;
}

void lease_bequeath(struct lease_book *book, uint32_t number, int heir)
{
    lease_disinherit(book, number);
    book->lease[number].heir = heir;
    book->holder[heir].expected++;
}

void lease_disinherit(struct lease_book *book, uint32_t number)
{
    struct lease *lease = &book->lease[number];

    if (lease->heir >= 0)
        book->holder[lease->heir].expected--;
    lease->heir = -1;
}

void lease_close(struct lease_book *book, uint32_t number)
{
    struct lease *lease = &book->lease[number];

    lease_disinherit(book, number);
    line_remove(book, lease);
    list_remove(book, lease);
    book->holder[lease->rank].in[lease->state]--;
    book->of[lease->segment][lease->slot] = 0;
    book->copies -= lease->slot == LEASE_COPY;
    lease->behind = book->unused;
    book->unused = number;
}

uint32_t lease_find(const struct lease_book *book, uint32_t segment, int rank)
{
    for (int slot = 0; slot < LEASE_SLOTS; slot++) {
        uint32_t number = book->of[segment][slot];

        if (number && book->lease[number].rank == rank)
            return number;
    }
    return 0;
}

uint32_t lease_other(const struct lease_book *book, uint32_t number)
{
    const struct lease *lease = &book->lease[number];

    return book
        ->of[lease->segment][lease->slot == LEASE_FIRST ? LEASE_COPY : LEASE_FIRST];
}

void lease_enter(struct lease_book *book, uint32_t number, enum lease_state next)
{
    /* queued to landed: the transfer ended before its start was reported. Nothing follows
     * stopping: a lease that was told to stop is not used again. */
    static const unsigned may_follow[LEASE_STATES] = {
        [LEASE_QUEUED] = 1u << LEASE_RUNNING | 1u << LEASE_LANDED | 1u << LEASE_STOPPING,
        [LEASE_RUNNING] = 1u << LEASE_LANDED | 1u << LEASE_STOPPING,
        [LEASE_LANDED] = 1u << LEASE_ADOPTING | 1u << LEASE_STOPPING,
        [LEASE_ADOPTING] = 1u << LEASE_STOPPING,
        [LEASE_STOPPING] = 0,
    };
    struct lease *lease = &book->lease[number];
    struct holder *holder = &book->holder[lease->rank];
    bool allowed = may_follow[lease->state] & 1u << next;

    assert(allowed);
    (void)allowed; /* where assertions are off */
    holder->in[lease->state]--;
    holder->in[next]++;
    lease->state = (uint8_t)next;
    if (holder->in[LEASE_RUNNING] > holder->peak)
        holder->peak = holder->in[LEASE_RUNNING];
}

void lease_promote(struct lease_book *book, uint32_t number)
{
    struct lease *lease = &book->lease[number];

    assert(lease->slot == LEASE_COPY && book->of[lease->segment][LEASE_FIRST] == 0);
    book->of[lease->segment][LEASE_COPY] = 0;
    book->of[lease->segment][LEASE_FIRST] = number;
    lease->slot = LEASE_FIRST;
    book->copies--;
}

/* Not a copy that was told to stop: its segment is stored, or will be. */
static bool matters(const struct lease *lease)
{
    return lease->state != LEASE_LANDED &&
           !(lease->state == LEASE_STOPPING && lease->slot == LEASE_COPY);
}

void lease_watch(struct lease_book *book, uint32_t segment, double now)
{
    const uint32_t *of = book->of[segment];
    bool alone = !of[LEASE_FIRST] != !of[LEASE_COPY];

    for (int slot = 0; slot < LEASE_SLOTS; slot++) {
        struct lease *lease = &book->lease[of[slot]];
        bool watch = of[slot] && alone && matters(lease);

        if (!of[slot] || lease->line == LINE_SEND || watch == (lease->line == LINE_WATCH))
            continue;
        lease_line(book, of[slot], watch ? LINE_WATCH : LINE_NONE);
        if (watch)
            lease->moved = now;
    }
}

void lease_alive(struct lease_book *book, uint32_t number, double now)
{
    struct lease *lease = &book->lease[number];

    lease->moved = now;
    if (lease->line == LINE_WATCH)
        lease_line(book, number, LINE_WATCH);
}

void lease_progress(struct lease_book *book, uint32_t number, uint64_t bytes, double now)
{
    struct lease *lease = &book->lease[number];

    if (lease->state == LEASE_QUEUED) {
        lease_enter(book, number, LEASE_RUNNING);
        lease->started = now;
    } else if (bytes <= lease->bytes) {
        return;
    }
    lease->bytes = bytes;
    lease_alive(book, number, now);
}

static void pace_add(struct pace *pace, double seconds, double weight, double keep)
{
    pace->seconds = pace->seconds * keep + seconds;
    pace->weight = pace->weight * keep + weight;
}

void lease_learn(struct lease_book *book, uint32_t number, uint64_t bytes, double now)
{
    const struct lease *lease = &book->lease[number];
    double weight = (double)bytes + PACE_REQUEST;

    if (lease->state != LEASE_RUNNING)
        return;
    /* For one rank the last few count, as links change; for all ranks the whole run. */
    pace_add(&book->holder[lease->rank].pace, now - lease->started, weight, 0.75);
    pace_add(&book->pace, now - lease->started, weight, 1);
}

double lease_guess(const struct lease_book *book, int rank, uint64_t bytes)
{
    const struct pace *pace = &book->holder[rank].pace;

    if (pace->weight <= 0)
        pace = &book->pace;
    if (pace->weight <= 0)
        return 0;
    return ((double)bytes + PACE_REQUEST) * pace->seconds / pace->weight;
}

uint32_t lease_held(const struct lease_book *book, int rank)
{
    uint32_t held = 0;

    for (int state = 0; state < LEASE_STATES; state++)
        held += book->holder[rank].in[state];
    return held;
}
