/* staging/json_reader.h -- a JSON file read piece by piece: what is in memory is one value,
 * not the whole, however many files a record lists.
 *
 *     json_reader_open(&file, dir, name, err);
 *     json_reader_take(&file, '{');
 *     while ((value = json_reader_value(&file)) != NULL) ...
 *
 * Punctuation between values is the caller's to take; a value is parsed by jansson, which
 * refuses what is not JSON and a key that an object has twice.
 *
 * Errors       failed is set, and all further calls say no. Why is err of the open call.
 * Life cycle   zeroed struct, json_reader_open, json_reader_close. */
#ifndef STAGING_JSON_READER_H
#define STAGING_JSON_READER_H

#include <jansson.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "io/fs/fs_dir.h"

struct json_reader {
    const struct fs_dir *dir;
    const char *name;
    struct err *err;
    int fd;
    char *buffer; /* bytes from at to end are not taken yet */
    size_t at, end;
    uint64_t offset, size; /* of what is read next; of the file */
    struct strbuf value;   /* the text of the last one */
    bool failed;
};

/* A regular file only: a pipe that somebody put in its place is not waited for. The name
 * stays the caller's. */
int json_reader_open(struct json_reader *file, const struct fs_dir *dir, const char *name,
                     struct err *err);

/* Whether that character comes next, behind blanks; if so it is taken. '\0' is the end of
 * the file. */
bool json_reader_take(struct json_reader *file, char wanted);

/* The next value, to be released by the caller. NULL: none, or it is no JSON. */
json_t *json_reader_value(struct json_reader *file);

void json_reader_close(struct json_reader *file); /* takes a zeroed one as well */

#endif
