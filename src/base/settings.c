#include "base/settings.h"

#include <stdbool.h>
#include <string.h>

void settings_open(struct settings *file, const char *text, size_t len)
{
    *file = (struct settings){ .at = text, .end = text + len };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Without blanks at both ends. */
static void trim(const char **from, const char **to)
{
    while (*from < *to && is_blank(**from))
        ++*from;
    while (*to > *from && is_blank((*to)[-1]))
        --*to;
}

/* Where the comment begins, or the end. */
static const char *find_comment(const char *from, const char *to)
{
    for (const char *p = from; p < to; p++)
        if (*p == '#' && (p == from || is_blank(p[-1])))
            return p;
    return to;
}

static bool is_text(const char *from, const char *to)
{
    for (; from < to; from++)
        if (((unsigned char)*from < ' ' && *from != '\t') || *from == 0x7f)
            return false;
    return true;
}

/* false: there is none in it. */
static bool split(struct settings *file, const char *from, const char *to)
{
    const char *equals, *name_end, *value = to;

    trim(&from, &to);
    if (from == to)
        return false;
    equals = memchr(from, '=', (size_t)(to - from));
    name_end = equals ? equals : to;
    value = equals ? equals + 1 : to;
    file->has_value = equals != NULL;
    trim(&value, &to);
    file->value = value;
    file->value_len = (size_t)(to - value);
    trim(&from, &name_end);
    file->name = from;
    file->name_len = (size_t)(name_end - from);
    return true;
}

int settings_next(struct settings *file)
{
    while (file->at < file->end) {
        const char *from = file->at;
        const char *newline = memchr(from, '\n', (size_t)(file->end - from));
        const char *to = newline ? newline : file->end;
        const char *stop = find_comment(from, to);

        file->at = newline ? newline + 1 : file->end;
        file->line++;
        trim(&from, &stop);
        if (!is_text(from, stop))
            return -1;
        if (split(file, from, stop))
            return 1;
    }
    return 0;
}
