/* Lists as they come: in pieces, with lines of any length, signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/plan/list_reader.h"

/* SHA-256 of the empty text (FIPS 180-4) */
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int collect(void *arg, const struct list_line *line, struct err *err)
{
    struct strbuf *paths = arg;

    if (strcmp(line->path.data, "stop") == 0)
        return err_set(err, ERR_DEST, "stopped");
    strbuf_addf(paths, "%s;", line->path.data);
    return 0;
}

/* Pieces of the length `piece`, each in memory of its own size, so that a look behind it is
 * seen by the sanitizer. */
static int feed(struct list_reader *reader, const char *text, size_t len, size_t piece,
                struct err *err)
{
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < len; at += piece) {
        size_t some = len - at < piece ? len - at : piece;
        char *copy = malloc(some);

        assert_non_null(copy);
        memcpy(copy, text + at, some);
        rc = list_reader_feed(reader, copy, some, err);
        free(copy);
    }
    return rc;
}

static void expect(const char *text, size_t len, size_t piece, int rc, const char *paths,
                   const char *says)
{
    struct strbuf found = { 0 };
    struct err err = { 0 };
    struct list_reader reader = { .visit = collect, .arg = &found };
    int got = feed(&reader, text, len, piece, &err);

    if (got == 0)
        got = list_reader_end(&reader, &err);
    if (got != rc || strcmp(err.text, says) != 0 ||
        strcmp(found.data ? found.data : "", paths) != 0)
        fail_msg("in pieces of %zu: %d '%s' '%s'", piece, got,
                 found.data ? found.data : "", err.text);
    list_reader_release(&reader);
    strbuf_release(&found);
}

/* Whole, and split at every byte. */
static void each(const char *text, size_t len, int rc, const char *paths,
                 const char *says)
{
    for (size_t piece = 1; piece <= len + 1; piece++)
        expect(text, len, piece, rc, paths, says);
}

static void test_each(void **state)
{
    static const char good[] =
        "\xef\xbb\xbf" SHA "  a\r\n\r\n# c\n" SHA " *b\n" SHA "  c";
    static const char stops[] = SHA "  a\n\n" SHA "  stop\n" SHA "  b\n";

    (void)state;
    each("", 0, 0, "", "");
    each("\n\n", 2, 0, "", "");
    each("\xef\xbb\xbf", 3, 0, "", "");
    each(good, sizeof(good) - 1, 0, "a;b;c;", "");
    each(stops, sizeof(stops) - 1, -1, "a;", "line 3: stopped");
}

#define BEGIN "-----BEGIN PGP SIGNED MESSAGE-----\n"
#define HEADS "Hash: SHA256\n\n"
#define SIGNATURE                                                                        \
    "-----BEGIN PGP SIGNATURE-----\nVersion: 1\n\n" SHA "  x\n=abcd\n"                   \
    "-----END PGP SIGNATURE-----\n"

static void test_signed(void **state)
{
    static const struct {
        const char *text, *paths, *says;
    } rows[] = {
        { BEGIN HEADS SHA "  a\n- " SHA "  -b\n" SIGNATURE, "a;-b;", "" },
        { "# c\n\n" BEGIN HEADS "- # c\n" SHA "  a\n" SIGNATURE "\n# end\n", "a;", "" },
        { BEGIN "\n" SHA "  a\n" SIGNATURE, "a;", "" },
        { SHA "  z\n" BEGIN HEADS SHA "  a\n" SIGNATURE, "z;",
          "line 2: a signed text begins behind files that it does not cover" },
        { BEGIN HEADS SHA "  a\n" SIGNATURE SHA "  z\n", "a;",
          "line 11: it is behind the signed text" },
        { BEGIN HEADS SHA "  a\n" SIGNATURE BEGIN HEADS SHA "  z\n" SIGNATURE, "a;",
          "line 11: expected 'SHA256  NAME' or 'URL SHA256 [SIZE] [PATH]'" },
        { BEGIN HEADS SHA "  a\n", "a;",
          "the list is cut off: the end of its signature is missing" },
        { BEGIN HEADS SHA "  a\n-----BEGIN PGP SIGNATURE-----\n", "a;",
          "the list is cut off: the end of its signature is missing" },
        { BEGIN "Hash: SHA256\n", "",
          "the list is cut off: the end of its signature is missing" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        each(rows[i].text, strlen(rows[i].text), *rows[i].says ? -1 : 0, rows[i].paths,
             rows[i].says);
}

static void test_nul(void **state)
{
    static const char text[] = SHA "  a\n" SHA "  b\0c\n" SHA "  d\n";

    (void)state;
    each(text, sizeof(text) - 1, -1, "a;",
         "line 2: the line has a NUL byte: not a list of files");
}

/* A line that never ends must not fill the memory. */
static void test_long_lines(void **state)
{
    static const char line[] = "# a comment\n" SHA "  a\n#";
    enum { HEAD = sizeof(line) - 1, MOST = HEAD - 1 + LIST_LINE_MOST };
    char *text = malloc(MOST + 100);
    static const size_t pieces[] = { 1000, 1 << 16, MOST / 2, MOST, MOST + 100 };

    (void)state;
    assert_non_null(text);
    memset(text, 'x', MOST + 100);
    memcpy(text, line, HEAD);
    for (size_t i = 0; i < countof(pieces); i++) {
        text[MOST] = '\n';
        expect(text, MOST + 1, pieces[i], 0, "a;", "");
        expect(text, MOST, pieces[i], 0, "a;", "");
        text[MOST] = 'x';
        expect(text, MOST + 1, pieces[i], -1, "a;",
               "line 3: it is longer than 1048576 bytes: not a list of files");
    }
    free(text);
}

/* Of a line without an end no more is kept than a line may have. */
static void test_endless_line(void **state)
{
    static char zeros[1 << 16];
    struct list_reader reader = { .visit = collect };
    struct err err = { 0 };
    size_t fed = 0;

    (void)state;
    memset(zeros, '0', sizeof(zeros));
    while (list_reader_feed(&reader, zeros, sizeof(zeros), &err) == 0) {
        fed += sizeof(zeros);
        assert_true(fed < 2 * (size_t)LIST_LINE_MOST);
    }
    assert_string_equal(err.text,
                        "line 1: it is longer than 1048576 bytes: not a list of files");
    list_reader_release(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),         cmocka_unit_test(test_signed),
        cmocka_unit_test(test_nul),          cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_endless_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
