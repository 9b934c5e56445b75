#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/date.h"
#include "base/text.h"
#include "base/url.h"

static void redacts(void **state)
{
    static const char *const rows[][2] = {
        { "https://host/a/b?X-Sig=secret#frag", "https://host/a/b" },
        { "https://host/a#frag?x", "https://host/a" },
        { "https://user:pass@host:8080/a", "https://host:8080/a" },
        { "https://token@host/a", "https://host/a" },
        { "https://u:p%40x@[::1]:80/a", "https://[::1]:80/a" },
        { "hf://acme/model@main/x.bin", "hf://acme/model@main/x.bin" },
        { "s3://bucket/key", "s3://bucket/key" },
        { "file:///data/a@b", "file:///data/a@b" },
        { "/data/list.txt", "/data/list.txt" },
        { "//user:pass@host/a", "host/a" },
        { "user:pass@host/a?q", "host/a" },
        { "https:/user:pass@host/a", "host/a" },
        { "a/b?u=https://x:y@z", "a/b" },
        /* passwords with characters that should have been escaped */
        { "https://user:pa/ss@host/a", "https://..." },
        { "https://user:pa?ss@host/a", "https://..." },
        { "https://user:pa#ss@host/a", "https://..." },
        { "https://user:p@ss@host/a", "https://..." },
        { "https://us er:pass@host/a", "https://..." },
        { "https://user:pa\\ss@host/a", "https://..." },
        { "https:///user:pass@host/a", "https://..." },
        { "https://host/a\nb\x1b[1m\xff", "https://host/a?b?[1m?" },
        { "", "" },
    };
    char out[128];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_string_equal(url_redact(out, sizeof(out), rows[i][0]), rows[i][1]);
}

static void cuts_a_long_url(void **state)
{
    char out[16], all[17];

    (void)state;
    assert_string_equal(url_redact(out, sizeof(out), "https://h/6789abc"),
                        "https://h/67...");
    assert_string_equal(url_redact(all, sizeof(all), "https://h/678901"),
                        "https://h/678901");
    assert_string_equal(
        url_redact(out, sizeof(out), "https://u:p@h/\xe4\xb8\xad\xe4\xb8\xad"),
        "https://h/...");
}

static void finds_the_port(void **state)
{
    static const struct {
        const char *url;
        unsigned port;
    } rows[] = { { "http://h/x", 80 },
                 { "https://h", 443 },
                 { "http://u:1@h:8080/x", 8080 },
                 { "https://[::1]:7", 7 },
                 { "http://h:65536/", 0 },
                 { "http://h:0", 0 },
                 { "ftp://h:21/", 0 },
                 { "h:80", 0 } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (url_port(rows[i].url) != rows[i].port)
            fail_msg("'%s'", rows[i].url);
}

static void knows_the_same_origin(void **state)
{
    static const char *const same[][2] = {
        { "https://host/a", "https://host/b?c" },
        { "https://host", "https://host:443/" },
        { "http://host:80", "http://host" },
        { "HTTPS://Host/a", "https://hOST/b" },
        { "https://user:pass@host/a", "https://host/b" },
        { "http://[::1]:8080/", "http://[::1]:8080/x" },
        { "http://[::1]", "http://[::1]:80/x" },
        { "https://host?x", "https://host#y" },
        { "http://127.0.0.1:08080", "http://127.0.0.1:8080" },
    };

    (void)state;
    for (size_t i = 0; i < countof(same); i++) {
        if (!url_same_origin(same[i][0], same[i][1]) ||
            !url_same_origin(same[i][1], same[i][0]))
            fail_msg("'%s' and '%s'", same[i][0], same[i][1]);
    }
}

/* Each row would send a secret to somebody else if it were taken for the same. */
static void refuses_other_origins(void **state)
{
    static const char *const rows[][2] = {
        { "https://host/", "http://host/" },
        { "https://host:80/", "http://host:80/" },
        { "https://host/", "https://host:8443/" },
        { "https://host/", "https://host2/" },
        { "https://host/", "https://hos/" },
        { "https://host/", "https://host.evil/" },
        { "https://host/", "https://evil/host" },
        { "https://host/", "https://host@evil/" },
        { "https://host/", "https://host:443@evil/" },
        { "https://host/", "https://evil\\@host/" },
        { "https://host/", "https://evil@x@host/" },
        { "https://host/", "https://host\t/" },
        { "https://host/", " https://host/" },
        { "https://host/", "https:/host/" },
        { "https://host/", "https:host/" },
        { "https://host/", "//host/" },
        { "https://host/", "host" },
        { "https://host/", "" },
        { "http://[::1]/", "http://[::2]/" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        if (url_same_origin(rows[i][0], rows[i][1]) ||
            url_same_origin(rows[i][1], rows[i][0]))
            fail_msg("'%s' and '%s'", rows[i][0], rows[i][1]);
    }
}

static void odd_urls_are_the_same_as_nothing(void **state)
{
    static const char *const rows[] = {
        "ftp://host/",
        "file:///a",
        "https://",
        "https:///a",
        "https://host:/",
        "https://host:0/",
        "https://host:65536/",
        "https://host:x/",
        "https://host:1:2/",
        "https://h%6fst/",
        "https://h\xc3\xbc/",
        "https://[::1/",
        "https://[]/",
        "https://[::1]x/",
        "https://ho st/",
        "https://@/",
        "https://host:99999999999999999999/",
        "https://[::g]/",
        "httpss://host/",
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (url_same_origin(rows[i], rows[i]))
            fail_msg("'%s'", rows[i]);
}

static void reads_http_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        /* the three examples of RFC 9110 5.6.7 are one and the same second */
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
        { "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
        { "Fri, 29 Feb 2036 12:00:00 GMT", 2087899200 },
        { "Tue Jan 19 03:14:08 2038", 2147483648 },
        { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 }, /* a leap second */
        { "Friday, 31-Dec-99 23:59:59 GMT", 946684799 },
        { "Wednesday, 06-Nov-69 00:00:00 GMT", 3150921600 }, /* 2069 */
        { "Friday, 02-Jan-70 00:00:00 GMT", 86400 },
        { "Mon, 01 Jan 0001 00:00:00 GMT", -62135596800 },
        { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        int64_t seconds = 12345;

        if (!date_from_http(rows[i].text, &seconds) || seconds != rows[i].seconds)
            fail_msg("'%s' is %lld", rows[i].text, (long long)seconds);
    }
}

static void refuses_what_is_no_date(void **state)
{
    static const char *const rows[] = {
        "",
        "0",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Xxx, 06 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Tue, 29 Feb 2100 08:49:37 GMT",
        "Tue, 30 Feb 2000 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun, 06-Nov-94 08:49:37 GMT",
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        int64_t seconds;

        if (date_from_http(rows[i], &seconds))
            fail_msg("'%s'", rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redacts),
        cmocka_unit_test(cuts_a_long_url),
        cmocka_unit_test(finds_the_port),
        cmocka_unit_test(knows_the_same_origin),
        cmocka_unit_test(refuses_other_origins),
        cmocka_unit_test(odd_urls_are_the_same_as_nothing),
        cmocka_unit_test(reads_http_dates),
        cmocka_unit_test(refuses_what_is_no_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
