/* io/http/netenv.c and io/http/proxy.c: what is refused before the first request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/http/netenv.h"

static const char *const variables[] = {
    "http_proxy", "HTTP_PROXY",     "https_proxy",        "HTTPS_PROXY",   "all_proxy",
    "ALL_PROXY",  "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"
};

struct row {
    const char *name, *value; /* a variable, or --proxy, or --cacert */
    bool fine;
};

static int read_row(const struct row *row, struct err *err)
{
    bool variable = row->name[0] != '-';
    struct netenv env;
    int rc;

    for (size_t i = 0; i < countof(variables); i++)
        unsetenv(variables[i]);
    if (variable)
        setenv(row->name, row->value, 1);
    rc = netenv_read(&env, strcmp(row->name, "--cacert") == 0 ? row->value : NULL,
                     strcmp(row->name, "--proxy") == 0 ? row->value : NULL, err);
    netenv_release(&env);
    return rc;
}

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct err err = { 0 };
        int rc = read_row(&rows[i], &err);

        if (rc != (rows[i].fine ? 0 : -1))
            fail_msg("row %zu: %d '%s'", i, rc, err.text);
        if (rows[i].fine)
            continue;
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.text, rows[i].name) || strstr(err.text, "s3cret"))
            fail_msg("row %zu: '%s'", i, err.text);
    }
}

static void test_proxies(void **state)
{
    static const struct row rows[] = {
        { "--proxy", "", true },
        { "--proxy", "http://user:s3cret@h:1", true },
        { "--proxy", "h:3128", true },
        { "--proxy", "socks5h://h:1080", true },
        { "--proxy", "http://[::1]:3128/", true },
        { "--proxy", "foo://user:s3cret@h:1", false },
        { "--proxy", "http://user:s3cret@h:99999", false },
        { "--proxy", "http://user:s3cret@h:port", false },
        { "--proxy", "user:s3cret@h:99999", false },
        { "--proxy", "http://user:s3cret@", false },
        { "--proxy", "http://user:s3cret@a b", false },
        { "http_proxy", "foo://user:s3cret@h:1", false },
        { "HTTP_PROXY", "http://user:s3cret@h:99999", false },
        { "https_proxy", "http://user:s3cret@h:99999", false },
        { "HTTPS_PROXY", "foo://user:s3cret@h", false },
        { "all_proxy", "foo://user:s3cret@h", false },
        { "ALL_PROXY", "http://h:3128", true },
        { "https_proxy", "", true },
    };

    (void)state;
    check(rows, countof(rows));
}

static void test_certificates(void **state)
{
    static const struct row rows[] = {
        { "--cacert", "/nonexistent/ca.pem", false },
        { "CURL_CA_BUNDLE", "/nonexistent/ca.pem", false },
        { "REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem", false },
        { "SSL_CERT_FILE", "/nonexistent/ca.pem", false },
        { "SSL_CERT_DIR", "/nonexistent",
          true }, /* a list, which may hold empty places */
        { "--cacert", "/dev/null", true },
        { "--cacert", "/dev/zero", false },
        { "SSL_CERT_FILE", "/", true }, /* a directory is one */
    };

    (void)state;
    check(rows, countof(rows));
}

static void test_client_certificate(void **state)
{
    static const char *const rows[][2] = {
        { "/dev/null", NULL },
        { "/nonexistent/a.pem", "'/nonexistent/a.pem': " },
        { "/dev/null:s3cret", "'/dev/null': a password behind ':' is not taken" },
        { "a.pem:s3cret:x", "'a.pem': a password" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err err = { 0 };

        assert_int_equal(netenv_check_cert(rows[i][0], &err), rows[i][1] ? -1 : 0);
        if (!rows[i][1])
            continue;
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.text, rows[i][1]) || strstr(err.text, "s3cret"))
            fail_msg("'%s'", err.text);
    }
    assert_int_equal(netenv_check_cert(NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxies),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_client_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
