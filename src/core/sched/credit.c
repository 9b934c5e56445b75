#include "core/sched/credit.h"

#include <stdlib.h>

int credit_init(struct credit *credit, int nranks, struct err *err)
{
    size_t n = (size_t)nranks;

    *credit = (struct credit){ .nranks = nranks };
    credit->units = calloc(n, sizeof(*credit->units));
    credit->known = calloc(n, sizeof(*credit->known));
    credit->ring = calloc(n, sizeof(*credit->ring));
    if (credit->units && credit->known && credit->ring)
        return 0;
    credit_release(credit);
    return err_memory(err, "credit of the ranks");
}

void credit_release(struct credit *credit)
{
    free(credit->units);
    free(credit->known);
    free(credit->ring);
    *credit = (struct credit){ 0 };
}

/* i is below 2 * nranks, so one subtraction does what a division would. */
static int *slot(const struct credit *credit, int i)
{
    int at = credit->head + i;

    return &credit->ring[at < credit->nranks ? at : at - credit->nranks];
}

void credit_add(struct credit *credit, int rank, uint32_t units)
{
    if (units == 0)
        return;
    if (!credit->known[rank]) {
        credit->known[rank] = true;
        credit->takers++;
    }
    if (credit->units[rank] == 0)
        *slot(credit, credit->waiting++) = rank;
    credit->units[rank] += units;
}

int credit_at(const struct credit *credit, int i)
{
    return *slot(credit, i);
}

/* The few in front of the rank move up one. */
static void leave_ring(struct credit *credit, int rank)
{
    int i = 0;

    while (i < credit->waiting && credit_at(credit, i) != rank)
        i++;
    if (i == credit->waiting)
        return;
    for (; i > 0; i--)
        *slot(credit, i) = credit_at(credit, i - 1);
    credit->head = credit->head + 1 == credit->nranks ? 0 : credit->head + 1;
    credit->waiting--;
}

void credit_spend(struct credit *credit, int rank)
{
    leave_ring(credit, rank);
    if (--credit->units[rank] > 0)
        *slot(credit, credit->waiting++) = rank;
}

void credit_drop(struct credit *credit, int rank)
{
    leave_ring(credit, rank);
    credit->units[rank] = 0;
    if (credit->known[rank])
        credit->takers--;
    credit->known[rank] = false;
}
