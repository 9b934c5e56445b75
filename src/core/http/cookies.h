/* core/http/cookies.h -- cookies that the replies of one chain of redirects set, for the
 * requests that follow in it. Some gateways send a client back to where it was, and look
 * whether it has the cookie.
 *
 * A cookie goes to the origin (scheme, host, port) that set it and nowhere else, whatever
 * its Domain says; Path, Secure and Expires are not looked at.
 *
 * Life cycle   zeroed struct; cookies_take, cookies_add; cookies_release. */
#ifndef CORE_HTTP_COOKIES_H
#define CORE_HTTP_COOKIES_H

#include <stdbool.h>

#include "base/strbuf.h"

enum {
    COOKIES_MOST = 32,  /* of one chain; more are dropped */
    COOKIES_LONG = 4096 /* bytes of name and value; a longer one is dropped */
};

struct cookie {
    char *origin; /* a URL there */
    char *text;   /* "name=value" */
    size_t name;  /* its length */
};

struct cookies {
    struct cookie cookie[COOKIES_MOST];
    unsigned count;
};

/* The values of all Set-Cookie headers of a reply from url, each on a line. One of the same
 * name replaces the earlier one; Max-Age=0 removes it. false: out of memory. */
bool cookies_take(struct cookies *cookies, const char *url, const char *values);

/* Append "a=1; b=2" for a request to url; nothing if there are none for it. */
void cookies_add(const struct cookies *cookies, const char *url, struct strbuf *out);

void cookies_release(struct cookies *cookies);

#endif
