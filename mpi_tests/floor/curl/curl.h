/* curl/curl.h -- the headers of libcurl, of whatever version, as they would be if they
 * were those of the oldest that mpifetch takes: our code then goes the ways that are
 * written for it. */
#ifndef FLOOR_CURL_H
#define FLOOR_CURL_H

#pragma GCC system_header

/* What is old may have been replaced since, and still works. */
#define CURL_DISABLE_DEPRECATION
#include_next <curl/curl.h>
#undef LIBCURL_VERSION_NUM
#define LIBCURL_VERSION_NUM FLOOR_LIBCURL

#endif
