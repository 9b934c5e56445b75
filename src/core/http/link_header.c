#include "core/http/link_header.h"

#include <string.h>

#include "base/text.h"

struct param {
    const char *name, *value;
    size_t name_len, value_len; /* value without its quotes */
};

static const char *skip(const char *p, const char *chars)
{
    return p + strspn(p, chars);
}

/* p is behind the ';'. Returns where the parameter ended. */
static const char *take_param(const char *p, struct param *param)
{
    *param = (struct param){ .name = skip(p, " \t"), .value = "" };
    param->name_len = strcspn(param->name, " \t=;,");
    p = skip(param->name + param->name_len, " \t");
    if (*p != '=')
        return p;
    p = skip(p + 1, " \t");
    if (*p != '"') {
        param->value = p;
        param->value_len = strcspn(p, " \t;,");
        return p + param->value_len;
    }
    param->value = ++p;
    while (*p && *p != '"')
        p += *p == '\\' && p[1] ? 2 : 1;
    param->value_len = (size_t)(p - param->value);
    return *p ? p + 1 : p;
}

static bool is_word(const char *lower, const char *word, size_t len)
{
    return strlen(lower) == len && text_alike(lower, word, len);
}

/* A relation is a list of words. */
static bool has_word(const struct param *param, const char *lower)
{
    const char *p = param->value, *end = param->value + param->value_len;

    while (p < end) {
        size_t len = 0;

        while (p + len < end && p[len] != ' ' && p[len] != '\t')
            len++;
        if (is_word(lower, p, len))
            return true;
        p += len + 1;
    }
    return false;
}

bool link_header_next(const char *value, struct strbuf *target)
{
    const char *p = skip(value, " \t,");

    while (*p == '<') {
        const char *begin = p + 1, *end = strchr(begin, '>');
        bool named = false, next = false;

        if (!end)
            return false;
        p = skip(end + 1, " \t");
        while (*p == ';') {
            struct param param;

            p = skip(take_param(p + 1, &param), " \t");
            if (named || !is_word("rel", param.name, param.name_len))
                continue; /* of several rel only the first counts */
            named = true;
            next = has_word(&param, "next");
        }
        /* An empty target would be the same page again, endlessly. */
        if (next && end > begin) {
            strbuf_add(target, begin, (size_t)(end - begin));
            return !target->failed;
        }
        p = skip(p, " \t,");
    }
    return false;
}
