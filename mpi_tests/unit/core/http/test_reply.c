#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/http/reply.h"

#define ABSENT UINT64_MAX

static void reads_content_range(void **state)
{
    static const struct {
        const char *text;
        struct content_range range;
    } rows[] = {
        { "bytes 0-9/100", { 0, 10, 100 } },
        { "bytes 99-99/100", { 99, 100, 100 } },
        { "bytes 0-9/*", { 0, 10, ABSENT } },
        { "bytes */100", { ABSENT, ABSENT, 100 } },
        { "bytes */0", { ABSENT, ABSENT, 0 } },
        { "Bytes 0-9/100", { 0, 10, 100 } },
        { "bytes 4294967296-9223372036854775806/9223372036854775807",
          { 4294967296, INT64_MAX, INT64_MAX } },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct content_range got;

        if (!reply_content_range(rows[i].text, &got))
            fail_msg("'%s'", rows[i].text);
        assert_true(got.begin == rows[i].range.begin);
        assert_true(got.end == rows[i].range.end);
        assert_true(got.total == rows[i].range.total);
    }
}

static void refuses_what_is_no_content_range(void **state)
{
    static const char *const rows[] = {
        "",
        "bytes",
        "bytes ",
        "bytes 0-9",
        "bytes 0-9/",
        "bytes 0-/100",
        "bytes -9/100",
        "bytes 9-0/100",   /* backwards */
        "bytes 0-100/100", /* beyond the total */
        "bytes */*",
        "bytes *",
        "bytes 0-9/100 ",
        "bytes 0-9/100, 20-29/100",
        "bytes=0-9/100",
        "bytes: 0-9/100",
        "items 0-9/100",
        "bytes 0x0-9/100",
        "bytes +0-9/100",
        "bytes 0 - 9/100",
        "bytes 0-9/-1",
        "bytes 0-9223372036854775807/9223372036854775808",
        "bytes 0-18446744073709551615/*",
        "bytes 0-18446744073709551616/*",
        "bytes 0-9/99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct content_range got;

        if (reply_content_range(rows[i], &got))
            fail_msg("'%s'", rows[i]);
    }
}

/* A good reply to "bytes 100-199" of a file of 1000, in which each row
 * changes something. */
struct row {
    int status;
    const char *content_range, *content_type, *content_encoding, *etag;
    int64_t content_length;
    uint64_t end; /* what of the range is good; the begin if nothing is */
    enum net_fault fault;
};

static void fill(struct reply *reply, const struct row *row)
{
    *reply =
        (struct reply){ .status = row->status, .content_length = row->content_length };
    snprintf(reply->content_range, sizeof(reply->content_range), "%s",
             row->content_range ? row->content_range : "");
    snprintf(reply->content_type, sizeof(reply->content_type), "%s",
             row->content_type ? row->content_type : "");
    snprintf(reply->content_encoding, sizeof(reply->content_encoding), "%s",
             row->content_encoding ? row->content_encoding : "");
    snprintf(reply->etag, sizeof(reply->etag), "%s", row->etag ? row->etag : "");
}

static void check(const struct row *rows, size_t count, const struct reply_want *want)
{
    for (size_t i = 0; i < count; i++) {
        struct reply reply;
        struct err err = { 0 };
        uint64_t end = 77;
        enum net_fault fault;

        fill(&reply, &rows[i]);
        fault = reply_check(&reply, want, &end, &err);
        if (fault != rows[i].fault || end != rows[i].end)
            fail_msg("row %zu: fault %d, end %llu, '%s'", i, (int)fault,
                     (unsigned long long)end, err.text);
        assert_int_equal(err.code, fault == NET_OK ? ERR_NONE : ERR_SOURCE);
        assert_true(fault == NET_OK || strlen(err.text) > 10);
    }
}

static void checks_a_part(void **state)
{
    static const struct row rows[] = {
        { 206, "bytes 100-199/1000", "x/y", NULL, NULL, 100, 200, NET_OK },
        { 206, "bytes 100-199/1000", NULL, "identity", NULL, -1, 200, NET_OK },
        { 206, "bytes 100-199/1000", NULL, "Identity", NULL, 100, 200, NET_OK },
        /* shorter than asked for is legal */
        { 206, "bytes 100-149/1000", NULL, NULL, NULL, 50, 150, NET_OK },
        { 206, "bytes 100-100/1000", NULL, NULL, NULL, 1, 101, NET_OK },
        /* elsewhere, or beyond what was asked for */
        { 206, "bytes 0-199/1000", NULL, NULL, NULL, 200, 100, NET_RANGE },
        { 206, "bytes 99-199/1000", NULL, NULL, NULL, 101, 100, NET_RANGE },
        { 206, "bytes 101-199/1000", NULL, NULL, NULL, 99, 100, NET_RANGE },
        { 206, "bytes 100-200/1000", NULL, NULL, NULL, 101, 100, NET_RANGE },
        { 206, "bytes 100-999/1000", NULL, NULL, NULL, 900, 100, NET_RANGE },
        /* of a file of another size */
        { 206, "bytes 100-199/1001", NULL, NULL, NULL, 100, 100, NET_CHANGED },
        { 206, "bytes 100-199/200", NULL, NULL, NULL, 100, 100, NET_CHANGED },
        { 206, "bytes 100-149/150", NULL, NULL, NULL, 50, 100, NET_CHANGED },
        /* not to be known */
        { 206, "bytes 100-199/*", NULL, NULL, NULL, 100, 100, NET_RANGE },
        { 206, "bytes */1000", NULL, NULL, NULL, 100, 100, NET_RANGE },
        { 206, "rubbish", NULL, NULL, NULL, 100, 100, NET_RANGE },
        { 206, NULL, NULL, NULL, NULL, 100, 100, NET_RANGE },
        { 206, NULL, "multipart/byteranges; boundary=x", NULL, NULL, 100, 100,
          NET_RANGE },
        { 206, "bytes 100-199/1000", "Multipart/ByteRanges", NULL, NULL, 100, 100,
          NET_RANGE },
        /* not what it announces */
        { 206, "bytes 100-199/1000", NULL, NULL, NULL, 99, 100, NET_RANGE },
        { 206, "bytes 100-199/1000", NULL, NULL, NULL, 0, 100, NET_RANGE },
        { 206, "bytes 100-149/1000", NULL, NULL, NULL, 100, 100, NET_RANGE },
        { 206, "bytes 100-199/1000", NULL, "gzip", NULL, 100, 100, NET_ENCODED },
        { 206, "bytes 100-199/1000", NULL, "identity, gzip", NULL, 100, 100,
          NET_ENCODED },
        /* the whole file although a part was wanted */
        { 200, NULL, NULL, NULL, NULL, 1000, 100, NET_RANGE },
        { 200, NULL, NULL, NULL, NULL, -1, 100, NET_RANGE },
        { 200, NULL, NULL, NULL, NULL, 100, 100, NET_RANGE },
        { 200, "bytes 100-199/1000", NULL, NULL, NULL, 100, 100, NET_RANGE },
        /* no content at all */
        { 204, NULL, NULL, NULL, NULL, 0, 100, NET_RANGE },
        { 203, "bytes 100-199/1000", NULL, NULL, NULL, 100, 100, NET_RANGE },
        { 0, NULL, NULL, NULL, NULL, -1, 100, NET_RANGE },
        /* the status speaks */
        { 302, NULL, NULL, "gzip", NULL, -1, 100, NET_OK },
        { 403, NULL, "text/html", "gzip", NULL, 5, 100, NET_OK },
        { 416, "bytes */50", NULL, NULL, NULL, 0, 100, NET_OK },
        { 503, NULL, NULL, NULL, NULL, -1, 100, NET_OK },
    };
    const struct reply_want want = { .range = { 100, 200 }, .size = 1000, .etag = "" };

    (void)state;
    check(rows, countof(rows), &want);
}

static void checks_a_whole_file(void **state)
{
    static const struct row rows[] = {
        { 200, NULL, NULL, NULL, NULL, 1000, 1000, NET_OK },
        { 200, NULL, NULL, NULL, NULL, -1, 1000, NET_OK },
        { 200, NULL, NULL, NULL, NULL, 999, 0, NET_RANGE },
        { 200, NULL, "text/html", NULL, NULL, 512, 0, NET_RANGE }, /* a login page */
        { 200, NULL, NULL, NULL, NULL, 0, 0, NET_RANGE },
        { 200, NULL, NULL, "gzip", NULL, 1000, 0, NET_ENCODED },
        { 206, "bytes 0-999/1000", NULL, NULL, NULL, 1000, 1000, NET_OK },
        { 206, "bytes 0-499/1000", NULL, NULL, NULL, 500, 500, NET_OK },
        { 206, "bytes 1-999/1000", NULL, NULL, NULL, 999, 0, NET_RANGE },
        { 404, NULL, NULL, NULL, NULL, 1000, 0, NET_OK },
    };
    struct reply_want want = { .range = { 0, 1000 }, .size = 1000, .etag = "" };

    (void)state;
    check(rows, countof(rows), &want); /* a range that is all of the file */
    want.whole = true;
    check(rows, countof(rows), &want); /* no range */
}

/* From the front is not the whole. */
static void a_first_part_is_no_whole_file(void **state)
{
    static const struct row rows[] = {
        { 200, NULL, NULL, NULL, NULL, 1000, 0, NET_RANGE },
        { 200, NULL, NULL, NULL, NULL, 500, 0, NET_RANGE },
        { 206, "bytes 0-499/1000", NULL, NULL, NULL, 500, 500, NET_OK },
    };
    const struct reply_want want = { .range = { 0, 500 }, .size = 1000, .etag = "" };

    (void)state;
    check(rows, countof(rows), &want);
}

static void an_empty_file_is_a_200_of_nothing(void **state)
{
    static const struct row rows[] = {
        { 200, NULL, NULL, NULL, NULL, 0, 0, NET_OK },
        { 200, NULL, NULL, NULL, NULL, -1, 0, NET_OK },
        { 200, NULL, NULL, NULL, NULL, 1, 0, NET_RANGE },
        { 206, "bytes 0-0/1", NULL, NULL, NULL, 1, 0, NET_CHANGED },
        { 416, "bytes */0", NULL, NULL, NULL, -1, 0, NET_OK },
    };
    const struct reply_want want = { .size = 0, .whole = true };

    (void)state;
    check(rows, countof(rows), &want);
}

static void says_that_ranges_are_ignored(void **state)
{
    const struct reply reply = { .status = 200, .content_length = 1000 };
    const struct reply_want want = { .range = { 100, 200 }, .size = 1000, .etag = "" };
    struct err err = { 0 };
    uint64_t end;

    (void)state;
    assert_int_equal(reply_check(&reply, &want, &end, &err), NET_RANGE);
    assert_non_null(strstr(err.text, "ignores ranges"));
}

static void holds_validators_where_no_digest_judges(void **state)
{
    static const struct {
        const char *planned, *etag, *modified;
        enum net_fault fault;
    } rows[] = {
        { "v1", "\"v1\"", "", NET_OK },
        { "v1", "W/\"v1\"", "", NET_CHANGED }, /* weak: the bytes may differ */
        { "v1", "w/\"v1\"", "", NET_CHANGED },
        { "v1", "v1", "", NET_OK },
        { "v1", "\"v1-gzip\"", "", NET_OK },
        { "v1", "\"v2\"", "", NET_CHANGED },
        { "v1", "\"v1x\"", "", NET_CHANGED },
        /* the tag is gone: whoever dropped it may have replaced the file as well */
        { "v1", "", "", NET_CHANGED },
        { "v1", "\"\"", "", NET_CHANGED },
        { "v1", "", "Sun, 06 Nov 1994 08:49:37 GMT", NET_CHANGED },
        { "", "\"v2\"", "", NET_OK },
        { "date:A", "", "A", NET_OK },
        { "date:A", "", "B", NET_CHANGED },
        { "date:A", "\"v1\"", "A", NET_OK },
        { "date:A", "\"v1\"", "B",
          NET_CHANGED }, /* a tag that came since hides no date */
        { "date:A", "\"v1\"", "", NET_CHANGED },
        { "date:A", "", "", NET_CHANGED },
        { "v1", "\"v1\"", "B", NET_OK }, /* the tag is the stronger */
        { "v1", "\"v2\"", "A", NET_CHANGED },
        { NULL, "\"v1\"", "", NET_OK },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct reply reply = { .status = 206, .content_length = -1 };
        struct reply_want want = { .range = { 0, 10 },
                                   .size = 20,
                                   .etag = rows[i].planned };
        struct err err = { 0 };
        uint64_t end;

        strcpy(reply.content_range, "bytes 0-9/20");
        strcpy(reply.etag, rows[i].etag);
        strcpy(reply.last_modified, rows[i].modified);
        if (reply_check(&reply, &want, &end, &err) != rows[i].fault)
            fail_msg("row %zu", i);
        assert_int_equal(end, rows[i].fault == NET_OK ? 10 : 0);
        want.digest = true;
        assert_int_equal(reply_check(&reply, &want, &end, NULL), NET_OK);
        assert_int_equal(end, 10);
    }
}

static void makes_validators(void **state)
{
    static const char modified[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    static const char minute_later[] = "Sun, 06 Nov 1994 08:50:37 GMT";
    static const struct {
        const char *etag, *modified, *date, *validator;
    } rows[] = {
        { "\"abc\"", modified, minute_later, "abc" },
        { "abc", "", "", "abc" },
        { "\"abc-gzip\"", "", "", "abc" },
        { "\"a\"b\"", "", "", "a\"b" },
        /* weak ones may stay when the bytes change */
        { "W/\"abc\"", "", "", "" },
        { "w/\"abc\"", "", "", "" },
        { "W/", "", "", "" },
        { "W/\"abc\"", modified, minute_later, "date:Sun, 06 Nov 1994 08:49:37 GMT" },
        { "", modified, minute_later, "date:Sun, 06 Nov 1994 08:49:37 GMT" },
        { "\"\"", modified, minute_later, "date:Sun, 06 Nov 1994 08:49:37 GMT" },
        /* a second change in the same second would not show */
        { "", modified, "Sun, 06 Nov 1994 08:50:36 GMT", "" },
        { "", modified, modified, "" },
        { "", modified, "", "" },
        { "", minute_later, modified, "" },
        { "", "yesterday", minute_later, "" },
        { "", modified, "today", "" },
        { "", "", minute_later, "" },
        { "\"", "", "", "" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        char out[REPLY_VALIDATOR];
        struct reply reply = { .status = 200 };

        strcpy(reply.etag, rows[i].etag);
        strcpy(reply.last_modified, rows[i].modified);
        strcpy(reply.date, rows[i].date);
        reply_validator(&reply, out);
        if (strcmp(out, rows[i].validator) != 0)
            fail_msg("row %zu: '%s'", i, out);
    }
}

/* The longest tag a reply can hold must not be cut into one that looks like another. */
static void a_long_tag_is_held_whole(void **state)
{
    struct reply reply = { .status = 200, .content_length = -1 };
    char planned[REPLY_VALIDATOR];
    struct reply_want want = { .size = 1, .whole = true, .etag = planned };
    uint64_t end;

    (void)state;
    memset(reply.etag, 'e', sizeof(reply.etag) - 1);
    reply_validator(&reply, planned);
    assert_int_equal(reply_check(&reply, &want, &end, NULL), NET_OK);
    planned[sizeof(planned) - 2] = 'f';
    assert_int_equal(reply_check(&reply, &want, &end, NULL), NET_CHANGED);
}

static void a_digest_judges_what_is_labelled(void **state)
{
    static const struct {
        const char *encoding;
        bool plain;
    } rows[] = {
        { "", true },           { "identity", true },
        { "none", true },       { "UTF-8", true },
        { "binary", true },     { "aws-chunked", true },
        { "gzip", false },      { "x-gzip", false },
        { "br", false },        { "aws-chunked, gzip", false },
        { "zstd", false },      { "aws-chunked,identity", true },
        { "gzip, ", false },    { "identity gzip", false },
        { "identityx", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct reply reply = { .status = 206, .content_length = 10 };
        struct reply_want want = { .range = { 0, 10 }, .size = 20, .etag = "" };
        uint64_t end;

        strcpy(reply.content_range, "bytes 0-9/20");
        strcpy(reply.content_encoding, rows[i].encoding);
        if (reply_is_plain(rows[i].encoding) != rows[i].plain)
            fail_msg("row %zu", i);
        assert_int_equal(reply_check(&reply, &want, &end, NULL),
                         rows[i].plain ? NET_OK : NET_ENCODED);
        want.digest = true;
        assert_int_equal(reply_check(&reply, &want, &end, NULL), NET_OK);
        assert_int_equal(end, 10);
        /* compressed on the way: it has another length, and the label says why */
        reply.content_length = 7;
        assert_int_equal(reply_check(&reply, &want, &end, NULL),
                         rows[i].plain ? NET_RANGE : NET_ENCODED);
    }
}

/* One node of a CDN may lag behind: which one is right shows in the end. */
static void another_size_is_stale_where_a_digest_judges(void **state)
{
    struct reply part = { .status = 206, .content_length = 10 };
    struct reply whole = { .status = 200, .content_length = 21 };
    struct reply_want want = { .range = { 0, 10 }, .size = 20, .etag = "" };
    uint64_t end;

    (void)state;
    strcpy(part.content_range, "bytes 0-9/21");
    assert_int_equal(reply_check(&part, &want, &end, NULL), NET_CHANGED);
    want.digest = true;
    assert_int_equal(reply_check(&part, &want, &end, NULL), NET_STALE);
    want.whole = true;
    assert_int_equal(reply_check(&whole, &want, &end, NULL), NET_STALE);
    want.digest = false;
    assert_int_equal(reply_check(&whole, &want, &end, NULL), NET_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_content_range),
        cmocka_unit_test(refuses_what_is_no_content_range),
        cmocka_unit_test(checks_a_part),
        cmocka_unit_test(checks_a_whole_file),
        cmocka_unit_test(a_first_part_is_no_whole_file),
        cmocka_unit_test(an_empty_file_is_a_200_of_nothing),
        cmocka_unit_test(says_that_ranges_are_ignored),
        cmocka_unit_test(holds_validators_where_no_digest_judges),
        cmocka_unit_test(makes_validators),
        cmocka_unit_test(a_long_tag_is_held_whole),
        cmocka_unit_test(a_digest_judges_what_is_labelled),
        cmocka_unit_test(another_size_is_stale_where_a_digest_judges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
