#include "io/http/url_join.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

/* libcurl before 7.78 accepts blanks, later versions refuse them unless told not to. */
static char *without_blanks(const char *reference)
{
    struct strbuf text = { 0 };

    for (; *reference; reference++)
        if (*reference == ' ')
            strbuf_adds(&text, "%20");
        else
            strbuf_add(&text, reference, 1);
    return strbuf_steal(&text);
}

char *url_join(const char *base, const char *reference)
{
    CURLU *url = curl_url();
    char *good = without_blanks(reference);
    char *text = NULL, *copy = NULL;

    if (url && good && !curl_url_set(url, CURLUPART_URL, base, 0) &&
        !curl_url_set(url, CURLUPART_URL, good, CURLU_URLENCODE) &&
        !curl_url_get(url, CURLUPART_URL, &text, 0))
        copy = strdup(text);
    free(good);
    curl_free(text);
    curl_url_cleanup(url);
    return copy;
}
