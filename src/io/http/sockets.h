/* io/http/sockets.h -- what the sockets of a libcurl multi handle wait for, in one set of
 * the kernel: a transfer is looked at only when its socket or its time has something for
 * it, where curl_multi_perform asks for each of all of them.
 *
 * Life cycle   sockets_create, which makes the multi handle its own; then no other call
 *              but sockets_move may move that one's transfers; sockets_destroy after
 *              curl_multi_cleanup.
 * Threads      sockets_wake on any, the others on one. */
#ifndef IO_HTTP_SOCKETS_H
#define IO_HTTP_SOCKETS_H

#include <curl/curl.h>

#include "base/err.h"

struct sockets;

int sockets_create(struct sockets **out, CURLM *multi, struct err *err);
void sockets_destroy(struct sockets *sockets); /* takes NULL */

/* Let all transfers go on that can. */
int sockets_move(struct sockets *sockets, struct err *err);

/* Wait until one can, for a wake, or so many seconds. */
void sockets_wait(struct sockets *sockets, double seconds);

/* End a wait, or the next one. Many that come before it cost one call of the system. */
void sockets_wake(struct sockets *sockets);

#endif
