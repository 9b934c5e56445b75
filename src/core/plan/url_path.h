/* core/plan/url_path.h -- the path inside a URL, decoded. */
#ifndef CORE_PLAN_URL_PATH_H
#define CORE_PLAN_URL_PATH_H

#include <stdbool.h>

#include "base/strbuf.h"

/* http:// or https:// in any case with a host behind it; no blanks, no control
 * characters. */
bool url_path_is_web(const char *url);

/* The absolute path of file:///... or file://localhost/... (in any case), appended to
 * path. '?' and '#' are parts of the path: a file has no query. false: another URL,
 * or another host. */
bool url_path_file(const char *url, struct strbuf *path);

/* The last component of the path of a URL, decoded and without query: the name that a
 * browser would save it under. false: there is none, or it holds a '/'. */
bool url_path_name(const char *url, struct strbuf *name);

/* The length of the URL up to and including the last '/' of its path: the base of
 * relative names. 0: it has no path. */
size_t url_path_folder(const char *url);

#endif
