/* core/http/link_header.h -- the Link header (RFC 8288), for listings in
 * several pages. */
#ifndef CORE_HTTP_LINK_HEADER_H
#define CORE_HTTP_LINK_HEADER_H

#include <stdbool.h>

#include "base/strbuf.h"

/* Append the target of the first link with rel="next", as written: it may be relative.
 * false: there is none, or the value cannot be read up to it. */
bool link_header_next(const char *value, struct strbuf *target);

#endif
