#include "core/plan/url_query.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* A parameter of that name, with that value if it is not NULL, whatever the case. */
static bool has(const char *query, const char *name, const char *value)
{
    size_t len = strlen(name);

    while (*query && *query != '#') {
        size_t whole = strcspn(query, "&#");

        if (whole > len && query[len] == '=' && text_alike(query, name, len) &&
            (!value || (whole == len + 1 + strlen(value) &&
                        text_alike(query + len + 1, value, strlen(value)))))
            return true;
        query += whole + (query[whole] == '&');
    }
    return false;
}

enum url_query url_query_of(const char *url)
{
    static const char *const single[] = { "X-Amz-Signature", "X-Goog-Signature" };
    static const char *const shared[] = { "sig", "token", "access_token", "hdnts",
                                          "hdnea" };
    size_t path = strcspn(url, "?#");
    const char *query = url + path + (url[path] == '?');

    if (url[path] != '?')
        return URL_QUERY_PLAIN;
    for (size_t i = 0; i < countof(single); i++)
        if (has(query, single[i], NULL))
            return URL_QUERY_SINGLE;
    /* a CDN signs one URL, or a policy that may cover more */
    if (has(query, "Signature", NULL))
        return has(query, "Policy", NULL) ? URL_QUERY_SHARED : URL_QUERY_SINGLE;
    /* Azure signs a blob, a directory or a container */
    if (has(query, "sig", NULL) && has(query, "sr", "b"))
        return URL_QUERY_SINGLE;
    for (size_t i = 0; i < countof(shared); i++)
        if (has(query, shared[i], NULL))
            return URL_QUERY_SHARED;
    return URL_QUERY_PLAIN;
}
