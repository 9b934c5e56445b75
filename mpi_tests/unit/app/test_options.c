/* Rows of argv and environment on one side, what becomes of them on the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/option.h"
#include "app/option_completion.h"
#include "app/options.h"
#include "base/text.h"

enum { MOST_ARGS = 12 };

struct given {
    const char *arg[MOST_ARGS]; /* after the program's name */
    const char *env[3][2];      /* name and value */
};

struct parsed {
    struct options options;
    struct err err;
    int rc;
};

static void clear_env(void)
{
    for (size_t i = 0; i < option_count; i++) {
        struct strbuf twin = { 0 };

        option_twin(&option_table[i], &twin);
        if (twin.data)
            unsetenv(twin.data);
        strbuf_release(&twin);
    }
}

/* The environment stays as given until the next call: options borrow from it. */
static struct parsed parse(const struct given *given)
{
    char *argv[MOST_ARGS + 2] = { (char *)"mpifetch" };
    struct parsed parsed = { .rc = 0 };
    int argc = 1;

    clear_env();
    for (size_t i = 0; i < countof(given->env) && given->env[i][0]; i++)
        setenv(given->env[i][0], given->env[i][1], 1);
    while (argc <= MOST_ARGS && given->arg[argc - 1]) {
        argv[argc] = (char *)given->arg[argc - 1];
        argc++;
    }
    parsed.rc = options_parse(&parsed.options, argc, argv, &parsed.err);
    return parsed;
}

static void accept(struct parsed *parsed, const struct given *given)
{
    *parsed = parse(given);
    if (parsed->rc != 0)
        fail_msg("refused: %s", parsed->err.text);
}

static void check_text(const char *have, const char *want)
{
    if (want && have)
        assert_string_equal(have, want);
    else
        assert_true(have == want);
}

static void test_defaults(void **state)
{
    static const struct given given = { .arg = { "get", "hf://a/b", "out" } };
    struct parsed parsed;
    const struct mpifetch_options *get = &parsed.options.get;

    (void)state;
    accept(&parsed, &given);
    assert_int_equal(parsed.options.command, COMMAND_GET);
    assert_string_equal(get->source, "hf://a/b");
    assert_string_equal(get->dest, "out");
    assert_null(get->manifest);
    assert_null(get->include);
    assert_null(get->scratch);
    assert_int_equal(get->retries, 5);
    assert_true(get->retry_delay == 1);
    assert_true(get->connect_timeout == 15);
    assert_int_equal(get->speed_limit, 1024);
    assert_true(get->speed_time == 30);
    assert_true(get->rank_timeout == 60);
    assert_int_equal(get->limit_rate, 0);
    assert_int_equal(get->segment_size, 0);
    assert_int_equal(get->verbosity, 0);
    assert_int_equal(get->progress, MPIFETCH_PROGRESS_AUTO);
    options_release(&parsed.options);
}

static void test_library_is_silent(void **state)
{
    struct mpifetch_options options;

    (void)state;
    memset(&options, 0xff, sizeof(options));
    mpifetch_options_init(&options);
    assert_int_equal(options.progress, MPIFETCH_PROGRESS_NONE);
    assert_null(options.source);
    assert_null(options.interrupted);
    assert_int_equal(options.verbosity, -1);
    assert_int_equal(options.force, 0);
}

static void test_each_option(void **state)
{
    static const struct given one = {
        .arg = { "get", "--sha256",
                 "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
                 "--retries=7", "--limit-rate", "1.5M", "--segment-size=16MiB",
                 "--stripe=2000", "--connect-timeout", "2m", "https://h/f", "out" },
    };
    static const struct given two = {
        .arg = { "plan", "--force", "--versions", "--no-sync", "--require-digest",
                 "--dry-run", "--connections=3", "--max-connections=0",
                 "--repo-type=dataset", "--progress=bar", "--stripe=none", "hf://a/b" },
    };
    struct parsed parsed;

    (void)state;
    accept(&parsed, &one);
    assert_string_equal(
        parsed.options.get.sha256,
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855");
    assert_int_equal(parsed.options.get.retries, 7);
    assert_int_equal(parsed.options.get.stripe, 2000);
    assert_int_equal(parsed.options.get.limit_rate, 3 * 512 * 1024);
    assert_int_equal(parsed.options.get.segment_size, 16 * 1024 * 1024);
    assert_true(parsed.options.get.connect_timeout == 120);
    options_release(&parsed.options);

    accept(&parsed, &two);
    assert_int_equal(parsed.options.command, COMMAND_PLAN);
    assert_null(parsed.options.get.dest);
    assert_int_equal(parsed.options.get.force, 1);
    assert_int_equal(parsed.options.get.versions, 1);
    assert_int_equal(parsed.options.get.no_sync, 1);
    assert_int_equal(parsed.options.get.stripe, MPIFETCH_STRIPE_NONE);
    assert_int_equal(parsed.options.get.require_digest, 1);
    assert_int_equal(parsed.options.get.dry_run, 1);
    assert_int_equal(parsed.options.get.connections, 3);
    assert_int_equal(parsed.options.get.max_connections, 0);
    assert_string_equal(parsed.options.get.repo_type, "dataset");
    assert_int_equal(parsed.options.get.progress, MPIFETCH_PROGRESS_BAR);
    options_release(&parsed.options);
}

static void test_lists(void **state)
{
    static const struct given argv = {
        .arg = { "get", "--include", "*.json", "--include=*.bin", "--header", "X-A: b",
                 "s://x", "d" },
        .env = { { "MPIFETCH_INCLUDE", "from-env" },
                 { "MPIFETCH_EXCLUDE", "a b\n\nc*\n" } },
    };
    struct parsed parsed;
    const struct mpifetch_options *get = &parsed.options.get;

    (void)state;
    accept(&parsed, &argv);
    assert_string_equal(get->include[0], "*.json");
    assert_string_equal(get->include[1], "*.bin");
    assert_null(get->include[2]);
    assert_string_equal(get->exclude[0], "a b");
    assert_string_equal(get->exclude[1], "c*");
    assert_null(get->exclude[2]);
    assert_string_equal(get->headers[0], "X-A: b");
    assert_null(get->headers[1]);
    options_release(&parsed.options);
}

static void test_environment(void **state)
{
    static const struct given twin = {
        .arg = { "get", "hf://a/b", "d" },
        .env = { { "MPIFETCH_RETRY_DELAY", "0.5" },
                 { "MPIFETCH_NO_SYNC", "Yes" },
                 { "MPIFETCH_FORCE", "off" } },
    };
    static const struct given flag_wins = {
        .arg = { "get", "--retries", "1", "hf://a/b", "d" },
        .env = { { "MPIFETCH_RETRIES", "9" }, { "MPIFETCH_SCRATCH", "" } },
    };
    struct parsed parsed;

    (void)state;
    accept(&parsed, &twin);
    assert_true(parsed.options.get.retry_delay == 0.5);
    assert_int_equal(parsed.options.get.no_sync, 1);
    assert_int_equal(parsed.options.get.force, 0);
    options_release(&parsed.options);

    accept(&parsed, &flag_wins);
    assert_int_equal(parsed.options.get.retries, 1);
    assert_null(parsed.options.get.scratch);
    options_release(&parsed.options);
}

static void test_verbosity(void **state)
{
    static const struct {
        struct given given;
        int want;
    } rows[] = {
        { { .arg = { "get", "-v", "s", "d" } }, 1 },
        { { .arg = { "get", "-vv", "s", "d" } }, 2 },
        { { .arg = { "get", "-vvvv", "s", "d" } }, 2 },
        { { .arg = { "get", "-v", "--verbose", "s", "d" } }, 2 },
        { { .arg = { "get", "-q", "s", "d" } }, -1 },
        { { .arg = { "get", "--quiet", "-v", "s", "d" } }, 1 },
        { { .arg = { "get", "s", "d" }, .env = { { "MPIFETCH_VERBOSE", "2" } } }, 2 },
        { { .arg = { "get", "s", "d" }, .env = { { "MPIFETCH_VERBOSE", "on" } } }, 1 },
        { { .arg = { "get", "s", "d" }, .env = { { "MPIFETCH_QUIET", "1" } } }, -1 },
        { { .arg = { "get", "s", "d" }, .env = { { "MPIFETCH_QUIET", "no" } } }, 0 },
        { { .arg = { "get", "-v", "s", "d" }, .env = { { "MPIFETCH_QUIET", "1" } } }, 1 },
        { { .arg = { "get", "-q", "s", "d" }, .env = { { "MPIFETCH_VERBOSE", "2" } } },
          -1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct parsed parsed;

        accept(&parsed, &rows[i].given);
        if (parsed.options.get.verbosity != rows[i].want)
            fail_msg("row %zu: %d", i, parsed.options.get.verbosity);
        options_release(&parsed.options);
    }
}

static void test_places(void **state)
{
    static const struct {
        struct given given;
        const char *source, *manifest, *dest;
    } rows[] = {
        { { .arg = { "get", "--manifest", "L", "d" } }, NULL, "L", "d" },
        { { .arg = { "get", "--per-node", "n", "s" } }, "s", NULL, NULL },
        { { .arg = { "get", "--per-node", "n", "s", "d" } }, "s", NULL, "d" },
        { { .arg = { "get", "d" }, .env = { { "MPIFETCH_MANIFEST", "L" } } },
          NULL,
          "L",
          "d" },
        { { .arg = { "plan", "--manifest=L" } }, NULL, "L", NULL },
        { { .arg = { "plan", "s" } }, "s", NULL, NULL },
        { { .arg = { "--force", "get", "s", "d" } }, "s", NULL, "d" },
        { { .arg = { "get", "--", "--s", "-d" } }, "--s", NULL, "-d" },
        { { .arg = { "get", "s", "-" } }, "s", NULL, "-" },
        { { .arg = { "get", "s", "--", "d" } }, "s", NULL, "d" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct parsed parsed;
        const struct mpifetch_options *get = &parsed.options.get;

        accept(&parsed, &rows[i].given);
        check_text(get->source, rows[i].source);
        check_text(get->manifest, rows[i].manifest);
        check_text(get->dest, rows[i].dest);
        options_release(&parsed.options);
    }
}

static void test_several_places(void **state)
{
    static const struct {
        struct given given;
        const char *source[3], *dest; /* of each; dest: of all */
    } rows[] = {
        { { .arg = { "get", "--into", "d", "hf://a/b", "hf://a/c" } },
          { "hf://a/b", "hf://a/c" },
          NULL },
        { { .arg = { "get", "--hf-cache", "hf://a/b", "hf://a/c" } },
          { "hf://a/b", "hf://a/c" },
          NULL },
        { { .arg = { "get", "--hf-cache", "hf://a/b", "hf://a/c", "d" } },
          { "hf://a/b", "hf://a/c" },
          "d" },
        { { .arg = { "get", "--hf-cache", "--cache-dir=d", "hf://a/b", "hf://a/c" } },
          { "hf://a/b", "hf://a/c" },
          "d" },
        { { .arg = { "plan", "hf://a/b", "hf://a/c", "hf://a/b" } },
          { "hf://a/b", "hf://a/c" },
          NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct parsed parsed;
        size_t count = 0;

        accept(&parsed, &rows[i].given);
        while (rows[i].source[count])
            count++;
        assert_int_equal(parsed.options.count, count);
        for (size_t j = 0; j < count; j++) {
            check_text(parsed.options.each[j].source, rows[i].source[j]);
            check_text(parsed.options.each[j].dest, rows[i].dest);
        }
        options_release(&parsed.options);
    }
}

static void test_one_place(void **state)
{
    static const struct {
        struct given given;
        const char *dest, *into;
    } rows[] = {
        { { .arg = { "get", "--hf-cache", "hf://a/b", "d" } }, "d", NULL },
        { { .arg = { "get", "--hf-cache", "--cache-dir=d", "hf://a/b" } }, "d", NULL },
        { { .arg = { "get", "hf://a/b", "e" }, .env = { { "MPIFETCH_CACHE_DIR", "d" } } },
          "e",
          NULL },
        { { .arg = { "get", "--into", "d", "hf://a/b", "hf://a/b" } }, NULL, "d" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct parsed parsed;

        accept(&parsed, &rows[i].given);
        assert_int_equal(parsed.options.count, 0);
        check_text(parsed.options.get.source, "hf://a/b");
        check_text(parsed.options.get.dest, rows[i].dest);
        check_text(parsed.options.get.into, rows[i].into);
        options_release(&parsed.options);
    }
}

static void test_paths_to_verify(void **state)
{
    static const struct given given = { .arg = { "verify", "a", "b" } };
    struct parsed parsed;

    (void)state;
    accept(&parsed, &given);
    assert_int_equal(parsed.options.count, 2);
    check_text(parsed.options.each[0].dest, "a");
    check_text(parsed.options.each[1].dest, "b");
    options_release(&parsed.options);
}

static void test_help_and_version(void **state)
{
    static const struct {
        struct given given;
        enum command_id command;
        const char *topic;
    } rows[] = {
        { { .arg = { "--help" } }, COMMAND_HELP, NULL },
        { { .arg = { "get", "--help" } }, COMMAND_HELP, "get" },
        { { .arg = { "plan", "x", "--help" } }, COMMAND_HELP, "plan" },
        { { .arg = { "--version" } }, COMMAND_VERSION, NULL },
        { { .arg = { "-h" } }, COMMAND_HELP, NULL },
        { { .arg = { "get", "-h" } }, COMMAND_HELP, "get" },
        { { .arg = { "help" } }, COMMAND_HELP, NULL },
        { { .arg = { "help", "plan" } }, COMMAND_HELP, "plan" },
        { { .arg = { "version" } }, COMMAND_VERSION, "version" },
        /* a broken variable must not stand between the user and the help */
        { { .arg = { "get", "--help" }, .env = { { "MPIFETCH_RETRIES", "x" } } },
          COMMAND_HELP,
          "get" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct parsed parsed;

        accept(&parsed, &rows[i].given);
        assert_int_equal(parsed.options.command, rows[i].command);
        check_text(parsed.options.topic, rows[i].topic);
        options_release(&parsed.options);
    }
}

/* What a sentence must name: the object, and the form expected or the way out. */
static void test_refusals(void **state)
{
    static const struct {
        struct given given;
        const char *says[3];
    } rows[] = {
        { { .arg = { NULL } }, { "no command", "get", "--help" } },
        { { .arg = { "gte", "s", "d" } }, { "'gte'", "did you mean get", "--help" } },
        { { .arg = { "plna", "s" } }, { "'plna'", "did you mean plan" } },
        { { .arg = { "xyzzy", "s" } },
          { "'xyzzy'", "expected get, plan, verify, doctor or clean" } },
        { { .arg = { "fetch", "s" } }, { "'fetch'", "did you mean get" } },
        { { .arg = { "download", "s" } }, { "'download'", "did you mean get" } },
        { { .arg = { "get", "--header", "Range: bytes=0-9", "s", "d" } },
          { "--header", "Range" } },
        { { .arg = { "get", "--limit-rate=10MB/s", "s", "d" } },
          { "--limit-rate '10MB/s'", "use 10MB;" } },
        { { .arg = { "hf://a/b", "d" } }, { "no command given" } },
        { { .arg = { "get" } }, { "missing SOURCE", "mpifetch get --help" } },
        { { .arg = { "get", "s" } }, { "missing DEST", "mpifetch get --help" } },
        { { .arg = { "get", "s", "" } }, { "missing DEST" } },
        { { .arg = { "get", "--manifest", "L" } }, { "missing DEST" } },
        { { .arg = { "get", "s", "d", "e" } }, { "'e'", "unexpected argument" } },
        { { .arg = { "get", "--manifest=L", "s", "d" } }, { "'d'", "only DEST" } },
        { { .arg = { "get", "--per-node", "n", "s", "" } }, { "missing DEST" } },
        { { .arg = { "get", "--per-node", "n", "s", "d", "e" } }, { "'e'" } },
        { { .arg = { "get", "--per-node", "n" } }, { "missing SOURCE" } },
        { { .arg = { "get", "--per-node", "" } }, { "--per-node requires a value" } },
        { { .arg = { "verify", "--per-node", "n", "d" } }, { "'d'", "--per-node 'n'" } },
        { { .arg = { "doctor", "--per-node", "n", "d" } }, { "--per-node", "doctor" } },
        { { .arg = { "get", "hf://a/b", "hf://a/c" } },
          { "'hf://a/c'", "--into", "--hf-cache" } },
        { { .arg = { "get", "hf://a/b", "hf://a/c", "d" } }, { "'d'", "--into" } },
        { { .arg = { "get", "--into=d", "hf://a/b", "e" } }, { "'e'", "--into 'd'" } },
        { { .arg = { "get", "--hf-cache", "--cache-dir=d", "hf://a/b", "e" } },
          { "'e'", "--cache-dir 'd'" } },
        { { .arg = { "clean", "d", "e" } }, { "'e'", "clean takes only DIR" } },
        { { .arg = { "get", "--retry", "1" } }, { "'--retry'", "--help" } },
        { { .arg = { "get", "--forse", "s", "d" } }, { "'--forse'", "--force" } },
        { { .arg = { "get", "-x", "s", "d" } }, { "'-x'" } },
        { { .arg = { "get", "s", "d", "--report" } },
          { "--report requires a value", "FILE" } },
        { { .arg = { "get", "--scratch=", "s", "d" } },
          { "--scratch requires a value", "DIR" } },
        { { .arg = { "get", "--force=yes", "s", "d" } },
          { "--force does not take a value" } },
        { { .arg = { "get", "--retries", "-1", "s", "d" } },
          { "--retries '-1'", "whole number", "mpifetch get --help" } },
        { { .arg = { "get", "--retries=1000001", "s", "d" } }, { "1000000" } },
        { { .arg = { "get", "--stripe=0", "s", "d" } }, { "--stripe '0'", "1 to 2000" } },
        { { .arg = { "get", "--stripe=2001", "s", "d" } }, { "--stripe '2001'" } },
        { { .arg = { "get", "--stripe=all", "s", "d" } },
          { "--stripe 'all'", "auto, none or a number" } },
        { { .arg = { "get", "--limit-rate=10X", "s", "d" } },
          { "--limit-rate '10X'", "a size such as" } },
        { { .arg = { "get", "--segment-size=1500k", "s", "d" } },
          { "--segment-size '1500k'", "whole MiB" } },
        { { .arg = { "get", "--connect-timeout=0", "s", "d" } },
          { "--connect-timeout '0'", "above 0" } },
        { { .arg = { "verify", "d" }, .env = { { "MPIFETCH_RANK_TIMEOUT", "0" } } },
          { "MPIFETCH_RANK_TIMEOUT '0'", "above 0" } },
        { { .arg = { "get", "--retry-delay=soon", "s", "d" } },
          { "--retry-delay 'soon'", "a time" } },
        { { .arg = { "get", "--progress=loud", "s", "d" } },
          { "--progress 'loud'", "auto, bar, plain or none" } },
        { { .arg = { "get", "--repo-type=models", "s", "d" } },
          { "'models'", "model, dataset or space" } },
        { { .arg = { "get", "--sha256=abc", "s", "d" } }, { "'abc'", "64 hex digits" } },
        { { .arg = { "get", "s", "d" }, .env = { { "MPIFETCH_FORCE", "maybe" } } },
          { "MPIFETCH_FORCE 'maybe'", "yes" } },
        { { .arg = { "get", "s", "d" }, .env = { { "MPIFETCH_SPEED_TIME", "0" } } },
          { "MPIFETCH_SPEED_TIME '0'", "above 0" } },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct parsed parsed = parse(&rows[i].given);

        options_release(&parsed.options);
        if (parsed.rc == 0)
            fail_msg("row %zu was accepted", i);
        assert_int_equal(parsed.err.code, ERR_USAGE);
        for (size_t j = 0; j < countof(rows[i].says) && rows[i].says[j]; j++)
            if (!strstr(parsed.err.text, rows[i].says[j]))
                fail_msg("row %zu: no \"%s\" in: %s", i, rows[i].says[j],
                         parsed.err.text);
    }
}

static void test_secrets_are_not_repeated(void **state)
{
    static const struct given rows[] = {
        { .arg = { "get", "--token", "hf_SECRET", "s", "d" } },
        { .arg = { "get", "--token=hf_SECRET", "s", "d" } },
        { .arg = { "get", "--header", "hf_SECRET", "s", "d" } },
        { .arg = { "get", "--header", "A b: hf_SECRET", "s", "d" } },
        { .arg = { "get", "--header", "A: hf_SECRET\r\nB: c", "s", "d" } },
        { .arg = { "get", "s", "d" }, .env = { { "MPIFETCH_HEADER", "hf_SECRET" } } },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct parsed parsed = parse(&rows[i]);

        options_release(&parsed.options);
        assert_int_equal(parsed.rc, -1);
        assert_int_equal(parsed.err.code, ERR_USAGE);
        assert_null(strstr(parsed.err.text, "SECRET"));
        if (i < 2) {
            assert_non_null(strstr(parsed.err.text, "all users"));
            assert_non_null(strstr(parsed.err.text, "--token-file"));
            assert_non_null(strstr(parsed.err.text, "HF_TOKEN"));
        }
    }
}

/* Whoever adds an option gets it into all documents, or sees this fail. */
static void test_documents(void **state)
{
    struct strbuf help = { 0 }, man = { 0 }, bash = { 0 }, zsh = { 0 }, fish = { 0 };

    (void)state;
    options_help(&help, "get");
    options_help(&help, "doctor");
    options_man(&man);
    option_completion_bash(&bash);
    option_completion_zsh(&zsh);
    option_completion_fish(&fish);
    assert_false(help.failed || man.failed || bash.failed || zsh.failed || fish.failed);
    for (size_t i = 0; i < option_count; i++) {
        struct strbuf flag = { 0 }, twin = { 0 };

        strbuf_addf(&flag, "--%s", option_table[i].name);
        assert_non_null(strstr(help.data, flag.data));
        assert_non_null(strstr(bash.data, flag.data));
        assert_non_null(strstr(zsh.data, flag.data));
        option_twin(&option_table[i], &twin);
        if (twin.data)
            assert_non_null(strstr(man.data, twin.data));
        strbuf_release(&flag);
        strbuf_release(&twin);
    }
    for (const char *line = help.data; *line;) {
        size_t len = strcspn(line, "\n");

        assert_true(len <= 80);
        line += len + (line[len] == '\n');
    }
    assert_non_null(strstr(help.data, "(default 5)"));
    strbuf_release(&help);
    strbuf_release(&man);
    strbuf_release(&bash);
    strbuf_release(&zsh);
    strbuf_release(&fish);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_library_is_silent),
        cmocka_unit_test(test_each_option),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_verbosity),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_several_places),
        cmocka_unit_test(test_one_place),
        cmocka_unit_test(test_paths_to_verify),
        cmocka_unit_test(test_help_and_version),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_secrets_are_not_repeated),
        cmocka_unit_test(test_documents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
