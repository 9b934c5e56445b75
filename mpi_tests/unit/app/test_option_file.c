/* Files of defaults: the lines of one, and what becomes of several beside argv and the
 * environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/option.h"
#include "app/options.h"
#include "base/settings.h"
#include "base/text.h"

static void test_lines(void **state)
{
    static const char text[] = "# a comment\n"
                               "\n"
                               "  retries=7 # seven\r\n"
                               "\tno-sync\n"
                               "proxy = http://h/#part\n"
                               "header =  X: a = b  \n"
                               "scratch =\n"
                               " = 3\n"
                               "last = one";
    static const struct {
        unsigned line;
        const char *name, *value;
        int has_value;
    } rows[] = {
        { 3, "retries", "7", 1 },
        { 4, "no-sync", "", 0 },
        { 5, "proxy", "http://h/#part", 1 },
        { 6, "header", "X: a = b", 1 },
        { 7, "scratch", "", 1 },
        { 8, "", "3", 1 },
        { 9, "last", "one", 1 },
    };
    struct settings file;

    (void)state;
    settings_open(&file, text, strlen(text));
    for (size_t i = 0; i < countof(rows); i++) {
        assert_int_equal(settings_next(&file), 1);
        assert_int_equal(file.line, rows[i].line);
        assert_int_equal(file.name_len, strlen(rows[i].name));
        assert_memory_equal(file.name, rows[i].name, file.name_len);
        assert_int_equal(file.value_len, strlen(rows[i].value));
        assert_memory_equal(file.value, rows[i].value, file.value_len);
        assert_int_equal(file.has_value, rows[i].has_value);
    }
    assert_int_equal(settings_next(&file), 0);
}

static void test_control_characters(void **state)
{
    static const char text[] = "retries = 7\nproxy = a\0b\n";
    struct settings file;

    (void)state;
    settings_open(&file, text, sizeof(text) - 1);
    assert_int_equal(settings_next(&file), 1);
    assert_int_equal(settings_next(&file), -1);
    assert_int_equal(file.line, 2);
}

static void parse(struct options *options, const char *argument)
{
    char *argv[] = { (char *)"mpifetch",
                     (char *)"get",
                     (char *)"hf://a/b",
                     (char *)"out",
                     (char *)(argument ? argument : "--"),
                     NULL };
    struct err err = { 0 };

    for (size_t i = 0; i < option_count; i++) {
        struct strbuf twin = { 0 };

        option_twin(&option_table[i], &twin);
        if (twin.data)
            unsetenv(twin.data);
        strbuf_release(&twin);
    }
    if (options_parse(options, 5, argv, &err) < 0)
        fail_msg("%s", err.text);
}

static int take(struct options *options, enum option_place place, const char *text,
                bool shared, struct err *err)
{
    return options_take_file(options, place == PLACE_SITE ? "/etc/x" : "/home/x", place,
                             text, strlen(text), shared, err);
}

static enum option_place place_of(const struct options *options, const char *name)
{
    return (enum option_place)
        options->place[option_find(name, strlen(name)) - option_table];
}

/* Command line, environment, user, site. */
static void test_what_counts(void **state)
{
    static const char user[] =
        "retries = 2\nconnections = 2\nverbose = 2\nheader = A: user\n"
        "header = B: user\n";
    static const char site[] = "retries = 1\nconnections = 1\nscratch = /site\nquiet\n"
                               "header = C: site\nmax-connections = 1\n";
    struct options options;
    struct err err = { 0 };

    (void)state;
    parse(&options, "--retries=4");
    options_release(&options);
    setenv("MPIFETCH_MAX_CONNECTIONS", "3", 1);
    {
        char *argv[] = { (char *)"mpifetch", (char *)"get", (char *)"--retries=4",
                         (char *)"hf://a/b", (char *)"out", NULL };

        assert_int_equal(options_parse(&options, 5, argv, &err), 0);
    }
    assert_int_equal(take(&options, PLACE_USER, user, false, &err), 0);
    assert_int_equal(take(&options, PLACE_SITE, site, true, &err), -1);
    assert_non_null(strstr(err.text, "'/etc/x' line 5: 'header' may be secret"));
    err_clear(&err);
    assert_int_equal(take(&options, PLACE_SITE, site, false, &err), 0);
    assert_int_equal(options.get.retries, 4);
    assert_int_equal(options.get.max_connections, 3);
    assert_int_equal(options.get.connections, 2);
    assert_string_equal(options.get.scratch, "/site");
    assert_int_equal(options.get.verbosity, 2); /* not quiet: the user's counts */
    assert_string_equal(options.get.headers[0], "A: user");
    assert_string_equal(options.get.headers[1], "B: user");
    assert_null(options.get.headers[2]);
    assert_int_equal(place_of(&options, "retries"), PLACE_ARGV);
    assert_int_equal(place_of(&options, "max-connections"), PLACE_ENVIRONMENT);
    assert_int_equal(place_of(&options, "connections"), PLACE_USER);
    assert_int_equal(place_of(&options, "scratch"), PLACE_SITE);
    assert_int_equal(place_of(&options, "check"), PLACE_DEFAULT);
    options_release(&options);
    unsetenv("MPIFETCH_MAX_CONNECTIONS");
}

/* What the environment says to all programs is nearer than what a site says to this one. */
static void test_variables_of_other_programs(void **state)
{
    static const char text[] = "endpoint = https://mirror\ncacert = /site.pem\n";
    struct options options;
    struct err err = { 0 };

    (void)state;
    parse(&options, NULL);
    setenv("HF_ENDPOINT", "https://mine", 1);
    unsetenv("SSL_CERT_DIR");
    unsetenv("SSL_CERT_FILE");
    unsetenv("CURL_CA_BUNDLE");
    unsetenv("REQUESTS_CA_BUNDLE");
    assert_int_equal(take(&options, PLACE_SITE, text, false, &err), 0);
    unsetenv("HF_ENDPOINT");
    assert_null(options.get.endpoint);
    assert_string_equal(options.get.cacert, "/site.pem");
    assert_int_equal(take(&options, PLACE_SITE, text, false, &err), 0);
    assert_string_equal(options.get.endpoint, "https://mirror");
    options_release(&options);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *says;
        bool shared;
    } rows[] = {
        { "\nretrys = 7",
          "'/etc/x' line 2: unknown option 'retrys': did you mean retries?", false },
        { "zzzzzz = 7", "line 1: unknown option 'zzzzzz'; see", false },
        { "retries = many", "line 1: retries 'many': expected a whole number", false },
        { "retries =", "line 1: 'retries' requires a value", false },
        { "retries", "line 1: 'retries' requires a value", false },
        { "no-sync =", "line 1: 'no-sync' requires a value", false },
        { "no-sync = perhaps", "line 1: no-sync 'perhaps': expected 1, on", false },
        { "user me:hf_secret", "line 1: expected OPTION = VALUE", false },
        { "header: X: hf_secret=", "line 1: expected OPTION = VALUE", false },
        { "= 7", "line 1: expected OPTION = VALUE", false },
        { "help", "line 1: 'help' is for one run only", false },
        { "manifest = x", "line 1: 'manifest' is for one run only", false },
        { "force = true", "line 1: 'force' is for one run only", false },
        { "show-config", "line 1: 'show-config' is for one run only", false },
        { "header = A: b", "line 1: 'header' may be secret", true },
        { "proxy = http://u:p@h", "line 1: 'proxy' may be secret", true },
        { "proxy = u:p@h:1", "line 1: 'proxy' may be secret", true },
        { "user = a:b", "line 1: 'user' may be secret", true },
        { "cert = a.pem:hf_secret", "line 1: 'cert' may be secret", true },
        { "header = hf_secret", "line 1: header: expected a line", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct options options;
        struct err err = { 0 };

        parse(&options, NULL);
        assert_int_equal(take(&options, PLACE_SITE, rows[i].text, rows[i].shared, &err),
                         -1);
        assert_int_equal(err.code, ERR_USAGE);
        if (!strstr(err.text, rows[i].says))
            fail_msg("row %zu: '%s' does not say '%s'", i, err.text, rows[i].says);
        assert_null(strstr(err.text, "hf_secret"));
        options_release(&options);
    }
}

/* A value that something else overrides is held to the rules as well. */
static void test_wrong_though_it_does_not_count(void **state)
{
    struct options options;
    struct err err = { 0 };

    (void)state;
    parse(&options, "--retries=4");
    assert_int_equal(take(&options, PLACE_SITE, "retries = x", false, &err), -1);
    options_release(&options);
}

/* Without a password a proxy is no secret, nor is a certificate. */
static void test_not_secret(void **state)
{
    struct options options;
    struct err err = { 0 };

    (void)state;
    parse(&options, NULL);
    assert_int_equal(take(&options, PLACE_SITE, "proxy = http://h:1/a@b", true, &err), 0);
    assert_string_equal(options.get.proxy, "http://h:1/a@b");
    assert_int_equal(take(&options, PLACE_SITE, "cert = /etc/a.pem", true, &err), 0);
    options_release(&options);
}

static void test_shown(void **state)
{
    static const char user[] =
        "header = X-Key: tell-nobody\nproxy = http://u:tell-nobody@h:1\n"
        "retries = 2\nno-sync\nprogress = plain\nendpoint = u:tell-nobody@h:2\n"
        "cert = a.pem:tell-nobody\nkey = a.key\n";
    static const char *const lines[] = {
        "header = X-Key:***  # /u:1\n", "proxy = http://h:1  # /u:2\n",
        "retries = 2  # /u:3\n",        "no-sync = true  # /u:4\n",
        "progress = plain  # /u:5\n",   "speed-limit = 2048  # command line\n",
        "#scratch  # default\n",        "endpoint = h:2  # /u:6\n",
        "cert = a.pem:***  # /u:7\n",   "key = a.key  # /u:8\n",
    };
    struct options options;
    struct strbuf out = { 0 };
    struct err err = { 0 };

    (void)state;
    parse(&options, "--speed-limit=2K");
    assert_int_equal(take(&options, PLACE_USER, user, false, &err), 0);
    options_show(&options, "/s", "/u", &out);
    for (size_t i = 0; i < countof(lines); i++)
        if (!strstr(out.data, lines[i]))
            fail_msg("'%s' does not say '%s'", out.data, lines[i]);
    assert_null(strstr(out.data, "tell-nobody"));
    strbuf_release(&out);
    options_release(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_variables_of_other_programs),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_wrong_though_it_does_not_count),
        cmocka_unit_test(test_not_secret),
        cmocka_unit_test(test_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
