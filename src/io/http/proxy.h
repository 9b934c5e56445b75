/* io/http/proxy.h -- whether libcurl can use a proxy. Checked before the first request,
 * since libcurl's own message about an unusable proxy repeats the password. */
#ifndef IO_HTTP_PROXY_H
#define IO_HTTP_PROXY_H

#include "base/err.h"

/* name is the option or variable that text comes from. "" means no proxy. Otherwise
 * ERR_USAGE, without user and password. */
int proxy_check(const char *name, const char *text, struct err *err);

#endif
