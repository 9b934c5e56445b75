#include "core/http/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"

static const char date_prefix[] = "date:";

/* Seconds between Last-Modified and Date from which on the former is strong. */
enum { SETTLED = 60 };

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

bool reply_content_range(const char *text, struct content_range *range)
{
    const char *at = text;
    struct content_range got = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
    uint64_t last;
    bool unknown;

    if (!text_alike(at, "bytes ", 6))
        return false;
    at += 6;
    unknown = take_char(&at, '*');
    if (!unknown) {
        if (!text_take_u64(&at, &got.begin) || !take_char(&at, '-') ||
            !text_take_u64(&at, &last))
            return false;
        /* beyond 2^63 there is no file, and sums could overflow */
        if (last < got.begin || last >= INT64_MAX)
            return false;
        got.end = last + 1;
    }
    if (!take_char(&at, '/'))
        return false;
    if (unknown || *at != '*') {
        if (!text_take_u64(&at, &got.total) || got.total > INT64_MAX)
            return false;
        if (!unknown && got.end > got.total)
            return false;
    } else {
        at++;
    }
    if (*at != '\0')
        return false;
    *range = got;
    return true;
}

/* A 206 is accepted if it begins where it was requested, stays within the requested
 * range, and names the planned file size. */
static enum net_fault check_partial(const struct reply *reply,
                                    const struct reply_want *want, uint64_t *end,
                                    struct err *err)
{
    struct content_range got;

    if (text_alike(reply->content_type, "multipart/", 10)) {
        err_set(err, ERR_SOURCE,
                "the server sent a multipart reply to a request for one range");
        return NET_RANGE;
    }
    if (!reply_content_range(reply->content_range, &got) || got.begin == UINT64_MAX ||
        got.total == UINT64_MAX) {
        err_set(err, ERR_SOURCE, "HTTP 206 with an unusable Content-Range: '%s'",
                reply->content_range);
        return NET_RANGE;
    }
    if (got.total != want->size) {
        err_set(err, ERR_SOURCE,
                "the file has %" PRIu64 " bytes, but had %" PRIu64 " when it was listed",
                got.total, want->size);
        return want->digest ? NET_STALE : NET_CHANGED;
    }
    if (got.begin != want->range.begin || got.end > want->range.end) {
        err_set(err, ERR_SOURCE,
                "the server sent bytes %" PRIu64 " to %" PRIu64 " instead of %" PRIu64
                " to %" PRIu64,
                got.begin, got.end, want->range.begin, want->range.end);
        return NET_RANGE;
    }
    if (reply->content_length >= 0 &&
        (uint64_t)reply->content_length != got.end - got.begin) {
        err_set(err, ERR_SOURCE,
                "the server announced %" PRId64 " bytes for a range of %" PRIu64,
                reply->content_length, got.end - got.begin);
        return NET_RANGE;
    }
    *end = got.end;
    return NET_OK;
}

/* A 200 has the whole file, whatever was requested. */
static enum net_fault check_whole(const struct reply *reply,
                                  const struct reply_want *want, uint64_t *end,
                                  struct err *err)
{
    if (!want->whole && (want->range.begin != 0 || want->range.end != want->size)) {
        err_set(err, ERR_SOURCE, "the server ignores ranges: HTTP 200 instead of 206");
        return NET_RANGE;
    }
    if (reply->content_length >= 0 && (uint64_t)reply->content_length != want->size) {
        err_set(err, ERR_SOURCE,
                "the server announced %" PRId64 " bytes for a file of %" PRIu64,
                reply->content_length, want->size);
        return want->digest ? NET_STALE : NET_RANGE;
    }
    *end = want->size;
    return NET_OK;
}

/* If the content is checked by digest, validators are ignored: nodes of one CDN send
 * different ones for the same bytes. */
static enum net_fault check_version(const struct reply *reply,
                                    const struct reply_want *want, struct err *err)
{
    bool dated;

    if (want->digest || !want->etag || reply_same_version(reply, want->etag))
        return NET_OK;
    dated = text_starts(want->etag, date_prefix);
    err_set(err, ERR_SOURCE, "the file changed since it was listed: %s '%s' is now '%s'",
            dated ? "Last-Modified" : "ETag",
            want->etag + (dated ? sizeof(date_prefix) - 1 : 0),
            dated ? reply->last_modified : reply->etag);
    return NET_CHANGED;
}

bool reply_is_plain(const char *content_encoding)
{
    static const char *const labels[] = { "identity", "none",  "utf-8", "utf8",
                                          "binary",   "8bit",  "7bit",  "us-ascii",
                                          "ascii",    "plain", "",      "aws-chunked" };
    const char *at = content_encoding;

    for (;;) {
        size_t len, known = 0;

        at += strspn(at, " \t");
        len = strcspn(at, " \t,");
        while (known < countof(labels) &&
               (strlen(labels[known]) != len || !text_alike(labels[known], at, len)))
            known++;
        if (known == countof(labels))
            return false;
        at += len + strspn(at + len, " \t");
        if (*at == '\0')
            return true;
        if (*at++ != ',')
            return false;
    }
}

/* Stores label what was uploaded as it is, and with a digest that shows. */
static enum net_fault check_encoding(const struct reply *reply,
                                     const struct reply_want *want, enum net_fault fault,
                                     struct err *err)
{
    bool fits = want->digest && fault == NET_OK;

    if (fits || reply_is_plain(reply->content_encoding))
        return fault;
    err_set(err, ERR_SOURCE,
            "the server sent Content-Encoding '%s', which was not accepted",
            reply->content_encoding);
    return NET_ENCODED;
}

enum net_fault reply_check(const struct reply *reply, const struct reply_want *want,
                           uint64_t *end, struct err *err)
{
    uint64_t good = want->range.begin;
    enum net_fault fault;

    *end = want->range.begin;
    if (reply->status >= 300)
        return NET_OK;
    if (reply->status != 200 && reply->status != 206) {
        err_set(err, ERR_SOURCE, "unexpected HTTP %d in reply to a request for a file",
                (int)reply->status);
        return NET_RANGE;
    }
    if (reply->status == 206)
        fault = check_partial(reply, want, &good, err);
    else
        fault = check_whole(reply, want, &good, err);
    fault = check_encoding(reply, want, fault, err);
    if (fault == NET_OK)
        fault = check_version(reply, want, err);
    if (fault == NET_OK)
        *end = good;
    return fault;
}

/* The bytes of a strong entity tag that tell versions apart: without quotes and the
 * suffix that servers add for compression, which was not accepted anyway. */
static const char *strong_tag(const char *tag, size_t *len)
{
    static const char suffix[] = "-gzip";
    const size_t extra = sizeof(suffix) - 1;

    *len = 0;
    if (text_alike(tag, "w/", 2))
        return tag;
    if (*tag == '"')
        tag++;
    *len = strlen(tag);
    if (*len > 0 && tag[*len - 1] == '"')
        (*len)--;
    if (*len > extra && strncmp(tag + *len - extra, suffix, extra) == 0)
        *len -= extra;
    return tag;
}

/* RFC 9110, 8.8.2.2. Where the clock of the reply is not known, it is not. */
static bool is_settled(const struct reply *reply)
{
    int64_t modified, date;

    return date_from_http(reply->last_modified, &modified) &&
           date_from_http(reply->date, &date) && date - modified >= SETTLED;
}

void reply_validator(const struct reply *reply, char out[REPLY_VALIDATOR])
{
    size_t len;
    const char *tag = strong_tag(reply->etag, &len);

    if (len > 0)
        snprintf(out, REPLY_VALIDATOR, "%.*s", (int)len, tag);
    else if (is_settled(reply))
        snprintf(out, REPLY_VALIDATOR, "%s%s", date_prefix, reply->last_modified);
    else
        snprintf(out, REPLY_VALIDATOR, "%s", "");
}

bool reply_same_version(const struct reply *reply, const char *planned)
{
    size_t len;
    const char *tag = strong_tag(reply->etag, &len);

    if (strlen(planned) == len && memcmp(planned, tag, len) == 0)
        return true;
    if (text_starts(planned, date_prefix))
        return strcmp(planned + sizeof(date_prefix) - 1, reply->last_modified) == 0;
    return *planned == '\0';
}
