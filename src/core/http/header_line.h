/* core/http/header_line.h -- whether a header given by the user may be sent. */
#ifndef CORE_HTTP_HEADER_LINE_H
#define CORE_HTTP_HEADER_LINE_H

/* NULL if line is a single "Name: value" as in RFC 9110, and not one of the headers that
 * decide which bytes are sent and where they end: those are set by mpifetch itself. Else
 * the reason. It completes "it ..." and does not repeat the line, which may be secret. */
const char *header_line_fault(const char *line);

#endif
