#include "core/sched/lease.h"

#include <assert.h>
#include <stdlib.h>

/* Seconds between two counts of what a rank receives. */
static const double count_least = 0.1;

int lease_book_init(struct lease_book *book, uint32_t nsegments, int nranks,
                    struct err *err)
{
    size_t segments = (size_t)nsegments + 1, ranks = (size_t)nranks;

    *book = (struct lease_book){ 0 };
    book->of = calloc(segments, sizeof(*book->of));
    book->holder = calloc(ranks, sizeof(*book->holder));
    /* Room for all segments, so that a grant cannot fail; memory is touched only for open
     * leases, which credit limits. */
    book->lease = malloc((segments + 1) * sizeof(*book->lease));
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

uint32_t lease_open(struct lease_book *book, uint32_t first, uint32_t count, int rank,
                    double now)
{
    uint32_t number = number_take(book);

    assert(book->of[first] == 0);
    book->lease[number] = (struct lease){ .started = now,
                                          .moved = now,
                                          .segment = first,
                                          .count = count,
                                          .rank = rank,
                                          .heir = -1,
                                          .state = LEASE_QUEUED };
    book->of[first] = number;
    book->holder[rank].in[LEASE_QUEUED]++;
    list_add(book, number);
    lease_line(book, number, LINE_WATCH);
    return number;
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
    book->of[lease->segment] = 0;
    lease->behind = book->unused;
    book->unused = number;
}

uint32_t lease_find(const struct lease_book *book, uint32_t segment, int rank)
{
    uint32_t number = book->of[segment];

    return number && book->lease[number].rank == rank ? number : 0;
}

void lease_enter(struct lease_book *book, uint32_t number, enum lease_state next)
{
    static const unsigned may_follow[LEASE_STATES] = {
        [LEASE_QUEUED] = 1u << LEASE_RUNNING | 1u << LEASE_CUTTING,
        [LEASE_RUNNING] = 1u << LEASE_CUTTING,
        [LEASE_CUTTING] = 1u << LEASE_RUNNING,
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

static void begin(struct lease *lease, uint64_t bytes, double now)
{
    lease->begun = true;
    lease->started = lease->mark_at = now;
    lease->mark = bytes;
}

void lease_shorten(struct lease_book *book, uint32_t number, uint32_t keep, double now)
{
    struct lease *lease = &book->lease[number];

    assert(keep > 0 && keep <= lease->count);
    lease->count = keep;
    lease_disinherit(book, number);
    if (lease->state != LEASE_CUTTING)
        return;
    if (!lease->begun)
        begin(lease, 0, now);
    lease_enter(book, number, LEASE_RUNNING);
    lease->moved = now;
    lease_line(book, number, LINE_WATCH);
}

void lease_alive(struct lease_book *book, uint32_t number, double now)
{
    struct lease *lease = &book->lease[number];

    lease->moved = now;
    if (lease->line == LINE_WATCH)
        lease_line(book, number, LINE_WATCH);
}

bool lease_few(const struct holder *holder)
{
    return holder->in[LEASE_RUNNING] + holder->in[LEASE_CUTTING] <= 1 + holder->peak / 8;
}

void lease_progress(struct lease_book *book, uint32_t number, uint64_t bytes, double now)
{
    struct lease *lease = &book->lease[number];

    if (!lease->begun) {
        begin(lease, bytes, now);
        if (lease->state == LEASE_QUEUED)
            lease_enter(book, number, LEASE_RUNNING);
    } else if (bytes <= lease->bytes) {
        return;
    }
    lease->bytes = bytes;
    lease_alive(book, number, now);
    if (lease_few(&book->holder[lease->rank]))
        return;
    lease->mark = bytes;
    lease->mark_at = now;
}

void lease_received(struct lease_book *book, int rank, uint64_t received, double now)
{
    struct holder *holder = &book->holder[rank];
    bool known = holder->counted_at > 0 && received >= holder->received;

    if (known && now < holder->counted_at + count_least)
        return;
    /* With few transfers a rank may have room on its link. */
    if (known && 2 * holder->in[LEASE_RUNNING] >= holder->peak && holder->peak > 0)
        meter_add(&holder->meter, now - holder->counted_at, received - holder->received);
    holder->received = received;
    holder->counted_at = now;
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

    if (!lease->begun)
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
