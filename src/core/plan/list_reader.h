/* core/plan/list_reader.h -- a list of files that comes in pieces of any size, line by line
 * (core/plan/list_line.h). No more than the beginning of one line is kept.
 *
 * A list may be a clear-signed message of PGP (RFC 9580 7). Only lines inside it may name
 * files, and it must have its end; the signature is not checked.
 *
 * Life cycle   zeroed but for visit and arg; list_reader_feed for each piece,
 *              list_reader_end once, list_reader_release in any case.
 * Errors       ERR_SOURCE for a bad line, which gets its number, counted from 1; so does
 *              the error of visit. After an error the reader is only to be released. */
#ifndef CORE_PLAN_LIST_READER_H
#define CORE_PLAN_LIST_READER_H

#include "core/plan/list_line.h"

enum { LIST_LINE_MOST = 1 << 20 }; /* bytes of a line */

enum list_signed {
    LIST_UNSIGNED,      /* no signed message, or not yet */
    LIST_SIGNED_HEADS,  /* "Hash: SHA256" and the like, up to an empty line */
    LIST_SIGNED_TEXT,   /* what was signed */
    LIST_SIGNED_ARMOR,  /* the signature */
    LIST_SIGNED_BEHIND, /* its end */
};

struct list_reader {
    /* Called for each file; the line is valid during the call. */
    int (*visit)(void *arg, const struct list_line *line, struct err *err);
    void *arg;
    struct list_line line;
    struct strbuf rest; /* of a line whose end has not come */
    uint64_t lines;     /* so far */
    enum list_signed part;
    bool named; /* a file outside the signed text */
};

int list_reader_feed(struct list_reader *reader, const char *bytes, size_t len,
                     struct err *err);
int list_reader_end(struct list_reader *reader, struct err *err);
void list_reader_release(struct list_reader *reader);

#endif
