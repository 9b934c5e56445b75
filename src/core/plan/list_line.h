/* core/plan/list_line.h -- the lines of a manifest: a text that lists files to fetch.
 *
 *     <sha256>  name            as sha256sum prints, in text form ...
 *     <sha256> *name            ... and in binary form; the name is relative to a base.
 *     <sha256> name             as other programs print
 *     SHA256 (name) = <sha256>  as those of the BSDs print, sha256sum --tag and openssl
 *     URL SHA256 [SIZE] [PATH]  separated by blanks; PATH extends to the end of the line
 *
 * In a line of sha256sum that begins with '\' the name is escaped: \\, \n and \r. A
 * leading "./" of a name is dropped. SHA256 and SIZE may be '-' for "not known"; a PATH
 * of digits only needs a SIZE in front of it. Without PATH the file gets the last
 * component of the URL, decoded. Blank lines and lines that begin with '#' are skipped,
 * and so are a byte order mark at the beginning and a CR at the end of a line. */
#ifndef CORE_PLAN_LIST_LINE_H
#define CORE_PLAN_LIST_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "core/plan/digest.h"

/* Life cycle: zeroed, list_line_parse as often as wanted, list_line_release. */
struct list_line {
    struct strbuf name; /* a URL, or a name relative to the base */
    struct strbuf path; /* where it goes below DEST; fit for a plan */
    bool url;
    bool sized;    /* size is known */
    uint64_t size; /* less than 2^63 */
    struct digest want;
};

/* One line, without its newline. *present: it names a file. ERR_SOURCE says what is wrong
 * with the line. */
int list_line_parse(struct list_line *line, const char *text, size_t len, bool *present,
                    struct err *err);
void list_line_release(struct list_line *line);

#endif
