/* io/http/url_join.h -- what a Location or a Link means, seen from the URL that said it. */
#ifndef IO_HTTP_URL_JOIN_H
#define IO_HTTP_URL_JOIN_H

/* An absolute URL from what a server wrote, to be freed; NULL if that is none, or out of
 * memory. Blanks in it become %20. */
char *url_join(const char *base, const char *reference);

#endif
