#include "core/sched/late.h"

#include <math.h>

#include "core/sched/outlook.h"

/* A cut costs a connection, and maybe bytes: what it saves must be more than messages and
 * the next report take. Where bytes are lost it must promise to be done in four fifths of
 * the time. */
static const double worth_factor = 1.25, worth_seconds = 0.1;

/* The rank of a lease has a slot free, but no more link for that: only a connection that
 * is so much slower than its others is worth another one. */
static const double own_factor = 2;

/* The one that waits longest, of those that may get what the lease has. */
static int other_rank(const struct ledger *ledger, const struct lease *lease)
{
    for (int i = 0; i < ledger->credit.waiting; i++) {
        int rank = credit_at(&ledger->credit, i);

        if (rank != lease->rank && shelves_may(&ledger->shelves, lease->segment, rank))
            return rank;
    }
    return CREDIT_NOBODY;
}

bool late_stalled(const struct ledger *ledger, double stall, double held,
                  struct late_choice *choice)
{
    const struct lease_book *book = &ledger->book;

    for (uint32_t i = book->first[LINE_WATCH]; i; i = book->lease[i].behind) {
        const struct lease *lease = &book->lease[i];

        if (fmax(lease->moved, held) + stall > ledger->now)
            return false;
        *choice = (struct late_choice){ .lease = i, .late = INFINITY };
        choice->rank = other_rank(ledger, lease);
        if (choice->rank != CREDIT_NOBODY)
            return true;
    }
    return false;
}

struct ready {
    int rank;
    uint32_t room;
};

/* A rank is out of work if all its leases are running and it has run more at a time
 * before. Returns how many units it can take beyond that. */
static uint32_t room_of(const struct ledger *ledger, int rank)
{
    const struct holder *holder = &ledger->book.holder[rank];
    uint32_t busy =
        holder->in[LEASE_RUNNING] + holder->in[LEASE_CUTTING] + holder->expected;
    uint32_t slots = holder->peak > 0 ? holder->peak : 1;
    uint32_t credit = ledger->credit.units[rank];

    if (holder->in[LEASE_QUEUED] > 0 || busy >= slots || holder->expected >= credit)
        return 0;
    return slots - busy < credit - holder->expected ? slots - busy
                                                    : credit - holder->expected;
}

static uint32_t find_ready(const struct ledger *ledger, struct ready ready[LATE_MOST])
{
    uint32_t n = 0;

    for (int i = 0; i < ledger->credit.waiting && n < LATE_MOST; i++) {
        int rank = credit_at(&ledger->credit, i);
        uint32_t room = room_of(ledger, rank);

        if (room > 0)
            ready[n++] = (struct ready){ rank, room };
    }
    return n;
}

static uint64_t bytes_of(const struct ledger *ledger, const struct lease *lease)
{
    return segments_bytes(ledger->segments, lease->segment, lease->count);
}

/* Seconds until a transfer ends that has not begun, behind so many others that have not:
 * on average the running ones are half done. */
static double remaining_queued(const struct ledger *ledger, const struct lease *lease,
                               uint32_t ahead)
{
    const struct holder *holder = &ledger->book.holder[lease->rank];
    double slots = holder->peak > 0 ? holder->peak : 1;

    return lease_guess(&ledger->book, lease->rank, bytes_of(ledger, lease)) *
           (1.5 + ahead / slots);
}

/* The latest first; of such that are equally late, the one that has least to lose. */
static bool is_before(const struct late_choice *a, const struct late_choice *b)
{
    return a->late > b->late || (a->late >= b->late && a->got < b->got);
}

/* Keep the first ones. */
static uint32_t insert(struct late_choice *choice, uint32_t n, struct late_choice one)
{
    uint32_t i;

    if (n == LATE_MOST && !is_before(&one, &choice[n - 1]))
        return n;
    i = n < LATE_MOST ? n++ : n - 1;
    for (; i > 0 && is_before(&one, &choice[i - 1]); i--)
        choice[i] = choice[i - 1];
    choice[i] = one;
    return n;
}

static bool is_counted(const struct ledger *ledger, const struct lease *lease)
{
    const struct segments *segments = ledger->segments;

    return segments->plan->files[segments->file[lease->segment]].flags & PLAN_COUNTED;
}

/* If all bytes have arrived it waits for a disk: no other rank can help. */
static bool may_cut(const struct ledger *ledger, const struct lease *lease)
{
    return lease->bytes < bytes_of(ledger, lease) && !is_counted(ledger, lease);
}

/* What is known of a lease in that state, if it may be given to another rank. ahead: how
 * many others of its rank have not begun. */
static bool look_at(const struct ledger *ledger, double held, uint32_t *ahead,
                    struct late_choice *one)
{
    const struct lease *lease = &ledger->book.lease[one->lease];

    if (lease->state == LEASE_QUEUED) {
        one->late = remaining_queued(ledger, lease, (*ahead)++);
        return true;
    }
    if (!may_cut(ledger, lease))
        return false;
    one->late = outlook_lease(ledger, lease, held, &one->got);
    one->alone = outlook_alone(ledger, lease, held);
    one->silent = ledger->now - fmax(lease->moved, held);
    return true;
}

static uint32_t gather(const struct ledger *ledger, enum lease_state state, double held,
                       struct late_choice choice[LATE_MOST])
{
    const struct lease_book *book = &ledger->book;
    uint32_t n = 0;

    for (int rank = 0; rank < ledger->credit.nranks; rank++) {
        const struct holder *holder = &book->holder[rank];
        uint32_t ahead = 0;

        /* A lease that a rank has not begun is left alone until the rank has begun
         * something: its grant may still be on the way. */
        if (holder->in[state] == 0 || holder->in[LEASE_RUNNING] == 0)
            continue;
        for (uint32_t i = holder->first; i; i = book->lease[i].mine_behind) {
            struct late_choice one = { .lease = i, .rank = CREDIT_NOBODY };

            if (book->lease[i].state == (uint8_t)state &&
                look_at(ledger, held, &ahead, &one))
                n = insert(choice, n, one);
        }
    }
    return n;
}

/* What is saved if the rank fetches all of it again. Bytes are lost, so it must not only
 * seem late: either it is slow with the link to itself, or its rank is. */
static double gain_of_drop(const struct ledger *ledger, const struct late_choice *choice,
                           int rank)
{
    const struct lease *lease = &ledger->book.lease[choice->lease];
    uint64_t size = bytes_of(ledger, lease);
    double end = fmin(choice->late, outlook_end(ledger, lease->rank));

    if (choice->alone > 0)
        return fmax(choice->alone, choice->silent) -
               lease_guess(&ledger->book, rank, size) * worth_factor;
    return fmax(end, choice->silent) - outlook_with(ledger, rank, size) * worth_factor;
}

/* What is saved if it keeps so many segments and the rank fetches the others. What it has
 * of a segment that it does not keep is lost. */
static double gain_of_cut(const struct ledger *ledger, const struct late_choice *choice,
                          uint32_t keep, int rank)
{
    const struct lease *lease = &ledger->book.lease[choice->lease];
    uint64_t size = bytes_of(ledger, lease), kept = keep * ledger->segments->size;
    double other = lease_guess(&ledger->book, rank, size - kept);
    double own;

    if (kept < choice->got && ledger->limited)
        return 0;
    if (kept < choice->got)
        return keep == 0 ? gain_of_drop(ledger, choice, rank)
                         : choice->late - other * worth_factor;
    own = choice->late * (double)(kept - choice->got) / (double)(size - choice->got);
    return choice->late - fmax(own, other);
}

/* Where to cut for that rank, if that is worth while. */
static bool choose_cut(const struct ledger *ledger, struct late_choice *choice, int rank)
{
    const struct lease *lease = &ledger->book.lease[choice->lease];
    uint64_t rest = bytes_of(ledger, lease) - choice->got;
    uint32_t keep = 0;
    double best = worth_seconds;

    if (rank == lease->rank &&
        (lease->count == 1 ||
         choice->late < own_factor * lease_guess(&ledger->book, rank, rest)))
        return false;
    if (lease->count > 1)
        keep = (uint32_t)(choice->got / ledger->segments->size);
    /* Nothing is begun again and again. */
    if (keep == 0 && ledger->dropped[lease->segment])
        keep = 1;
    for (; keep < lease->count; keep++) {
        double gain = gain_of_cut(ledger, choice, keep, rank);

        if (gain > best) {
            best = gain;
            choice->keep = keep;
        }
    }
    return best > worth_seconds;
}

static bool worthwhile(const struct ledger *ledger, struct late_choice *choice, int rank)
{
    const struct lease *lease = &ledger->book.lease[choice->lease];
    double fresh = lease_guess(&ledger->book, rank, bytes_of(ledger, lease));

    if (!shelves_may(&ledger->shelves, lease->segment, rank))
        return false;
    if (lease->state == LEASE_QUEUED)
        return rank != lease->rank && (fresh <= 0 || choice->late > fresh);
    return fresh > 0 && choose_cut(ledger, choice, rank);
}

static void assign(struct ledger *ledger, struct late_choice *choice, int rank)
{
    const struct lease *lease = &ledger->book.lease[choice->lease];
    uint64_t size = bytes_of(ledger, lease), kept = choice->keep * ledger->segments->size;
    uint64_t saved = size - (kept > choice->got ? kept : choice->got);

    choice->rank = rank;
    outlook_move(ledger, lease->rank, saved, rank, size - kept);
}

/* Assign each choice, in turn, to the first ready rank that suits it; drop the others. */
static uint32_t match(struct ledger *ledger, struct late_choice *choice, uint32_t n,
                      struct ready *ready, uint32_t nready)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < nready && choice[i].rank < 0; k++)
            if (ready[k].room > 0 && worthwhile(ledger, &choice[i], ready[k].rank)) {
                assign(ledger, &choice[i], ready[k].rank);
                ready[k].room--;
            }
        if (choice[i].rank >= 0)
            choice[kept++] = choice[i];
    }
    return kept;
}

uint32_t late_choose(struct ledger *ledger, bool cuts, double held,
                     struct late_choice choice[LATE_MOST])
{
    struct ready ready[LATE_MOST];
    uint32_t nready = find_ready(ledger, ready);
    uint32_t n;

    if (nready == 0)
        return 0;
    outlook_begin(ledger, held);
    n = gather(ledger, LEASE_QUEUED, held, choice);
    n = match(ledger, choice, n, ready, nready);
    if (n > 0 || !cuts)
        return n;
    n = gather(ledger, LEASE_RUNNING, held, choice);
    return match(ledger, choice, n, ready, nready);
}
