/* io/fs/blocks.h -- a part of a file, read block by block.
 *
 *     struct blocks in = { .name = path, .next = at, .end = at + len };
 *
 *     if (blocks_open(&in, err) < 0)
 *         return -1;
 *     while ((rc = blocks_next(&in, err)) > 0)
 *         use(in.bytes, in.len);
 *     blocks_close(&in);
 *
 * Errors       those of reading, ERR_DEST; ERR_INTERRUPTED between two blocks once the
 *              pool is to stop.
 * Ownership    dir and name are borrowed; bytes are good until the next call. */
#ifndef IO_FS_BLOCKS_H
#define IO_FS_BLOCKS_H

#include "io/fs/fs_dir.h"
#include "io/pool.h"
#include "io/sha256.h"

struct blocks {
    const struct fs_dir *dir; /* NULL: name is a path */
    const char *name;
    uint64_t next, end;      /* what is still to be read */
    const struct pool *pool; /* whose job this is, or NULL: then nothing interrupts it */
    size_t most;             /* bytes of a block; 0: as many as suit a parallel disk */
    bool direct;             /* past the page cache, if that suits the file */
    bool ahead;     /* let the system fetch what follows meanwhile, and nothing else */
    bool lent;      /* fd is open, and stays so */
    int fd;         /* filled in, like all below, if it is not lent */
    uint64_t asked; /* the system has been asked for all before */
    uint64_t at;    /* of the block in the file */
    size_t len;
    char *bytes;
};

int blocks_open(struct blocks *in, struct err *err);
int blocks_next(struct blocks *in, struct err *err); /* 1: a block; 0: that was all */
void blocks_close(struct blocks *in);                /* takes one that is not open, too */

/* Open, hash on from *state, and close. digest: not NULL if the part ends the file, whose
 * digest it then is. git: is fed the same bytes, or NULL. */
int blocks_hash(struct blocks *in, struct midstate *state, uint8_t *digest,
                struct git_blob *git, struct err *err);

/* Open, sum, and close. */
int blocks_sum(struct blocks *in, uint64_t *checksum, struct err *err);

#endif
