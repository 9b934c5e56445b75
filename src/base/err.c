#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    int saved = errno;
    va_list args;
    int len;

    if (!err || err->code != ERR_NONE)
        return -1;
    err->code = code;
    va_start(args, fmt);
    len = vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    if (len >= (int)sizeof(err->text))
        text_cut(err->text, sizeof(err->text));
    errno = saved;
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    int saved = errno;
    char where[sizeof(err->text)], what[sizeof(err->text)];
    va_list args;

    if (!err)
        return -1;
    if (err->code == ERR_NONE)
        err_set(err, ERR_DEFECT, "failed without a reason");
    va_start(args, fmt);
    vsnprintf(where, sizeof(where), fmt, args);
    va_end(args);
    memcpy(what, err->text, sizeof(what));
    if (snprintf(err->text, sizeof(err->text), "%s: %s", where, what) >=
        (int)sizeof(err->text))
        text_cut(err->text, sizeof(err->text));
    errno = saved;
    return -1;
}

int err_memory(struct err *err, const char *what)
{
    return err_set(err, ERR_DEFECT, "%s: out of memory", what);
}

void err_clear(struct err *err)
{
    if (err)
        *err = (struct err){ 0 };
}
