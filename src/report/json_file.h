#ifndef MPIFETCH_REPORT_JSON_FILE_H
#define MPIFETCH_REPORT_JSON_FILE_H

#include <jansson.h>

#include "base/err.h"

/* A report of any command as a file, and text of any bytes in it. */

/* A new string, NULL without memory. A path is any bytes, and JSON is UTF-8: what is not is
 * masked. */
json_t *json_file_text(const char *text);

/* Indented, with a newline at the end, in place of what is at path. Takes object, which may be
 * NULL: there was no memory for it. -1 and *err. */
int json_file_write(json_t *object, const char *path, struct err *err);

#endif
