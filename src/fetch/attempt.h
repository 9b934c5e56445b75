/* fetch/attempt.h -- what one request for bytes of a task came to. */
#ifndef FETCH_ATTEMPT_H
#define FETCH_ATTEMPT_H

#include "fetch/task.h"

/* Whether all bytes of the segment are here. How the connection ended after the last one
 * says nothing of them. */
bool attempt_is_whole(const struct task *task, const struct http_response *response);

/* Whether the task should ask for the rest by itself: the request brought something, or
 * it is not yet the third in a row that brought next to nothing. Counts those. */
bool attempt_goes_on(struct task *task, const struct http_response *response);

/* The sentence, should this be the end of it. */
void attempt_explain(const struct task *task, const struct http_response *response,
                     struct err *why);

#endif
