#include "io/http/proxy.h"

#include <curl/curl.h>
#include <stdbool.h>

#include "base/text.h"
#include "base/url.h"

static bool is_known(const char *scheme)
{
    static const char *const known[] = { "http",    "https",  "socks",  "socks4",
                                         "socks4a", "socks5", "socks5h" };

    for (size_t i = 0; i < countof(known); i++)
        if (text_alike(scheme, known[i], SIZE_MAX))
            return true;
    return false;
}

/* As libcurl reads it: without a scheme it is http. */
static bool is_proxy(const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    bool good;

    if (!url)
        return true; /* out of memory: the next request will report it */
    good = !curl_url_set(url, CURLUPART_URL, text,
                         CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) &&
           !curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) && is_known(scheme);
    curl_free(scheme);
    curl_url_cleanup(url);
    return good;
}

int proxy_check(const char *name, const char *text, struct err *err)
{
    char shown[128];

    if (!*text || is_proxy(text))
        return 0;
    return err_set(err, ERR_USAGE,
                   "%s '%s' is not a valid proxy: expected http://HOST:PORT, or https, "
                   "socks4, socks4a, socks5 or socks5h instead of http",
                   name, url_redact(shown, sizeof(shown), text));
}
