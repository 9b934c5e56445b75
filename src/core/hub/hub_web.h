/* core/hub/hub_web.h -- what a page that the Hub shows in a browser is about. */
#ifndef CORE_HUB_HUB_WEB_H
#define CORE_HUB_HUB_WEB_H

#include <stdbool.h>

#include "base/strbuf.h"

/* Append the hf:// form of the repository, folder or file that a page of the Hub shows:
 * ns/name, with or without datasets/ or spaces/, alone or with /tree/REV, /blob/REV or
 * /commit/REV and a path; also resolve/REV without a file. false, and nothing appended, for
 * all else: other hosts than the endpoint's and the Hub's own, files behind resolve/ and
 * raw/, and pages about something else. The scheme may be missing. */
bool hub_web_name(const char *url, const char *endpoint, struct strbuf *name);

#endif
