/* coordinate/locator.h -- rank 0: the signed URL of a file, where its bytes are. One request
 * a file, without body, whose redirect to another host is that URL; all ranks get it by
 * message. Asked again when a rank finds that it has expired. */
#ifndef COORDINATE_LOCATOR_H
#define COORDINATE_LOCATOR_H

#include "io/http/http.h"
#include "ranks/run.h"

struct locator;

int locator_create(struct locator **out, struct run *run, struct http *http,
                   struct err *err);
void locator_destroy(struct locator *locator);

/* The signed URL if it is known, else NULL: locator_next will name the file once it was
 * asked for and is there. */
const char *locator_url(struct locator *locator, uint32_t file, uint32_t *generation);
int locator_ask(struct locator *locator, uint32_t file, struct err *err);

/* The URL of that generation has expired. Nothing is asked before locator_ask. */
void locator_renew(struct locator *locator, uint32_t file, uint32_t generation);

/* Bytes have come from there: the renewals so far were rightful. */
void locator_good(struct locator *locator, uint32_t file);

/* No question before that time (clock_now). */
void locator_hold(struct locator *locator, double until);

/* The file is whole: its URL is of no more use. */
void locator_forget(struct locator *locator, uint32_t file);

/* Move on; false: nothing to tell. Else *file has a signed URL, or *rc is -1: the source
 * refused, or the retries are used up. A pause that the source asks for holds all
 * questions here, but no transfer: those go to other hosts. */
bool locator_next(struct locator *locator, uint32_t *file, int *rc, struct err *err);

uint64_t locator_requests(const struct locator *locator);

#endif
