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

static int set(struct err *err, enum err_code code, enum err_reason reason,
               const char *fmt, va_list args)
{
    int saved = errno;
    char whole[WHOLE];

    if (!err || err->code != ERR_NONE)
        return -1;
    err->code = code;
    err->reason = reason;
    vsnprintf(whole, sizeof(whole), fmt, args);
    keep_text(err, whole);
    errno = saved;
    return -1;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set(err, code, REASON_NONE, fmt, args);
    va_end(args);
    return -1;
}

int err_set_why(struct err *err, enum err_code code, enum err_reason reason,
                const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set(err, code, reason, fmt, args);
    va_end(args);
    return -1;
}

enum err_reason err_reason_of(int number)
{
    switch (number) {
    case ENOSPC:
        return REASON_DISK_FULL;
    case EDQUOT:
        return REASON_QUOTA;
    case EACCES:
    case EPERM:
    case EROFS:
        return REASON_PERMISSION;
    default:
        return REASON_NONE;
    }
}

const char *err_reason_name(enum err_reason reason)
{
    static const char *const names[] = {
        [REASON_NONE] = "none",
        [REASON_REPOSITORY_NOT_FOUND] = "repository-not-found",
        [REASON_REVISION_NOT_FOUND] = "revision-not-found",
        [REASON_ENTRY_NOT_FOUND] = "entry-not-found",
        [REASON_GATED] = "gated",
        [REASON_DISABLED] = "disabled",
        [REASON_BAD_TOKEN] = "bad-token",
        [REASON_UNAUTHORIZED] = "unauthorized",
        [REASON_FORBIDDEN] = "forbidden",
        [REASON_TOO_MANY_REQUESTS] = "too-many-requests",
        [REASON_OFFLINE] = "offline",
        [REASON_UNREACHABLE] = "unreachable",
        [REASON_DISK_FULL] = "disk-full",
        [REASON_QUOTA] = "quota",
        [REASON_PERMISSION] = "permission",
        [REASON_NOT_OURS] = "not-ours",
        [REASON_MEMORY] = "memory",
        [REASON_RANK_LOST] = "rank-lost",
    };

    return (unsigned)reason < REASON_COUNT ? names[reason] : "unknown";
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
    return err_set_why(err, ERR_DEFECT, REASON_MEMORY, "out of memory for %s", what);
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
