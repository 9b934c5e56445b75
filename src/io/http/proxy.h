/* io/http/proxy.h -- can libcurl use this proxy? Asked before the first request, for what
 * libcurl says about a proxy it cannot use repeats the password. */
#ifndef IO_HTTP_PROXY_H
#define IO_HTTP_PROXY_H

#include "base/err.h"

/* name is the option or variable that text comes from. "" is no proxy, and fine. Else
 * ERR_USAGE, without user and password. */
int proxy_check(const char *name, const char *text, struct err *err);

#endif
