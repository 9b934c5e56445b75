/* http_play.h -- one request to a server that plays back one reply. */
#ifndef HTTP_PLAY_H
#define HTTP_PLAY_H

#include "http_case.h"
#include "raw_server.h"

/* One request to a server with one play. body: what the sink saw. */
static inline void play(struct http *http, const struct raw_play *bytes,
                        struct http_request request, struct http_response *response,
                        struct strbuf *body)
{
    struct raw_server server = { .plays = bytes, .count = 1 };
    char url[128];

    assert_true(raw_start(&server));
    snprintf(url, sizeof(url), "%s/dir/file?secret=abc", server.url);
    request.url = url;
    if (body) {
        request.sink = collect;
        request.owner = body;
    }
    get(http, &request, response);
    raw_stop(&server);
    assert_null(strstr(response->err.text, "secret"));
}

#endif
