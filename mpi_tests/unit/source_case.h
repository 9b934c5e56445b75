/* source_case.h -- one listing of a scripted server, from configuration to plan.
 *
 * Life cycle   case_start, change what is to differ in config, case_run, look at the
 * rest, case_end. */
#ifndef SOURCE_CASE_H
#define SOURCE_CASE_H

#include "script_server.h"
#include "source/source.h"

/* A script_row of a server that cuts ranges, asked for the first byte. */
#define PART(target, total, etag)                                                        \
    {                                                                                    \
        target, "206 Partial Content",                                                   \
            "Content-Range: bytes 0-0/" total "\r\nETag: \"" etag "\"\r\n", "x", 0,      \
            false                                                                        \
    }

struct source_case {
    struct script_server server;
    struct source_config config;
    struct http *http;
    struct plan plan;
    struct source_count count;
    struct strbuf notices;
    struct err err;
    int polls_left; /* -1: the run is never interrupted */
    int rc;
};

static int case_poll(void *arg)
{
    struct source_case *c = arg;

    if (c->polls_left > 0)
        c->polls_left--;
    return c->polls_left == 0 ? -1 : 0;
}

static void case_notice(void *arg, const char *text)
{
    struct source_case *c = arg;

    strbuf_addf(&c->notices, "%s\n", text);
}

static void case_start(struct source_case *c, const struct script_row *rows, size_t count)
{
    *c = (struct source_case){
        .server = { .rows = rows, .count = count },
        .config = { .retry = { .first_delay = 0.001,
                               .longest_delay = 0.01,
                               .attempts = 3 },
                    .probe_above = 1000,
                    .poll = case_poll,
                    .poll_arg = c,
                    .notice = case_notice,
                    .notice_arg = c },
        .polls_left = -1,
    };
    assert_int_equal(script_start(&c->server), 0);
    c->config.endpoint = c->server.url;
}

static void case_run(struct source_case *c)
{
    static const struct http_config config = {
        .connections = 8, .user_agent = "test", .proxy = "", .connect_timeout = 10
    };

    assert_int_equal(http_create(&c->http, &config, &c->err), 0);
    c->rc = source_list(&c->config, c->http, &c->plan, &c->count, &c->err);
    assert_int_equal(http_running(c->http), 0);
    script_stop(&c->server);
    if (c->rc == 0 && plan_seal(&c->plan, &c->err) < 0)
        fail_msg("%s", c->err.text);
}

static void case_end(struct source_case *c)
{
    http_destroy(c->http);
    plan_release(&c->plan);
    strbuf_release(&c->notices);
    strbuf_release(&c->server.log);
}

static void assert_listed(const struct source_case *c)
{
    if (c->rc < 0)
        fail_msg("%s", c->err.text);
}

static void assert_failed(const struct source_case *c, enum err_code code,
                          const char *says)
{
    assert_int_equal(c->rc, -1);
    if (!strstr(c->err.text, says))
        fail_msg("'%s' does not say '%s'", c->err.text, says);
    assert_int_equal(c->err.code, code);
}

static size_t case_asked(const struct source_case *c, const char *text)
{
    size_t found = 0;

    for (const char *p = c->server.log.data; p && (p = strstr(p, text)); p++)
        found++;
    return found;
}

static void assert_text(const struct source_case *c, uint32_t offset, const char *wanted)
{
    assert_string_equal(plan_text(&c->plan, offset), wanted);
}

#endif
