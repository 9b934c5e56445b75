#include "core/sched/late.h"

#include <math.h>

/* A copy costs bytes: it must promise to be done in four fifths of the time, and to save
 * more than messages and the next report would take. */
static const double worth_factor = 1.25, worth_seconds = 0.1;

bool late_takes_back(const struct lease *lease)
{
    return lease->state == LEASE_QUEUED && lease->slot == LEASE_FIRST;
}

static bool may_copy(const struct ledger *ledger, const struct lease *lease)
{
    return lease->slot == LEASE_COPY ||
           ledger->book.copies < (uint32_t)ledger->credit.nranks;
}

bool late_stalled(const struct ledger *ledger, double stall, double held,
                  struct late_choice *choice)
{
    const struct lease_book *book = &ledger->book;

    for (uint32_t i = book->first[LINE_WATCH]; i; i = book->lease[i].behind) {
        const struct lease *lease = &book->lease[i];

        if (fmax(lease->moved, held) + stall > ledger->now)
            return false;
        if (lease->copy_after > ledger->now)
            continue;
        choice->lease = i;
        choice->rank = credit_pick(&ledger->credit, lease->rank);
        choice->late = INFINITY;
        if (choice->rank != CREDIT_NOBODY &&
            (late_takes_back(lease) || may_copy(ledger, lease)))
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
    uint32_t busy = holder->in[LEASE_RUNNING] + holder->in[LEASE_ADOPTING] +
                    holder->in[LEASE_STOPPING] + holder->expected;
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

/* Seconds until a running transfer ends, at its pace so far. A time without progress,
 * less a pause that was ordered, is expected to last as long again. */
static double remaining(const struct ledger *ledger, const struct lease *lease,
                        double held)
{
    uint64_t size = segment_bytes(ledger->segments, lease->segment);
    double since = fmax(lease->moved, held);
    double end =
        fmax(lease->started, held) + lease_guess(&ledger->book, lease->rank, size);

    if (lease->bytes > 0 && lease->bytes <= size && lease->moved > lease->started)
        end = since + (double)(size - lease->bytes) * (lease->moved - lease->started) /
                          (double)lease->bytes;
    return fmax(end - ledger->now, ledger->now - since);
}

/* Seconds until a transfer ends that has not begun, behind so many others that have not:
 * on average the running ones are half done. */
static double remaining_queued(const struct ledger *ledger, const struct lease *lease,
                               uint32_t ahead)
{
    const struct holder *holder = &ledger->book.holder[lease->rank];
    double slots = holder->peak > 0 ? holder->peak : 1;
    uint64_t size = segment_bytes(ledger->segments, lease->segment);

    return lease_guess(&ledger->book, lease->rank, size) * (1.5 + ahead / slots);
}

/* Keep the latest, latest first. */
static uint32_t insert(struct late_choice *choice, uint32_t n, struct late_choice one)
{
    uint32_t i;

    if (n == LATE_MOST && one.late <= choice[n - 1].late)
        return n;
    i = n < LATE_MOST ? n++ : n - 1;
    for (; i > 0 && choice[i - 1].late < one.late; i--)
        choice[i] = choice[i - 1];
    choice[i] = one;
    return n;
}

static bool is_counted(const struct ledger *ledger, const struct lease *lease)
{
    const struct segments *segments = ledger->segments;

    return segments->plan->files[segments->file[lease->segment]].flags & PLAN_COUNTED;
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
            const struct lease *lease = &book->lease[i];
            bool queued = lease->state == LEASE_QUEUED;
            bool here = lease->bytes >= segment_bytes(ledger->segments, lease->segment);

            /* If all bytes have arrived it waits for a disk: fetching them again
             * does not help. */
            if (!here && lease->state == (uint8_t)state && lease->slot == LEASE_FIRST &&
                lease_other(book, i) == 0 &&
                (queued ||
                 (lease->copy_after <= ledger->now && !is_counted(ledger, lease))))
                n = insert(
                    choice, n,
                    (struct late_choice){ i, -1,
                                          queued ? remaining_queued(ledger, lease, ahead)
                                                 : remaining(ledger, lease, held) });
            ahead += queued;
        }
    }
    return n;
}

static bool worthwhile(const struct ledger *ledger, const struct late_choice *choice,
                       int rank)
{
    const struct lease *lease = &ledger->book.lease[choice->lease];
    uint64_t size = segment_bytes(ledger->segments, lease->segment);
    double fresh = lease_guess(&ledger->book, rank, size);

    if (rank == lease->rank)
        return false;
    if (lease->state == LEASE_QUEUED)
        return fresh <= 0 || choice->late > fresh;
    return fresh > 0 && choice->late > worth_factor * fresh + worth_seconds;
}

/* Assign each choice, in turn, to the first ready rank that suits it; drop the others. */
static uint32_t match(const struct ledger *ledger, struct late_choice *choice, uint32_t n,
                      struct ready *ready, uint32_t nready)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < nready && choice[i].rank < 0; k++)
            if (ready[k].room > 0 && worthwhile(ledger, &choice[i], ready[k].rank)) {
                choice[i].rank = ready[k].rank;
                ready[k].room--;
            }
        if (choice[i].rank >= 0)
            choice[kept++] = choice[i];
    }
    return kept;
}

uint32_t late_choose(const struct ledger *ledger, bool copies, double held,
                     struct late_choice choice[LATE_MOST])
{
    uint32_t spare = (uint32_t)ledger->credit.nranks - ledger->book.copies;
    struct ready ready[LATE_MOST];
    uint32_t nready = find_ready(ledger, ready);
    uint32_t n;

    if (nready == 0)
        return 0;
    n = gather(ledger, LEASE_QUEUED, held, choice);
    n = match(ledger, choice, n, ready, nready);
    if (n > 0 || !copies)
        return n;
    n = gather(ledger, LEASE_RUNNING, held, choice);
    n = match(ledger, choice, n, ready, nready);
    return n < spare ? n : spare;
}
