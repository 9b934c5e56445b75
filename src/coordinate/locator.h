/* coordinate/locator.h -- rank 0: the signed URL from which a file is fetched. It
 * takes one request per file, without body, whose redirect to another host is that
 * URL; all ranks get it by message. It is requested again when a rank finds that
 * it has expired. */
#ifndef COORDINATE_LOCATOR_H
#define COORDINATE_LOCATOR_H

#include "io/http/http.h"
#include "ranks/run.h"

struct locator;

int locator_create(struct locator **out, struct run *run, struct http *http,
                   struct err *err);
void locator_destroy(struct locator *locator);

/* The signed URL if it is known, else NULL: after locator_ask, locator_next returns the
 * file once its URL has arrived. */
const char *locator_url(struct locator *locator, uint32_t file, uint32_t *generation);
int locator_ask(struct locator *locator, uint32_t file, struct err *err);

/* The URL of that generation has expired. The next locator_ask requests another. */
void locator_renew(struct locator *locator, uint32_t file, uint32_t generation);

/* How many URLs of the file expired in a row, without bytes in between. */
unsigned locator_renewals(const struct locator *locator, uint32_t file);

/* Bytes have arrived from the URL: its renewals so far do not count as failures. */
void locator_good(struct locator *locator, uint32_t file);

/* Send no request before that time (clock_now). */
void locator_hold(struct locator *locator, double until);

/* The file is complete: its URL is not needed any more. */
void locator_forget(struct locator *locator, uint32_t file);

/* Make progress; false: no news. Else *file has a signed URL, or *rc is -1: the source
 * refused, or the retries are used up. A pause that the source asks for holds back all
 * requests here, but no transfer: those go to other hosts. */
bool locator_next(struct locator *locator, uint32_t *file, int *rc, struct err *err);

uint64_t locator_requests(const struct locator *locator);

#endif
