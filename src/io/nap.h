/* io/nap.h -- pauses while polling for something that is not announced: short at first,
 * since most things happen soon, then longer and longer, to leave the core to others.
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
    double taken;             /* all of them since something happened, seconds */
};

/* The length of the next pause: each is half as long again as the one before. */
double nap_length(struct nap *nap);

/* Sleep so long. */
void nap_take(struct nap *nap);

/* Something happened: begin anew. */
void nap_wake(struct nap *nap);

#endif
