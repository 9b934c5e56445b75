/* io/credentials.c: which place a token comes from, and what is no token. */
#include "io/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

static const char *const variables[] = { "HF_TOKEN",
                                         "HUGGING_FACE_HUB_TOKEN",
                                         "HF_TOKEN_PATH",
                                         "HF_HOME",
                                         "XDG_CACHE_HOME",
                                         "HOME",
                                         "HF_HUB_DISABLE_IMPLICIT_TOKEN" };

static const struct fs_wait wait = { .patience = 0.2 };

static char dir[] = "/tmp/test_cred_XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static unsigned turn;

    turn = (turn + 1) % countof(path);
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
    return path[turn];
}

static void put(const char *name, const char *text, size_t len)
{
    FILE *file = fopen(in_dir(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int before_all(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    mkdir(in_dir("home"), 0700);
    mkdir(in_dir("home/.cache"), 0700);
    mkdir(in_dir("home/.cache/huggingface"), 0700);
    mkdir(in_dir("xdg"), 0700);
    mkdir(in_dir("xdg/huggingface"), 0700);
    mkdir(in_dir("hf"), 0700);
    put("home/.cache/huggingface/token", "of-home\n", 8);
    put("xdg/huggingface/token", "of-xdg", 6);
    put("hf/token", "of-hf-home", 10);
    put("path", "of-path", 7);
    put("home/tilde", "of-tilde", 8);
    put("given", " \t of-file \r\n", 13);
    put("empty", " \n\n", 3);
    put("split", "one\ntwo\n", 8);
    return 0;
}

static int after_all(void **state)
{
    static const char *const names[] = { "home/.cache/huggingface/token",
                                         "home/.cache/huggingface",
                                         "home/.cache",
                                         "home/tilde",
                                         "home",
                                         "xdg/huggingface/token",
                                         "xdg/huggingface",
                                         "xdg",
                                         "hf/token",
                                         "hf",
                                         "path",
                                         "given",
                                         "empty",
                                         "split",
                                         "long" };

    (void)state;
    for (size_t i = 0; i < countof(names); i++)
        remove(in_dir(names[i]));
    return rmdir(dir);
}

static int clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(variables); i++)
        unsetenv(variables[i]);
    return 0;
}

static void expect(const char *file, const char *want)
{
    struct err err = { 0 };
    char *token;

    assert_int_equal(credentials_hub_token(file, &wait, &token, &err), 0);
    if (want)
        assert_string_equal(token, want);
    else
        assert_null(token);
    credentials_release(&token);
    assert_null(token);
}

static void expect_usage(const char *file)
{
    struct err err = { 0 };
    char *token;

    assert_int_equal(credentials_hub_token(file, &wait, &token, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    assert_null(token);
    assert_null(strstr(err.text, "two")); /* nothing of the token is shown */
}

/* From the last place to the first: each one set hides those before. */
static void test_order(void **state)
{
    (void)state;
    expect(NULL, NULL);
    setenv("HOME", in_dir("home"), 1);
    expect(NULL, "of-home");
    setenv("XDG_CACHE_HOME", in_dir("xdg"), 1);
    expect(NULL, "of-xdg");
    setenv("HF_HOME", in_dir("hf"), 1);
    expect(NULL, "of-hf-home");
    setenv("HF_TOKEN_PATH", in_dir("path"), 1);
    expect(NULL, "of-path");
    setenv("HUGGING_FACE_HUB_TOKEN", "of-old", 1);
    expect(NULL, "of-old");
    setenv("HF_TOKEN", "  of-env\n", 1);
    expect(NULL, "of-env");
    expect(in_dir("given"), "of-file");
    /* a file that was asked for and holds none is "no token", not "another one" */
    expect(in_dir("empty"), NULL);
    setenv("HF_TOKEN", " \r\n", 1);
    expect(NULL, "of-old");
    setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0", 1);
    expect(NULL, "of-old");
    setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "True", 1);
    expect(NULL, NULL);
    expect(in_dir("given"), "of-file");
}

static void test_paths(void **state)
{
    (void)state;
    setenv("HOME", in_dir("home"), 1);
    setenv("HF_TOKEN_PATH", "~/tilde", 1);
    expect(NULL, "of-tilde");
    unsetenv("HOME");
    expect(NULL, NULL);
    setenv("HF_TOKEN_PATH", in_dir("missing"), 1);
    expect(NULL, NULL);
    setenv("HF_TOKEN_PATH", "", 1);
    setenv("HF_HOME", in_dir("hf"), 1);
    expect(NULL, "of-hf-home");
}

/* As the Hub's library reads them, with Python's expandvars: what is not set, or no name,
 * stays as it is written. */
static void test_variables_in_paths(void **state)
{
    static const struct {
        const char *variable, *value, *want;
    } rows[] = {
        { "HF_TOKEN_PATH", "$CRED_DIR/path", "of-path" },
        { "HF_TOKEN_PATH", "${CRED_DIR}/path", "of-path" },
        { "HF_TOKEN_PATH", "$CRED_DIR/$CRED_NAME", "of-path" },
        { "HF_TOKEN_PATH", "${CRED_DIR}/pa${CRED_END}", "of-path" },
        { "HF_TOKEN_PATH", "~/${CRED_LINK}", "of-tilde" },
        { "HF_TOKEN_PATH", "$CRED_UNSET/path", NULL },
        { "HF_TOKEN_PATH", "${CRED_DIR/path", NULL },
        { "HF_TOKEN_PATH", "$CRED_DIRX/path", NULL },
        { "HF_TOKEN_PATH", "$CRED_DIR/path$", NULL },
        { "HF_HOME", "$CRED_DIR/hf", "of-hf-home" },
        { "HF_HOME", "${CRED_DIR}/hf", "of-hf-home" },
        { "HF_HOME", "~/../$CRED_HF", "of-hf-home" },
    };

    setenv("CRED_DIR", dir, 1);
    setenv("CRED_NAME", "path", 1);
    setenv("CRED_END", "th", 1);
    setenv("CRED_LINK", "tilde", 1);
    setenv("CRED_HF", "hf", 1);
    for (size_t i = 0; i < countof(rows); i++) {
        clean(state);
        setenv("HOME", in_dir("home"), 1);
        setenv("XDG_CACHE_HOME", in_dir("missing"), 1);
        setenv(rows[i].variable, rows[i].value, 1);
        print_message("row %zu: %s=%s\n", i, rows[i].variable, rows[i].value);
        expect(NULL, rows[i].want);
    }
}

static void test_refused(void **state)
{
    static char text[70000];

    (void)state;
    expect_usage(in_dir("missing"));
    expect_usage(in_dir("split"));
    expect_usage(dir);
    memset(text, 'x', sizeof(text));
    put("long", text, sizeof(text));
    expect_usage(in_dir("long"));
    setenv("HF_TOKEN", "one\r\ntwo: 1", 1);
    expect_usage(NULL);
    setenv("HF_TOKEN", "one\177two", 1);
    expect_usage(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, clean),
        cmocka_unit_test_setup(test_paths, clean),
        cmocka_unit_test_setup(test_variables_in_paths, clean),
        cmocka_unit_test_setup(test_refused, clean),
    };

    return cmocka_run_group_tests(tests, before_all, after_all);
}
