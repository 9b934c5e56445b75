#include "base/url.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

#define SCHEME LETTERS DIGITS "+.-"

/* RFC 3986 2.3; the same alphabet as Python's urllib.parse.quote. */
static const char unreserved[] = LETTERS DIGITS "_.-~";

void url_quote(struct strbuf *buf, const char *text, const char *keep)
{
    static const char digits[] = "0123456789ABCDEF";

    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        char escape[3] = { '%', digits[c >> 4], digits[c & 15] };

        if (strchr(unreserved, *p) || strchr(keep, *p))
            strbuf_add(buf, p, 1);
        else
            strbuf_add(buf, escape, sizeof(escape));
    }
}

void url_unquote(struct strbuf *buf, const char *text)
{
    while (*text) {
        char escape[3] = { 0 };
        uint8_t byte;

        if (*text == '%' && text[1] != '\0')
            memcpy(escape, text + 1, text[2] == '\0' ? 1 : 2);
        if (text_unhex(&byte, 1, escape) && byte != 0) {
            strbuf_add(buf, &byte, 1);
            text += 3;
        } else {
            strbuf_add(buf, text, 1);
            text++;
        }
    }
}

/* Pieces of "scheme://user@host:port/path?query#fragment", as pointers into the URL. */
struct url {
    const char *scheme_end; /* at "://" */
    const char *host, *host_end;
    const char *port; /* behind the ':'; NULL: none */
    const char *end;  /* of the authority */
};

/* A name or an IPv6 address in brackets, not empty. */
static bool is_host(const char *host, const char *end)
{
    size_t len = (size_t)(end - host);

    if (len > 2 && host[0] == '[' && end[-1] == ']')
        return strspn(host + 1, "0123456789abcdefABCDEF:.") == len - 2;
    return len > 0 && strspn(host, LETTERS DIGITS "._-") >= len;
}

/* false: not of this form, or of a form that others may read in another way. */
static bool url_split(const char *text, struct url *url)
{
    const char *at;

    url->scheme_end = text + strspn(text, SCHEME);
    if (url->scheme_end == text || !text_starts(url->scheme_end, "://"))
        return false;
    url->host = url->scheme_end + 3;
    url->end = url->host + strcspn(url->host, "/?#");
    at = url->host + strspn(url->host, LETTERS DIGITS "_.-~%!$&'()*+,;=:");
    if (at < url->end && *at == '@')
        url->host = at + 1;
    url->host_end = url->host;
    if (*url->host == '[')
        url->host_end += strcspn(url->host, "]/?#");
    url->host_end += strcspn(url->host_end, ":/?#");
    url->port = url->host_end < url->end ? url->host_end + 1 : NULL;
    if (url->port && (url->port == url->end ||
                      strspn(url->port, DIGITS) < (size_t)(url->end - url->port)))
        return false;
    return is_host(url->host, url->host_end);
}

/* Where a text without scheme begins once user and password are gone: behind the last '@'
 * before `end`, if a password or a host could stand in front of it. */
static const char *behind_user(const char *text, const char *end)
{
    const char *first = text_starts(text, "//") ? text + 2 : text;
    const char *slash = first + strcspn(first, "/");
    const char *colon = strchr(text, ':');

    for (const char *p = end; p > text; p--)
        if (p[-1] == '@' && (p <= slash || (colon && colon < p)))
            return p;
    return text;
}

const char *url_redact(char *out, size_t size, const char *url)
{
    const char *end = url + strcspn(url, "?#");
    const char *body = strstr(url, "://");
    struct url pieces = { 0 };
    int len;

    if (!body || body > end) {
        body = behind_user(url, end);
        len = snprintf(out, size, "%.*s", (int)(end - body), body);
    } else if (url_split(url, &pieces) || text_alike(url, "file:///", 8)) {
        const char *host = body[3] == '/' ? body + 3 : pieces.host;

        len = snprintf(out, size, "%.*s%.*s", (int)(body + 3 - url), url,
                       (int)(end - host), host);
    } else {
        len = snprintf(out, size, "%.*s://...", (int)strspn(url, SCHEME), url);
    }
    if (len < 0 || (size_t)len >= size)
        utf8_cut(out, size);
    utf8_mask(out);
    return out;
}

/* 80, 443, or 0 for a scheme that takes no secrets. */
static uint64_t default_port(const char *text, const struct url *url)
{
    static const struct {
        const char *scheme;
        size_t len;
        uint64_t port;
    } rows[] = { { "http", 4, 80 }, { "https", 5, 443 } };

    for (size_t i = 0; i < countof(rows); i++)
        if ((size_t)(url->scheme_end - text) == rows[i].len &&
            text_alike(rows[i].scheme, text, rows[i].len))
            return rows[i].port;
    return 0;
}

/* 0: none, or no such port. */
static unsigned port_of(const char *text, const struct url *url)
{
    uint64_t port = default_port(text, url);
    const char *digits = url->port;

    if (port == 0 || (digits && !text_take_u64(&digits, &port)))
        return 0;
    return port <= 65535 ? (unsigned)port : 0;
}

unsigned url_port(const char *url)
{
    struct url split;

    return url_split(url, &split) ? port_of(url, &split) : 0;
}

bool url_same_origin(const char *url, const char *other)
{
    struct url split[2];
    size_t len;

    if (!url_split(url, &split[0]) || !url_split(other, &split[1]))
        return false;
    len = (size_t)(split[0].host_end - split[0].host);
    return default_port(url, &split[0]) == default_port(other, &split[1]) &&
           port_of(url, &split[0]) != 0 &&
           port_of(url, &split[0]) == port_of(other, &split[1]) &&
           (size_t)(split[1].host_end - split[1].host) == len &&
           text_alike(split[0].host, split[1].host, len);
}
