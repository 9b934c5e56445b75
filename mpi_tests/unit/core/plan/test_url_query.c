/* Queries that are a permission to read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/url_query.h"

static void test_queries(void **state)
{
    static const struct {
        const char *url;
        enum url_query kind;
    } rows[] = {
        { "https://h/a", URL_QUERY_PLAIN },
        { "https://h/a?", URL_QUERY_PLAIN },
        { "https://h/a#?sig=x", URL_QUERY_PLAIN },
        { "https://h/a?v=1#&sig=x", URL_QUERY_PLAIN },
        { "https://h/sig=1?download=1&design=2&sig", URL_QUERY_PLAIN },
        { "https://h/a?sv=2020&sr=c&sig=abc%3D", URL_QUERY_SHARED },
        { "https://h/a?sv=2020&sr=d&sdd=1&sig=abc", URL_QUERY_SHARED },
        { "https://h/a?sv=2020&sr=b&sig=abc", URL_QUERY_SINGLE },
        { "https://h/a?sv=2020&sr=bs&sig=abc", URL_QUERY_SHARED },
        { "https://h/a?Policy=p&Signature=s&Key-Pair-Id=k", URL_QUERY_SHARED },
        { "https://h/a?Expires=1&Signature=s&Key-Pair-Id=k", URL_QUERY_SINGLE },
        { "https://h/a?AWSAccessKeyId=x&Signature=s", URL_QUERY_SINGLE },
        { "https://h/a?x-amz-signature=s&token=t", URL_QUERY_SINGLE },
        { "https://h/a?X-Goog-Algorithm=x&X-Goog-Signature=s", URL_QUERY_SINGLE },
        { "https://h/a?TOKEN=t", URL_QUERY_SHARED },
        { "https://h/a?hdnts=exp=1~hmac=2", URL_QUERY_SHARED },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (url_query_of(rows[i].url) != rows[i].kind)
            fail_msg("'%s' is not %d", rows[i].url, rows[i].kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_queries) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
