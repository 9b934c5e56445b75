/* io/nap.h -- pauses between two looks for what nobody announces: short at first, since
 * most things come soon, then longer and longer, since who waits must leave his core to
 * the others.
 *
 *     struct nap nap = { .shortest = 0.001, .longest = 0.5 };
 *
 *     while (!is_there())
 *         nap_take(&nap);
 */
#ifndef IO_NAP_H
#define IO_NAP_H

struct nap {
    double shortest, longest; /* seconds */
    double next;              /* 0: the shortest */
    unsigned taken;           /* since something happened */
};

/* How long the next one is: each is half as long again as the one before. */
double nap_length(struct nap *nap);

/* Sleep so long. */
void nap_take(struct nap *nap);

/* Something happened: begin anew. */
void nap_wake(struct nap *nap);

#endif
