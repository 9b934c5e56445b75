/* io/append.h -- lines put at the end of a file by several threads, each line at one go.
 */
#ifndef IO_APPEND_H
#define IO_APPEND_H

#include <stddef.h>

#include "base/err.h"

struct append;

/* The file is made with the first line, so that who has none to write makes none. */
int append_open(struct append **out, const char *path, struct err *err);

/* From any thread. After an error nothing more is written: half a line may stand there,
 * and what came behind it would be read as its end. */
int append_line(struct append *append, const void *bytes, size_t len, struct err *err);

void append_close(struct append *append); /* takes NULL */

#endif
