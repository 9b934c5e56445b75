#include "core/sched/outlook.h"

#include <math.h>

/* Seconds before the pace of a transfer says more than that of others: a connection
 * starts slowly. */
static const double young = 0.25;

/* The same of one that has the link to itself. */
static const double short_while = 0.05;

/* Seconds over which the speed of a rank is taken. */
static const double window = 1;

static uint64_t bytes_of(const struct ledger *ledger, const struct lease *lease)
{
    return segments_bytes(ledger->segments, lease->segment, lease->count);
}

static double slots_of(const struct holder *holder)
{
    return holder->peak > 0 ? holder->peak : 1;
}

double outlook_speed(const struct ledger *ledger, int rank)
{
    const struct holder *holder = &ledger->book.holder[rank];
    double speed = meter_rate(&holder->meter, window);
    double request = lease_guess(&ledger->book, rank, 0);

    if (speed > 0)
        return speed;
    return request > 0 ? PACE_REQUEST * slots_of(holder) / request : 0;
}

double outlook_alone(const struct ledger *ledger, const struct lease *lease, double held)
{
    double seconds = lease->moved - lease->mark_at;
    uint64_t size = bytes_of(ledger, lease), got = lease->bytes;

    if (!lease_few(&ledger->book.holder[lease->rank]) || seconds < short_while ||
        lease->moved - lease->started < young || lease->mark_at < held)
        return 0;
    if (got <= lease->mark || got > size)
        return 0;
    return (double)(size - got) * seconds / (double)(got - lease->mark) -
           (ledger->now - lease->moved);
}

/* A time without progress, less a pause that was ordered, is expected to last as long
 * again. */
double outlook_lease(const struct ledger *ledger, const struct lease *lease, double held,
                     uint64_t *got)
{
    uint64_t size = bytes_of(ledger, lease);
    double since = fmax(lease->moved, held), now = ledger->now;
    double end =
        fmax(lease->started, held) + lease_guess(&ledger->book, lease->rank, size);
    double seconds;

    if (lease->bytes > 0 && lease->bytes <= size &&
        lease->moved - lease->started >= young)
        end = since + (double)(size - lease->bytes) * (lease->moved - lease->started) /
                          (double)lease->bytes;
    seconds = fmax(end - now, now - since);
    *got = lease->bytes;
    if (end > now && seconds <= end - now)
        *got += (uint64_t)((double)(size - lease->bytes) * (now - since) / (end - since));
    return seconds;
}

static void count_lease(struct ledger *ledger, const struct lease *lease, double held)
{
    struct holder *holder = ledger->book.holder;
    uint64_t size = bytes_of(ledger, lease), kept = size, got = lease->bytes;

    if (lease->state == LEASE_RUNNING)
        outlook_lease(ledger, lease, held, &got);
    if (lease->state == LEASE_CUTTING && lease->keep < lease->count)
        kept = lease->keep * ledger->segments->size;
    holder[lease->rank].left += kept > got ? kept - got : 0;
    if (lease->heir >= 0)
        holder[lease->heir].left += size - kept;
}

void outlook_begin(struct ledger *ledger, double held)
{
    const struct lease_book *book = &ledger->book;

    for (int rank = 0; rank < ledger->credit.nranks; rank++)
        book->holder[rank].left = 0;
    for (int rank = 0; rank < ledger->credit.nranks; rank++)
        for (uint32_t i = book->holder[rank].first; i; i = book->lease[i].mine_behind)
            count_lease(ledger, &book->lease[i], held);
}

void outlook_move(struct ledger *ledger, int from, uint64_t less, int to, uint64_t more)
{
    struct holder *holder = ledger->book.holder;

    holder[from].left -= less < holder[from].left ? less : holder[from].left;
    holder[to].left += more;
}

double outlook_end(const struct ledger *ledger, int rank)
{
    double speed = outlook_speed(ledger, rank);

    return speed > 0 ? (double)ledger->book.holder[rank].left / speed : 0;
}

/* By its link; or by a connection like those that it had, which is faster if few run. */
double outlook_with(const struct ledger *ledger, int rank, uint64_t bytes)
{
    const struct holder *holder = &ledger->book.holder[rank];
    double busy =
        holder->in[LEASE_RUNNING] + holder->in[LEASE_CUTTING] + holder->expected + 1;
    double speed = outlook_speed(ledger, rank);
    double own =
        lease_guess(&ledger->book, rank, bytes) * fmin(1, busy / slots_of(holder));

    if (speed <= 0)
        return own;
    return fmax(own, ((double)(holder->left + bytes) + PACE_REQUEST) / speed);
}
