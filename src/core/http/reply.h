/* core/http/reply.h -- whether an HTTP reply holds the bytes that were requested (RFC
 * 9110, section 14). */
#ifndef CORE_HTTP_REPLY_H
#define CORE_HTTP_REPLY_H

#include "core/plan/segment.h"
#include "core/sched/retry.h"

/* Headers of one reply, as text; "" where absent. A validator that does not fit counts as
 * absent: cut off, it might look like another. */
struct reply {
    int32_t status;
    char content_range[96];
    char content_type[96];
    char content_encoding[32];
    char etag[512];
    char last_modified[64];
    char date[64];
    int64_t content_length; /* -1: none */
};

struct reply_want {
    struct range range;
    uint64_t size;    /* of the whole file */
    bool whole;       /* no range was asked for */
    const char *etag; /* planned validator, as reply_validator makes it, or "" */
    bool digest;      /* content is checked by digest: validators need not match, and what
                       * an encoding claims does not matter */
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
 * (ERR_SOURCE) with the reason, without the URL. Another size than planned is NET_CHANGED,
 * or NET_STALE if a digest can judge: one node of a CDN may lag behind the others. For
 * statuses of 300 and above NET_OK with *end = range.begin; the caller judges by the
 * status. */
enum net_fault reply_check(const struct reply *reply, const struct reply_want *want,
                           uint64_t *end, struct err *err);

/* A label of a body that is no encoding: "identity", and what stores and servers
 * repeat from the upload ("aws-chunked", "utf-8", ...). "" is one. */
bool reply_is_plain(const char *content_encoding);

enum { REPLY_VALIDATOR = sizeof(((struct reply *)0)->etag) };

/* The strong validator of a reply (RFC 9110, 8.8.1), by which parts of several replies may
 * be put together: the entity tag without quotes and "-gzip", unless it is weak (W/);
 * else "date:" and Last-Modified, if the reply's own Date is at least a minute later, so
 * that a change since would show. Else "". */
void reply_validator(const struct reply *reply, char out[REPLY_VALIDATOR]);

/* Whether the reply has the planned validator, tag for tag or date for date. A missing
 * one counts as another version, and so does a weak tag: servers without tags tell
 * versions apart by the date alone. Quotes and a "-gzip" suffix do not make a
 * difference; "" fits any reply. planned is as reply_validator makes it. */
bool reply_same_version(const struct reply *reply, const char *planned);

#endif
