/* Headers of replies: whatever a server writes, no reading beyond the text, and what is
 * taken keeps its promises. */
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "core/http/reply.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_values(const char *text)
{
    struct content_range range;
    double seconds = retry_after(text, text, 1700000000);
    int64_t date;

    require(seconds == -1 || (seconds >= 0 && seconds <= RETRY_ASKED_MOST));
    seconds = retry_ratelimit(text);
    require(seconds == -1 || (seconds >= 0 && seconds <= RETRY_ASKED_MOST));
    if (date_from_http(text, &date)) /* years 1 to 9999 */
        require(date >= -62135596800 && date <= 253402300800);
    if (reply_content_range(text, &range)) {
        require(range.begin == UINT64_MAX ? range.end == UINT64_MAX
                                          : range.begin < range.end);
        require(range.total == UINT64_MAX || range.end == UINT64_MAX ||
                range.end <= range.total);
    }
}

static void check_reply(const char *text)
{
    struct reply reply = { .status = 206, .content_length = -1 };
    const struct reply_want want = { .range = { 1, 9 }, .size = 100, .etag = text };
    char validator[REPLY_VALIDATOR];
    struct err err = { 0 };
    uint64_t end;

    strncpy(reply.content_range, text, sizeof(reply.content_range) - 1);
    strncpy(reply.etag, text, sizeof(reply.etag) - 1);
    strncpy(reply.last_modified, text, sizeof(reply.last_modified) - 1);
    reply_is_plain(text);
    if (reply_check(&reply, &want, &end, &err) == NET_OK)
        require(end > 1 && end <= 9);
    else
        require(end == 1 && err.code == ERR_SOURCE);
    reply_validator(&reply, validator);
    require(reply_same_version(&reply, validator));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);

    if (!text)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    read_values(text);
    check_reply(text);
    free(text);
    return 0;
}
