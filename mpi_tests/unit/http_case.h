/* http_case.h -- what the tests of io/http/http.c share. */
#ifndef HTTP_CASE_H
#define HTTP_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/http/http.h"

static inline void forget_proxies(void)
{
    static const char *const names[] = { "http_proxy",  "HTTP_PROXY", "https_proxy",
                                         "HTTPS_PROXY", "all_proxy",  "ALL_PROXY",
                                         "no_proxy",    "NO_PROXY" };

    for (size_t i = 0; i < countof(names); i++)
        unsetenv(names[i]);
}

/* patience: seconds without bytes until a transfer is given up. */
static inline struct http *create(unsigned connections, const char *cacert,
                                  double patience)
{
    const struct http_config config = {
        .connections = connections,
        .user_agent = "mpifetch-test/1",
        .cacert = cacert,
        .connect_timeout = 10,
        .low_speed = 1,
        .low_speed_time = patience,
    };
    struct err err = { 0 };
    struct http *http;

    assert_int_equal(http_create(&http, &config, &err), 0);
    return http;
}

static inline int setup(void **state)
{
    forget_proxies();
    *state = create(2, NULL, 30);
    return 0;
}

static inline int teardown(void **state)
{
    http_destroy(*state);
    return 0;
}

/* From start to end. */
static inline void get(struct http *http, const struct http_request *request,
                       struct http_response *response)
{
    struct err err = { 0 };

    assert_int_equal(http_get(http, request, response, NULL, NULL, &err), 0);
    assert_int_equal(http_running(http), 0);
}

static inline struct http_transfer *start(struct http *http,
                                          const struct http_request *request)
{
    struct http_transfer *transfer;
    struct err err = { 0 };

    assert_int_equal(http_start(http, request, &transfer, &err), 0);
    return transfer;
}

static inline void step(struct http *http)
{
    struct err err = { 0 };
    bool moved;

    assert_int_equal(http_wait(http, 0.05, &moved, &err), 0);
}

/* A sink; its owner is a struct strbuf. */
static inline int collect(void *owner, const void *bytes, size_t len)
{
    strbuf_add(owner, bytes, len);
    return 0;
}

#endif
