/* io/append.h -- lines appended to a file by several threads, each with one write. */
#ifndef IO_APPEND_H
#define IO_APPEND_H

#include <stddef.h>

#include "io/fs/fs_dir.h"

struct append;

/* The file is created with the first line, in front of which first is written: without
 * any line there is no file. dir is borrowed. */
int append_open(struct append **out, const struct fs_dir *dir, const char *name,
                const char *first, struct err *err);

/* From any thread. After an error nothing more is written: the file may end in half a
 * line, and what follows would be read as its end. */
int append_line(struct append *append, const void *bytes, size_t len, struct err *err);

void append_close(struct append *append); /* takes NULL */

#endif
