/* io/http/url_join.h -- resolves the URL of a Location or Link header. */
#ifndef IO_HTTP_URL_JOIN_H
#define IO_HTTP_URL_JOIN_H

/* An absolute URL from what a server wrote, to be freed; NULL if that is not a URL, or if
 * out of memory. Blanks in it become %20. */
char *url_join(const char *base, const char *reference);

#endif
