/* core/http/reply.h -- whether an HTTP reply holds the bytes that were requested (RFC
 * 9110, section 14). */
#ifndef CORE_HTTP_REPLY_H
#define CORE_HTTP_REPLY_H

#include "core/plan/segment.h"
#include "core/sched/retry.h"

/* Headers of one reply, as text; "" where absent. */
struct reply {
    int32_t status;
    char content_range[96];
    char content_type[96];
    char content_encoding[32];
    char etag[160];
    char last_modified[64];
    int64_t content_length; /* -1: none */
};

struct reply_want {
    struct range range;
    uint64_t size;    /* of the whole file */
    bool whole;       /* no range was asked for */
    const char *etag; /* planned validator, as reply_validator makes it, or "" */
    bool digest;      /* content is checked by digest: validators need not match */
};

/* Absent parts are UINT64_MAX. end is exclusive. */
struct content_range {
    uint64_t begin, end, total;
};

/* "bytes 0-9/100", or with a star in place of "0-9" or of "100". false if not of this
 * form, if it runs backwards or beyond its total, or if a number is beyond 2^63-1. */
bool reply_content_range(const char *text, struct content_range *range);

/* How the body may be used. NET_OK: it is bytes [range.begin, *end) of the file; *end may
 * be less than requested (legal; ask again for the rest) but never more. A 206 must
 * report the size of the file, which is checked as well. A 200 is accepted only if the
 * whole file was wanted. Otherwise the fault with *end = range.begin, and *err
 * (ERR_SOURCE) with the reason, without the URL. For statuses of 300 and above NET_OK
 * with *end = range.begin; the caller judges by the status. */
enum net_fault reply_check(const struct reply *reply, const struct reply_want *want,
                           uint64_t *end, struct err *err);

/* The strongest validator of a reply: entity tag without W/, quotes and "-gzip", else
 * "date:" and Last-Modified, else "". */
void reply_validator(const struct reply *reply, char *out, size_t size);

/* Whether the reply has the planned validator, tag for tag or date for date. A missing
 * one counts as another version: servers without tags tell versions apart by the date
 * alone. W/, quotes and a "-gzip" suffix do not make a difference; "" fits any reply.
 * planned is as reply_validator makes it. */
bool reply_same_version(const struct reply *reply, const char *planned);

#endif
