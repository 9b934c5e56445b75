/* staging/sum_list.h -- the lines of SHA256SUMS in a record, as sha256sum prints them. The
 * digest of all of them, in the order of the paths, is the content id of a tree. */
#ifndef STAGING_SUM_LIST_H
#define STAGING_SUM_LIST_H

#include "base/strbuf.h"
#include "staging/manifest.h"

/* Append the line of a file. */
void sum_list_add(struct strbuf *text, const uint8_t sha256[32], const char *path);

/* Whether the content id of a record, whose files were read, is that of its files: else it was
 * not written by mpifetch, or not all of it is as it was. */
bool sum_list_fits(const struct manifest *manifest);

#endif
