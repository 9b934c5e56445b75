#include "core/http/cookies.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"

static void drop(struct cookies *cookies, unsigned i)
{
    free(cookies->cookie[i].origin);
    free(cookies->cookie[i].text);
    cookies->cookie[i] = cookies->cookie[--cookies->count];
}

void cookies_release(struct cookies *cookies)
{
    while (cookies->count > 0)
        drop(cookies, cookies->count - 1);
}

static void forget(struct cookies *cookies, const char *url, const char *text,
                   size_t name)
{
    for (unsigned i = cookies->count; i > 0; i--) {
        const struct cookie *cookie = &cookies->cookie[i - 1];

        if (cookie->name == name && memcmp(cookie->text, text, name) == 0 &&
            url_same_origin(cookie->origin, url))
            drop(cookies, i - 1);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether an attribute says that the cookie is to be removed. */
static bool is_over(const char *at, const char *end)
{
    while (at < end) {
        const char *next = memchr(at, ';', (size_t)(end - at));
        const char *stop = next ? next : end;

        while (at < stop && is_blank(*at))
            at++;
        if (stop - at > 8 && text_alike("max-age=", at, 8) &&
            (at[8] == '0' || at[8] == '-'))
            return true;
        at = next ? next + 1 : end;
    }
    return false;
}

/* Whether it may be sent: no control character, and a name. */
static bool is_fit(const char *text, size_t len, size_t *name)
{
    const char *equals = memchr(text, '=', len);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    *name = equals ? (size_t)(equals - text) : 0;
    return *name > 0 && len <= COOKIES_LONG;
}

static bool take_one(struct cookies *cookies, const char *url, const char *line,
                     const char *end)
{
    const char *stop = memchr(line, ';', (size_t)(end - line));
    struct cookie *cookie;
    size_t len, name;

    stop = stop ? stop : end;
    while (line < stop && is_blank(*line))
        line++;
    len = (size_t)(stop - line);
    while (len > 0 && is_blank(line[len - 1]))
        len--;
    if (!is_fit(line, len, &name))
        return true;
    forget(cookies, url, line, name);
    cookie = &cookies->cookie[cookies->count];
    if (is_over(stop, end) || cookies->count == COOKIES_MOST)
        return true;
    *cookie = (struct cookie){ strdup(url), strndup(line, len), name };
    cookies->count++;
    if (cookie->origin && cookie->text)
        return true;
    drop(cookies, cookies->count - 1);
    return false;
}

bool cookies_take(struct cookies *cookies, const char *url, const char *values)
{
    for (const char *line = values; *line;) {
        const char *end = line + strcspn(line, "\n");

        if (!take_one(cookies, url, line, end))
            return false;
        line = *end ? end + 1 : end;
    }
    return true;
}

void cookies_add(const struct cookies *cookies, const char *url, struct strbuf *out)
{
    for (unsigned i = 0; i < cookies->count; i++) {
        const struct cookie *cookie = &cookies->cookie[i];

        if (!url_same_origin(cookie->origin, url))
            continue;
        if (out->len > 0)
            strbuf_adds(out, "; ");
        strbuf_adds(out, cookie->text);
    }
}
