/* Which failures mean that a source is out of reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "source/ask.h"

static bool gives_up_as_unreachable(int status, int fault)
{
    const struct source_config config = { .retry = { 0.1, 1, 2 } };
    struct source_count count = { 0 };
    struct ask ask = { .config = &config, .count = &count, .hub = true };
    struct http_response response = {
        .outcome = { .status = status, .fault = fault, .retry_after = -1, .reset = -1 }
    };
    struct ask_verdict verdict;
    struct err err = { 0 };

    for (unsigned attempt = 1; attempt <= 3; attempt++) {
        assert_false(count.unreachable);
        if (ask_judge(&ask, "x", &response, false, attempt, &verdict, &err) < 0)
            return count.unreachable;
    }
    fail_msg("status %d, fault %d: no end of it", status, fault);
    return false;
}

/* Nobody answers, or one who says that he cannot; not one who refuses, or who is perhaps
 * somebody else. */
static void out_of_reach(void **state)
{
    static const struct {
        int status, fault;
        bool unreachable;
    } rows[] = {
        { 0, NET_RESOLVE, true },   { 0, NET_CONNECT, true },
        { 0, NET_TIMEOUT, true },   { 0, NET_CUT, true },
        { 200, NET_TIMEOUT, true }, { 200, NET_CUT, true },
        { 500, NET_OK, true },      { 502, NET_OK, true },
        { 503, NET_CUT, true },     { 599, NET_OK, true },
        { 0, NET_TLS, false },      { 0, NET_CERT, false },
        { 0, NET_PROTOCOL, false }, { 302, NET_REDIRECT, false },
        { 302, NET_OK, false },     { 200, NET_ENCODED, false },
        { 401, NET_OK, false },     { 403, NET_OK, false },
        { 404, NET_OK, false },     { 404, NET_CUT, false },
        { 408, NET_OK, false },     { 425, NET_OK, false },
        { 429, NET_OK, false },     { 429, NET_TIMEOUT, false },
        { 200, NET_LOCAL, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (gives_up_as_unreachable(rows[i].status, rows[i].fault) != rows[i].unreachable)
            fail_msg("status %d, fault %d", rows[i].status, rows[i].fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(out_of_reach) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
