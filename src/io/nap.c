#include "io/nap.h"

#include "io/clock.h"

double nap_length(struct nap *nap)
{
    double length = nap->next > nap->shortest ? nap->next : nap->shortest;

    if (length > nap->longest)
        length = nap->longest;
    nap->next = 1.5 * length;
    nap->taken += length;
    return length;
}

void nap_take(struct nap *nap)
{
    clock_sleep(nap_length(nap));
}

void nap_wake(struct nap *nap)
{
    nap->next = 0;
    nap->taken = 0;
}
