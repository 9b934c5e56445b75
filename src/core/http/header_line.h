/* core/http/header_line.h -- may this line go along with a request? */
#ifndef CORE_HTTP_HEADER_LINE_H
#define CORE_HTTP_HEADER_LINE_H

/* NULL if line is "Name: value" as RFC 9110 spells it, on one line, and none of those
 * that decide which bytes come and where they end, which are ours to say. Else the
 * reason, which completes "it ..." and does not repeat the line: it may hold a secret. */
const char *header_line_fault(const char *line);

#endif
