#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "base/url.h"
#include "base/utf8.h"

static const uint64_t ki = 1024, mi = 1024 * 1024, gi = 1024 * 1024 * 1024;

static void reads_sizes(void **state)
{
    const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {
        { "0", 0 },
        { "12", 12 },
        { "12B", 12 },
        { "64M", 64 * mi },
        { "64m", 64 * mi },
        { "64MB", 64 * mi },
        { "64MiB", 64 * mi },
        { "64mib", 64 * mi },
        { "1Ki", ki },
        { "500k", 500 * ki },
        { "1.5GiB", gi + gi / 2 },
        { "0.3K", 307 }, /* 307.2 */
        { "0.9999999999999999999999K", 1023 },
        { "1.00000000000000000000000000000M", mi },
        { "2T", 2 * ki * gi },
        { "2P", 2 * mi * gi },
        { "7E", 7 * gi * gi },
        { "7.9E", 9108079886394091110u }, /* 7.9 * 2^60 = ...110.4 */
        { "9223372036854775807", INT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint64_t bytes = 1;

        if (!text_to_size(rows[i].text, &bytes) || bytes != rows[i].bytes)
            fail_msg("'%s' is %llu", rows[i].text, (unsigned long long)bytes);
    }
}

static void refuses_what_is_no_size(void **state)
{
    static const char *const rows[] = { "",
                                        " 1",
                                        "1 ",
                                        "-1",
                                        "+1",
                                        "K",
                                        "1.K",
                                        ".5K",
                                        "1.5",
                                        "1.5B",
                                        "1 MB",
                                        "1MM",
                                        "1iB",
                                        "0x10",
                                        "1e3",
                                        "8E",
                                        "1Z",
                                        "1.5.5K",
                                        "1,5K",
                                        "1KiBB",
                                        "9223372036854775808",
                                        "99999999999999999999",
                                        "9999999999999999E" };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint64_t bytes = 77;

        if (text_to_size(rows[i], &bytes))
            fail_msg("'%s' taken as %llu", rows[i], (unsigned long long)bytes);
        assert_int_equal(bytes, 77);
    }
}

static void reads_whole_numbers(void **state)
{
    const char *at = "007/8", *begin = at;
    uint64_t value = 5;

    (void)state;
    assert_true(text_to_u64("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    assert_true(text_to_u64("0", &value));
    assert_int_equal(value, 0);
    value = 5;
    assert_false(text_to_u64("18446744073709551616", &value));
    assert_false(text_to_u64("", &value));
    assert_false(text_to_u64("-1", &value));
    assert_false(text_to_u64("+1", &value));
    assert_false(text_to_u64(" 1", &value));
    assert_false(text_to_u64("1 ", &value));
    assert_false(text_to_u64("1x", &value));
    assert_int_equal(value, 5);
    assert_true(text_take_u64(&at, &value));
    assert_int_equal(value, 7);
    assert_ptr_equal(at, begin + 3);
    assert_false(text_take_u64(&at, &value));
    assert_ptr_equal(at, begin + 3);
}

static void reads_times(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } rows[] = { { "90", 90 },       { "1.5", 1.5 },  { "2m", 120 },
                 { "1h", 3600 },     { "0", 0 },      { "30s", 30 },
                 { "0.25h", 900.0 }, { "1.50m", 90 }, { ".5", 0.5 } };
    static const char *const rubbish[] = { "",    "-1", "m", "1d",  "1 m", "inf",
                                           "nan", "1.", ".", "1e3", "0x1", "1m30s" };
    char huge[400];
    double seconds = 3;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        assert_true(text_to_seconds(rows[i].text, &seconds));
        assert_true(seconds == rows[i].seconds);
    }
    seconds = 3;
    for (size_t i = 0; i < countof(rubbish); i++)
        assert_false(text_to_seconds(rubbish[i], &seconds));
    memset(huge, '9', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    assert_false(text_to_seconds(huge, &seconds));
    assert_true(seconds == 3);
}

static void prints_bytes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1.00 KiB" },
        { 1536, "1.50 KiB" },
        { 1024 * 1024 - 1, "1023.99 KiB" }, /* never more than there is */
        { 1024 * 1024, "1.00 MiB" },
        { 1610612736, "1.50 GiB" },
        { UINT64_MAX, "15.99 EiB" },
    };
    char out[32];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_string_equal(text_bytes(out, sizeof(out), rows[i].bytes), rows[i].text);
}

static void prints_times(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } rows[] = {
        { 0, "0.0s" },
        { 0.3, "0.3s" },
        { 59.94, "59.9s" },
        { 59.96, "1m00s" },
        { 65, "1m05s" },
        { 3599.4, "59m59s" },
        { 3600, "1h00m00s" },
        { 7384, "2h03m04s" },
        { 3599.6, "1h00m00s" },
        { 360000, "100h00m00s" },
        { -1, "?" },
        { INFINITY, "?" },
        { NAN, "?" },
    };
    char out[32];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_string_equal(text_seconds(out, sizeof(out), rows[i].seconds),
                            rows[i].text);
}

static void hex_there_and_back(void **state)
{
    const uint8_t bytes[] = { 0x00, 0x9f, 0xa0, 0xff };
    uint8_t back[4];
    char out[9];

    (void)state;
    text_hex(out, bytes, 4);
    assert_string_equal(out, "009fa0ff");
    assert_true(text_unhex(back, 4, "009FA0fF"));
    assert_memory_equal(back, bytes, 4);
    assert_false(text_unhex(back, 4, "009fa0f"));
    assert_false(text_unhex(back, 4, "009fa0ff0"));
    assert_false(text_unhex(back, 4, "009fa0fg"));
    assert_false(text_unhex(back, 4, ""));
    assert_true(text_unhex(back, 0, ""));
}

static void quotes_and_unquotes(void **state)
{
    static const struct {
        const char *text, *keep, *quoted;
    } rows[] = {
        { "dir with sp/\xc3\xbc#?%.bin", "/", "dir%20with%20sp/%C3%BC%23%3F%25.bin" },
        { "refs/pr/1", "", "refs%2Fpr%2F1" },
        { "Az09_.-~", "", "Az09_.-~" },
        { "\x01\xff+", "", "%01%FF%2B" },
        { "", "/", "" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf buf = { 0 }, back = { 0 };

        strbuf_adds(&buf, "");
        url_quote(&buf, rows[i].text, rows[i].keep);
        assert_string_equal(buf.data, rows[i].quoted);
        strbuf_adds(&back, "");
        url_unquote(&back, buf.data);
        assert_string_equal(back.data, rows[i].text);
        strbuf_release(&buf);
        strbuf_release(&back);
    }
}

static void broken_escapes_stay(void **state)
{
    static const char *const rows[][2] = {
        { "%", "%" },       { "%4", "%4" },   { "a%4gb", "a%4gb" },     { "%%41", "%A" },
        { "%00x", "%00x" }, { "%2", "%2" },   { "%c3%bc", "\xc3\xbc" }, { "%-1", "%-1" },
        { "100%", "100%" }, { "a+b", "a+b" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf buf = { 0 };

        url_unquote(&buf, rows[i][0]);
        assert_string_equal(buf.data, rows[i][1]);
        strbuf_release(&buf);
    }
}

static void knows_utf8(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        { "plain", true },
        { "\xc2\x80", true },
        { "\xdf\xbf", true },
        { "\xe0\xa0\x80", true },
        { "\xed\x9f\xbf", true },
        { "\xef\xbf\xbf", true },
        { "\xf0\x90\x80\x80", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "\x80", false },             /* a continuation alone */
        { "\xc0\xaf", false },         /* overlong '/' */
        { "\xc1\xbf", false },         /* overlong */
        { "\xe0\x9f\xbf", false },     /* overlong */
        { "\xf0\x8f\xbf\xbf", false }, /* overlong */
        { "\xed\xa0\x80", false },     /* a surrogate */
        { "\xf4\x90\x80\x80", false }, /* beyond U+10FFFF */
        { "\xf5\x80\x80\x80", false },
        { "\xff", false },
        { "\xc3", false },
        { "a\xe4\xb8", false },
        { "\xe4\xb8z", false },
        { "\xf0\x9f\x98", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (utf8_is_valid(rows[i].text, strlen(rows[i].text)) != rows[i].good)
            fail_msg("row %zu", i);
    assert_true(utf8_is_valid("a\0b", 3));
    assert_false(utf8_is_valid("\xc3\xbc", 1)); /* the length counts, not what follows */
}

static void reads_code_points(void **state)
{
    const char *at = "a\xc3\xbc\xf0\x9f\x98\x80\xff\xe4\xb8";
    static const uint32_t want[] = { 'a', 0xfc, 0x1f600, 0xdcff, 0xdce4, 0xdcb8 };

    (void)state;
    for (size_t i = 0; i < countof(want); i++)
        assert_int_equal(utf8_rune(&at), want[i]);
    assert_int_equal(*at, '\0');
}

static void masks_and_cuts(void **state)
{
    char text[] = "a\x1b[31m\n\x7f\xc2\x9b\xc3\xbc\xff!";
    char cut[] = "123\xe4\xb8\xad"
                 "6789";

    (void)state;
    utf8_mask(text);
    assert_string_equal(text, "a?[31m???\xc3\xbc?!");
    utf8_cut(cut, 9); /* at most 8 bytes, dots included; 5 would split the character */
    assert_string_equal(cut, "123...");
}

static void compares(void **state)
{
    (void)state;
    assert_true(text_starts("abc", "ab"));
    assert_true(text_starts("abc", ""));
    assert_false(text_starts("a", "ab"));
    assert_true(text_ends("abc", "bc"));
    assert_true(text_ends("abc", ""));
    assert_false(text_ends("c", "bc"));
    assert_true(text_alike("Identity", "iDENTITY", SIZE_MAX));
    assert_false(text_alike("identity", "identity2", SIZE_MAX));
    assert_true(text_alike("multipart/x", "Multipart/y", 10));
    assert_false(text_alike("a", "b", 1));
    assert_false(text_alike("[", "{", 1)); /* 32 apart, but no letters */
}

/* The examples of RFC 4648, and bytes with the high bit. */
static void test_base64(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
        { "\xff\xfe\xfd", "//79" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf out = { 0 };

        text_base64(&out, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(out.data ? out.data : "", rows[i][1]);
        strbuf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(refuses_what_is_no_size),
        cmocka_unit_test(reads_whole_numbers),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(prints_bytes),
        cmocka_unit_test(prints_times),
        cmocka_unit_test(hex_there_and_back),
        cmocka_unit_test(quotes_and_unquotes),
        cmocka_unit_test(broken_escapes_stay),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(reads_code_points),
        cmocka_unit_test(masks_and_cuts),
        cmocka_unit_test(compares),
        cmocka_unit_test(test_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
