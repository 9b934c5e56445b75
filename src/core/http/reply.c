#include "core/http/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char date_prefix[] = "date:";

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
        return NET_CHANGED;
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
        return NET_RANGE;
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
    if (reply->content_encoding[0] != '\0' &&
        !text_alike(reply->content_encoding, "identity", SIZE_MAX)) {
        err_set(err, ERR_SOURCE,
                "the server sent Content-Encoding '%s', which was not accepted",
                reply->content_encoding);
        return NET_ENCODED;
    }
    if (reply->status == 206)
        fault = check_partial(reply, want, &good, err);
    else
        fault = check_whole(reply, want, &good, err);
    if (fault == NET_OK)
        fault = check_version(reply, want, err);
    if (fault == NET_OK)
        *end = good;
    return fault;
}

/* The bytes of an entity tag that tell versions apart: without W/, quotes and the suffix
 * that servers add for compression, which was not accepted anyway. */
static const char *bare_tag(const char *tag, size_t *len)
{
    static const char suffix[] = "-gzip";
    const size_t extra = sizeof(suffix) - 1;

    if (text_starts(tag, "W/"))
        tag += 2;
    if (*tag == '"')
        tag++;
    *len = strlen(tag);
    if (*len > 0 && tag[*len - 1] == '"')
        (*len)--;
    if (*len > extra && strncmp(tag + *len - extra, suffix, extra) == 0)
        *len -= extra;
    return tag;
}

void reply_validator(const struct reply *reply, char *out, size_t size)
{
    size_t len;
    const char *tag = bare_tag(reply->etag, &len);

    if (len > 0)
        snprintf(out, size, "%.*s", (int)len, tag);
    else if (reply->last_modified[0] != '\0')
        snprintf(out, size, "%s%s", date_prefix, reply->last_modified);
    else
        snprintf(out, size, "%s", "");
}

bool reply_same_version(const struct reply *reply, const char *planned)
{
    size_t len;
    const char *tag = bare_tag(reply->etag, &len);

    if (strlen(planned) == len && memcmp(planned, tag, len) == 0)
        return true;
    if (text_starts(planned, date_prefix))
        return strcmp(planned + sizeof(date_prefix) - 1, reply->last_modified) == 0;
    return *planned == '\0';
}
