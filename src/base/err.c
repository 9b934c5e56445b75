#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Room for two paths, of which a sentence may speak. */
enum { WHOLE = 9000, TAIL = 200 };

/* A text that is too long loses its middle: it begins with the object and ends
 * with the reason. */
static void keep_text(struct err *err, const char *whole)
{
    const size_t size = sizeof(err->text), head = size - TAIL;
    size_t len = strlen(whole);
    const char *tail = whole + len - (TAIL - 1);

    if (len < size) {
        memcpy(err->text, whole, len + 1);
        return;
    }
    memcpy(err->text, whole, head);
    utf8_cut(err->text, head);
    while (((unsigned char)*tail & 0xc0) == 0x80) /* in the middle of a character */
        tail++;
    memcpy(err->text + strlen(err->text), tail, strlen(tail) + 1);
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    int saved = errno;
    char whole[WHOLE];
    va_list args;

    if (!err || err->code != ERR_NONE)
        return -1;
    err->code = code;
    va_start(args, fmt);
    vsnprintf(whole, sizeof(whole), fmt, args);
    va_end(args);
    keep_text(err, whole);
    errno = saved;
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    int saved = errno;
    char whole[WHOLE + sizeof(err->text) + 2];
    va_list args;
    size_t len;

    if (!err)
        return -1;
    if (err->code == ERR_NONE)
        err_set(err, ERR_DEFECT, "failed for an unknown reason");
    va_start(args, fmt);
    vsnprintf(whole, WHOLE, fmt, args);
    va_end(args);
    len = strlen(whole);
    snprintf(whole + len, sizeof(whole) - len, ": %s", err->text);
    keep_text(err, whole);
    errno = saved;
    return -1;
}

int err_memory(struct err *err, const char *what)
{
    return err_set(err, ERR_DEFECT, "out of memory for %s", what);
}

int err_copy(struct err *err, const struct err *from)
{
    if (err)
        *err = *from;
    return -1;
}

void err_clear(struct err *err)
{
    if (err)
        *err = (struct err){ 0 };
}
