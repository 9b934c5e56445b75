/* What people type from habit: words of other programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/option_habit.h"
#include "app/options.h"
#include "base/text.h"

enum { MOST_ARGS = 12 };

static int parse(struct options *options, const char *const *args, struct err *err)
{
    char *argv[MOST_ARGS + 2] = { (char *)"mpifetch" };
    int argc = 1;

    for (; args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    *err = (struct err){ 0 };
    return options_parse(options, argc, argv, err);
}

static void test_slips(void **state)
{
    static const struct {
        const char *args[MOST_ARGS];
        const char *says[3];
    } rows[] = {
        { { "get", "hf://a/b", "-o", "x" }, { "'-o'", "DEST is the argument behind" } },
        { { "get", "-O", "https://h/x" }, { "'-O'", "DEST is" } },
        { { "get", "hf://a/b", "--output=x" }, { "'--output'", "DEST is" } },
        { { "get", "hf://a/b", "--local-dir", "x" }, { "'--local-dir'", "DEST is" } },
        { { "get", "-j8", "hf://a/b", "x" }, { "'-j'", "--connections N" } },
        { { "get", "-x", "16", "https://h/x" }, { "'-x'", "--max-connections N" } },
        { { "get", "--transfers=4", "a" }, { "--connections N" } },
        { { "get", "--max-workers", "4" }, { "--connections N" } },
        { { "get", "-k", "https://h/x" }, { "--cacert" } },
        { { "get", "-L", "https://h/x" }, { "redirects are followed" } },
        { { "get", "--continue" }, { "the same command again" } },
        { { "get", "--token", "hf_secret" }, { "--token-file", "HF_TOKEN" } },
        { { "get", "--inclued", "x" }, { "did you mean --include?" } },
        { { "get", "-Y" }, { "unknown option '-Y'; see mpifetch get --help" } },
        { { "get", "--zzzz=hf_secret" }, { "unknown option '--zzzz'; see" } },
        { { "get", "hf://a/b", "x", "--include", "*.a", "*.b" },
          { "'*.b'", "--include and --exclude take one pattern" } },
        { { "get", "--bwlimit", "fast", "a", "b" }, { "KiB per second" } },
        { { "get", "--user", "hf_secret", "a", "b" }, { "expected NAME:PASSWORD" } },
        { { "get", "--resolve", "h:80", "a", "b" }, { "'h:80': expected HOST:PORT" } },
        { { "get", "--resolve", ":80:1.2.3.4", "a", "b" }, { "expected HOST:PORT" } },
        { { "get", "--resolve", "h:x:1.2.3.4", "a", "b" }, { "expected HOST:PORT" } },
        { { "get", "--resolve", "-h:80", "a", "b" }, { "expected HOST:PORT" } },
        { { "get", "-u", "a:hf_secret" }, { "use --user" } },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct options options;
        struct err err;

        if (parse(&options, rows[i].args, &err) == 0)
            fail_msg("row %zu was taken", i);
        assert_int_equal(err.code, ERR_USAGE);
        for (size_t k = 0; k < countof(rows[i].says) && rows[i].says[k]; k++)
            if (!strstr(err.text, rows[i].says[k]))
                fail_msg("row %zu: '%s' does not say '%s'", i, err.text, rows[i].says[k]);
        assert_null(strstr(err.text, "hf_secret"));
        options_release(&options);
    }
}

/* As rclone counts. */
static void test_bwlimit(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {
        { "10", 10 << 10 }, { "10M", 10 << 20 }, { "1.5k", 1536 }, { "off", 0 }
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const char *const args[] = { "get",        "--limit-rate=7", "--bwlimit",
                                     rows[i].text, "hf://a/b",       "x",
                                     NULL };
        struct options options;
        struct err err;

        assert_int_equal(parse(&options, args, &err), 0);
        assert_true(options.get.limit_rate == rows[i].bytes);
        options_release(&options);
    }
}

static void check_text(const char *have, const char *want)
{
    if (have && want)
        assert_string_equal(have, want);
    else
        assert_true(have == want);
}

/* want ends in NULL. */
static void check_list(const char *const *have, const char *const *want)
{
    size_t count = 0;

    for (; want[count]; count++) {
        assert_true(have && have[count]);
        assert_string_equal(have[count], want[count]);
    }
    assert_true(!have || !have[count]);
}

static void test_hf_download(void **state)
{
    static const struct {
        const char *args[MOST_ARGS];
        const char *source, *dest, *repo_type, *revision;
        const char *include[3], *exclude[3];
        bool cache;
        unsigned connections;
        int again, dry;
        bool warned;
    } rows[] = {
        { { "a/b" }, .source = "hf://a/b", .cache = true },
        { { "hf://datasets/a/b" }, .source = "hf://datasets/a/b", .cache = true },
        { { "a/b", "--local-dir", "x" }, .source = "hf://a/b", .dest = "x" },
        { { "--cache-dir=x", "a/b" }, .source = "hf://a/b", .dest = "x", .cache = true },
        { { "a/b", "c.json", "art/" },
          .source = "hf://a/b",
          .include = { "c.json", "art/*" },
          .cache = true },
        { { "a/b", "--include", "*.a", "--include=*.b", "--exclude", "c*" },
          .source = "hf://a/b",
          .include = { "*.a", "*.b" },
          .exclude = { "c*" },
          .cache = true },
        /* of older versions */
        { { "a/b", "--include", "*.a", "*.b", "--exclude", "c*", "d*" },
          .source = "hf://a/b",
          .include = { "*.a", "*.b" },
          .exclude = { "c*", "d*" },
          .cache = true },
        { { "a/b", "--repo-type", "dataset", "--revision", "v1", "--max-workers", "3" },
          .source = "hf://a/b",
          .repo_type = "dataset",
          .revision = "v1",
          .cache = true,
          .connections = 3 },
        { { "a/b", "--type=space", "--force-download", "--dry-run", "--format", "auto" },
          .source = "hf://a/b",
          .repo_type = "space",
          .cache = true,
          .again = 1,
          .dry = 1 },
        { { "a/b", "--no-force-download", "--no-dry-run", "--no-truncate" },
          .source = "hf://a/b",
          .cache = true },
        { { "a/b", "--exclude", "x", "c", "d", "--include", "*.a", "--include=*.b" },
          .source = "hf://a/b",
          .include = { "c", "d" },
          .cache = true,
          .warned = true },
        /* what only get has */
        { { "--retries", "0", "a/b", "--", "-x" },
          .source = "hf://a/b",
          .include = { "-x" },
          .cache = true },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const char *args[MOST_ARGS + 1] = { "hf-download" };
        struct options options;
        struct err err;

        memcpy(args + 1, rows[i].args, sizeof(rows[i].args));
        if (parse(&options, args, &err) < 0)
            fail_msg("row %zu: %s", i, err.text);
        assert_int_equal(options.command, COMMAND_GET);
        check_text(options.get.source, rows[i].source);
        check_text(options.get.dest, rows[i].dest);
        check_text(options.get.repo_type, rows[i].repo_type);
        check_text(options.get.revision, rows[i].revision);
        check_list(options.get.include, rows[i].include);
        check_list(options.get.exclude, rows[i].exclude);
        assert_int_equal(options.get.layout,
                         rows[i].cache ? MPIFETCH_LAYOUT_HF_CACHE : MPIFETCH_LAYOUT_DIR);
        assert_int_equal(options.get.max_connections, rows[i].connections);
        assert_int_equal(options.get.force_download, rows[i].again);
        assert_int_equal(options.get.dry_run, rows[i].dry);
        assert_true((options.warning != NULL) == rows[i].warned);
        options_release(&options);
    }
}

static void test_hf_download_refused(void **state)
{
    static const struct {
        const char *args[MOST_ARGS];
        const char *says;
    } rows[] = {
        { { "a/b", "--token", "hf_secret" }, "--token is not supported: all users" },
        { { "a/b", "--json" }, "--json is not supported: the output is one line" },
        { { "a/b", "--format=json" }, "--format 'json': the output is one line" },
        { { "a/b", "--type", "kernel" }, "expected model, dataset or space" },
        { { "a/b", "x/", "--include", "y" }, "'x/' cannot be combined with --include" },
        { { "a/b", "--exclude=y", "z", "x/" }, "'x/' cannot be combined with --exclude" },
        { { "a/b", "--local-dir", "x", "--cache-dir", "y" }, "are two places" },
        { { "a/b", "--local-dir" }, "--local-dir requires a value" },
        { { "--local-dir", "x" }, "missing NAME" },
        { { "a/b", "--zzzz" }, "unknown option '--zzzz'" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const char *args[MOST_ARGS + 1] = { "hf-download" };
        struct options options;
        struct err err;

        memcpy(args + 1, rows[i].args, sizeof(rows[i].args));
        assert_int_equal(parse(&options, args, &err), -1);
        if (!strstr(err.text, rows[i].says) || strstr(err.text, "hf_secret"))
            fail_msg("row %zu: '%s' does not say '%s'", i, err.text, rows[i].says);
        options_release(&options);
    }
}

static void test_hf_download_help(void **state)
{
    static const char *const rows[][MOST_ARGS] = { { "hf-download", "--help" },
                                                   { "hf-download", "a/b", "-h" } };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct options options;
        struct err err;

        assert_int_equal(parse(&options, rows[i], &err), 0);
        assert_int_equal(options.command, COMMAND_HELP);
        options_release(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slips),
        cmocka_unit_test(test_bwlimit),
        cmocka_unit_test(test_hf_download),
        cmocka_unit_test(test_hf_download_refused),
        cmocka_unit_test(test_hf_download_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
