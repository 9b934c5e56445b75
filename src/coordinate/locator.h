/* coordinate/locator.h -- rank 0: where the bytes of a file are. One request a file, without
 * body, whose redirect to another host is the place; all ranks get that URL by message.
 * Asked again when a rank finds that it has run out. */
#ifndef COORDINATE_LOCATOR_H
#define COORDINATE_LOCATOR_H

#include "io/http/http.h"
#include "ranks/run.h"

struct locator;

int locator_create(struct locator **out, struct run *run, struct http *http,
                   struct err *err);
void locator_destroy(struct locator *locator);

/* The place if it is known, else NULL: it is being asked for, and locator_next will name
 * the file. */
const char *locator_url(struct locator *locator, uint32_t file, uint32_t *generation);
int locator_ask(struct locator *locator, uint32_t file, struct err *err);

/* The place of that generation has run out. Nothing is asked before locator_ask. */
void locator_renew(struct locator *locator, uint32_t file, uint32_t generation);

/* Bytes have come from there: the renewals so far were rightful. */
void locator_good(struct locator *locator, uint32_t file);

/* No question before that time (clock_now). */
void locator_hold(struct locator *locator, double until);

/* The file is whole: its place is of no more use. */
void locator_forget(struct locator *locator, uint32_t file);

/* Move on; false: nothing to tell. Else *file has a place, or *rc is -1: the source
 * refused, or the retries are used up. A pause that the source asks for holds all
 * questions here, but no transfer: those go to other hosts. */
bool locator_next(struct locator *locator, uint32_t *file, int *rc, struct err *err);

uint64_t locator_requests(const struct locator *locator);

#endif
