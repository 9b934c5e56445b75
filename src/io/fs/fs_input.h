/* io/fs/fs_input.h -- a file that the user names to be read: a list, a token. It may be a
 * pipe, as the shell makes one for <(command). Part of io/fs/fs.h, which says how
 * errors look. */
#ifndef IO_FS_FS_INPUT_H
#define IO_FS_FS_INPUT_H

#include <stddef.h>

#include "base/err.h"

struct fs_wait {
    double patience; /* seconds without a byte, until a pipe counts as one that nobody
                      * writes to */
    int (*poll)(void *arg); /* called many times a second; -1 ends the wait with
                             * ERR_INTERRUPTED. NULL: nothing does */
    void *arg;
};

/* As fs_read_all. A directory, a socket and a block device are refused. The bytes are in
 * *bytes alone, and below 16 KiB are never copied: they may be secret. */
int fs_read_input(const char *name, size_t most, const struct fs_wait *wait, char **bytes,
                  size_t *len, struct err *err);

/* The same piece by piece, for what need not be kept, of any length. take may end it with
 * -1. */
int fs_stream_input(const char *name, const struct fs_wait *wait,
                    int (*take)(void *arg, const char *bytes, size_t len,
                                struct err *err),
                    void *arg, struct err *err);

#endif
