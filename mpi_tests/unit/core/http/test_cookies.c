#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/http/cookies.h"

static const char here[] = "http://a.example:8080/x/y";

static void assert_sent(const struct cookies *cookies, const char *url, const char *want)
{
    struct strbuf out = { 0 };

    cookies_add(cookies, url, &out);
    assert_string_equal(out.data ? out.data : "", want);
    strbuf_release(&out);
}

static void takes_names_and_values(void **state)
{
    static const struct {
        const char *values, *sent;
    } rows[] = {
        { "a=1", "a=1" },
        { " a=1 ; Path=/; HttpOnly", "a=1" },
        { "a=1; Path=/\nb=2; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "a=1; b=2" },
        { "a=1\na=2", "a=2" },
        { "a=1\nab=2", "a=1; ab=2" },
        { "a=1\na=; Max-Age=0", "" },
        { "a=1\na=x; path=/; max-age=-1", "" },
        { "a=1; Max-Age=60", "a=1" },
        { "a=", "a=" },
        { "a=b=c", "a=b=c" },
        { "a=\"q\"", "a=\"q\"" },
        /* what has no name or would split the request */
        { "a", "" },
        { "=1", "" },
        { "", "" },
        { "; Path=/", "" },
        { "a=1\r", "" },
        { "a=\x7f", "" },
        { "\n\na=1\n\n", "a=1" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct cookies cookies = { 0 };

        assert_true(cookies_take(&cookies, here, rows[i].values));
        assert_sent(&cookies, here, rows[i].sent);
        cookies_release(&cookies);
    }
}

static void stay_at_their_origin(void **state)
{
    static const char *const others[] = {
        "https://a.example:8080/x/y", "http://a.example/x/y", "http://a.example:8081/",
        "http://b.a.example:8080/",   "http://example:8080/", "http://b.example:8080/",
    };
    struct cookies cookies = { 0 };

    (void)state;
    assert_true(cookies_take(&cookies, here, "a=1; Domain=example; Path=/"));
    assert_sent(&cookies, "http://A.example:8080/other", "a=1");
    for (size_t i = 0; i < countof(others); i++)
        assert_sent(&cookies, others[i], "");
    /* one of the same name from elsewhere is another */
    assert_true(cookies_take(&cookies, others[0], "a=2"));
    assert_sent(&cookies, here, "a=1");
    assert_sent(&cookies, others[0], "a=2");
    cookies_release(&cookies);
}

static void are_few_and_short(void **state)
{
    struct cookies cookies = { 0 };
    char text[COOKIES_LONG + 2] = "long=";

    (void)state;
    memset(text + 5, 'x', sizeof(text) - 6);
    assert_int_equal(strlen(text), COOKIES_LONG + 1);
    assert_true(cookies_take(&cookies, here, text));
    assert_sent(&cookies, here, "");
    text[COOKIES_LONG] = '\0';
    assert_true(cookies_take(&cookies, here, text));
    assert_int_equal(cookies.count, 1);
    for (unsigned i = 0; i < 3 * COOKIES_MOST; i++) {
        snprintf(text, sizeof(text), "n%u=1", i);
        assert_true(cookies_take(&cookies, here, text));
    }
    assert_int_equal(cookies.count, COOKIES_MOST);
    cookies_release(&cookies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_names_and_values),
        cmocka_unit_test(stay_at_their_origin),
        cmocka_unit_test(are_few_and_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
