/* io/http/http.c and replies to ranges, byte by byte: which becomes which outcome. */
#include "http_play.h"

/* The file has 100 bytes; bytes 10 to 19 are asked for, which are "0123456789". */
#define PART "HTTP/1.1 206 Partial Content\r\n"
#define TAG "ETag: \"v1\"\r\n"
#define RANGE "Content-Range: bytes 10-19/100\r\n" TAG
#define TEN "Content-Length: 10\r\n\r\n"

struct row {
    const char *name;
    struct raw_play play;
    enum net_fault fault;
    int32_t status;
    uint64_t end; /* of what the reply was good for; 10 is nothing */
    const char *body;
};

static const struct row ranged_rows[] = {
    { "as asked",
      { PART RANGE TEN "0123456789", RAW_KEEP, 0 },
      NET_OK,
      206,
      20,
      "0123456789" },
    { "short but whole",
      { PART "Content-Range: bytes 10-13/100\r\n" TAG "Content-Length: 4\r\n\r\n0123",
        RAW_KEEP, 0 },
      NET_OK,
      206,
      14,
      "0123" },
    { "begins too early",
      { PART "Content-Range: bytes 9-18/100\r\n" TEN "x012345678", RAW_KEEP, 0 },
      NET_RANGE,
      206,
      10,
      "" },
    { "begins too late",
      { PART "Content-Range: bytes 11-19/100\r\nContent-Length: 9\r\n\r\n123456789",
        RAW_KEEP, 0 },
      NET_RANGE,
      206,
      10,
      "" },
    { "other total",
      { PART "Content-Range: bytes 10-19/101\r\n" TEN "0123456789", RAW_KEEP, 0 },
      NET_CHANGED,
      206,
      10,
      "" },
    { "no Content-Range",
      { PART TEN "0123456789", RAW_KEEP, 0 },
      NET_RANGE,
      206,
      10,
      "" },
    { "two Content-Range",
      { PART RANGE "Content-Range: bytes 10-18/100\r\n" TEN "0123456789", RAW_KEEP, 0 },
      NET_PROTOCOL,
      206,
      10,
      "" },
    { "multipart",
      { PART
        "Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 76\r\n\r\n"
        "--x\r\nContent-Range: bytes 10-19/100\r\n\r\n0123456789\r\n--x--",
        RAW_CLOSE, 0 },
      NET_RANGE,
      206,
      10,
      "" },
    { "compressed",
      { PART RANGE "Content-Encoding: gzip\r\n" TEN "0123456789", RAW_KEEP, 0 },
      NET_ENCODED,
      206,
      10,
      "" },
    { "the whole file instead",
      { "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxxxxxxxxxx0123456789", RAW_KEEP,
        0 },
      NET_RANGE,
      200,
      10,
      "" },
    { "cut", { PART RANGE TEN "01234", RAW_CLOSE, 0 }, NET_CUT, 206, 10, "01234" },
    { "cut by a reset before the body",
      { PART RANGE TEN, RAW_RESET, 0 },
      NET_CUT,
      206,
      10,
      "" },
    { "cut in its header", { PART "Content-Ra", RAW_CLOSE, 0 }, NET_CUT, 206, 10, "" },
    { "nothing at all", { "", RAW_CLOSE, 0 }, NET_CUT, 0, 10, "" },
    { "ends with the connection, whole",
      { PART RANGE "\r\n0123456789", RAW_CLOSE, 0 },
      NET_OK,
      206,
      20,
      "0123456789" },
    /* How it ended is said; whoever has all bytes need not mind. */
    { "ends with a reset, whole",
      { PART RANGE "\r\n0123456789", RAW_RESET, 0 },
      NET_CUT,
      206,
      10,
      "0123456789" },
    { "ends with the connection, cut",
      { PART RANGE "\r\n012345678", RAW_CLOSE, 0 },
      NET_CUT,
      206,
      10,
      "012345678" },
    { "ends with the connection, too long",
      { PART RANGE "\r\n0123456789x", RAW_CLOSE, 0 },
      NET_RANGE,
      206,
      10,
      "" },
    { "more behind Content-Length",
      { PART RANGE TEN "0123456789xyz", RAW_CLOSE, 0 },
      NET_OK,
      206,
      20,
      "0123456789" },
    { "chunked",
      { PART RANGE
        "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n",
        RAW_KEEP, 0 },
      NET_OK,
      206,
      20,
      "0123456789" },
    { "chunked, with trailers that look like a header",
      { PART RANGE "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n"
                   "Content-Range: bytes 0-9/100\r\n\r\n",
        RAW_KEEP, 0 },
      NET_OK,
      206,
      20,
      "0123456789" },
    { "chunked, whole, then a reset in place of the last chunk",
      { PART RANGE "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n",
        RAW_RESET, 0 },
      NET_CUT,
      206,
      10,
      "0123456789" },
    { "chunked, too long",
      { PART RANGE "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789x\r\n0\r\n\r\n",
        RAW_KEEP, 0 },
      NET_RANGE,
      206,
      10,
      "" },
    { "chunked, ended early",
      { PART RANGE "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n0\r\n\r\n", RAW_KEEP,
        0 },
      NET_CUT,
      206,
      10,
      "0123" },
    { "two lengths",
      { PART RANGE "Content-Length: 9\r\n" TEN "0123456789", RAW_KEEP, 0 },
      NET_PROTOCOL,
      206,
      10,
      "" },
    { "the same length twice",
      { PART RANGE "Content-Length: 10\r\n" TEN "0123456789", RAW_KEEP, 0 },
      NET_OK,
      206,
      20,
      "0123456789" },
    { "an interim reply first",
      { "HTTP/1.1 103 Early Hints\r\nContent-Range: bytes 0-9/9\r\nETag: "
        "\"no\"\r\n\r\n" PART RANGE TEN "0123456789",
        RAW_KEEP, 0 },
      NET_OK,
      206,
      20,
      "0123456789" },
    { "a version without a tag",
      { PART "Content-Range: bytes 10-19/100\r\n" TEN "0123456789", RAW_KEEP, 0 },
      NET_CHANGED,
      206,
      10,
      "" },
    { "another version",
      { PART "Content-Range: bytes 10-19/100\r\nETag: \"v2\"\r\n" TEN "0123456789",
        RAW_KEEP, 0 },
      NET_CHANGED,
      206,
      10,
      "" },
    { "the same version, perhaps",
      { PART "Content-Range: bytes 10-19/100\r\nETag: W/\"v1\"\r\n" TEN "0123456789",
        RAW_KEEP, 0 },
      NET_CHANGED,
      206,
      10,
      "" },
    { "the same version",
      { PART "Content-Range: bytes 10-19/100\r\nETag: \"v1\"\r\n" TEN "0123456789",
        RAW_KEEP, 0 },
      NET_OK,
      206,
      20,
      "0123456789" },
    { "beyond the end",
      { "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */5\r\n"
        "Content-Length: 5\r\n\r\nsorry",
        RAW_KEEP, 0 },
      NET_OK,
      416,
      10,
      "" },
    { "not HTTP", { "SSH-2.0-OpenSSH_9.2\r\n", RAW_CLOSE, 0 }, NET_PROTOCOL, 0, 10, "" },
};

static void test_ranged(void **state)
{
    for (size_t i = 0; i < countof(ranged_rows); i++) {
        const struct row *row = &ranged_rows[i];
        const struct http_request request = {
            .ranged = true,
            .checked = true,
            .want = { .range = { 10, 20 }, .size = 100, .etag = "v1" },
        };
        struct http_response response;
        struct strbuf body = { 0 };
        bool good = row->fault == NET_OK && row->status < 300;

        print_message("ranged: %s\n", row->name);
        play(*state, &row->play, request, &response, &body);
        assert_int_equal(response.outcome.fault, row->fault);
        assert_int_equal(response.outcome.status, row->status);
        assert_int_equal(response.end, row->end);
        assert_string_equal(body.data ? body.data : "", row->body);
        if (row->status < 300)
            assert_int_equal(response.bytes, strlen(row->body));
        assert_int_equal(response.outcome.progressed, response.bytes > 0);
        assert_int_equal(response.err.code == ERR_NONE, good);
        if (!good)
            assert_memory_equal(response.err.text, "GET 'http://127.0.0.1:", 22);
        http_response_release(&response);
        strbuf_release(&body);
    }
}

/* Lengths that are none end before the sink sees a byte, and never as a success. */
static void test_lengths(void **state)
{
    static const char *const lengths[] = { "-10",  "10x",
                                           "0x0a", "9223372036854775808",
                                           "1 0",  "10, 10, 11" };

    for (size_t i = 0; i < countof(lengths); i++) {
        const struct http_request request = {
            .ranged = true,
            .checked = true,
            .want = { .range = { 10, 20 }, .size = 100, .etag = "" },
        };
        struct http_response response;
        struct strbuf body = { 0 };
        char text[256];
        struct raw_play bytes = { text, RAW_CLOSE, 0 };

        snprintf(text, sizeof(text), PART RANGE "Content-Length: %s\r\n\r\n0123456789",
                 lengths[i]);
        play(*state, &bytes, request, &response, &body);
        assert_int_equal(response.outcome.fault, NET_PROTOCOL);
        assert_int_equal(body.len, 0);
        http_response_release(&response);
        strbuf_release(&body);
    }
}

/* A chunk size that is none: what came before it may be used, no more. */
static void test_bad_chunk(void **state)
{
    static const struct raw_play bytes = {
        PART RANGE
        "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\nzz\r\n456789\r\n0\r\n\r\n",
        RAW_CLOSE, 0
    };
    const struct http_request request = {
        .ranged = true,
        .checked = true,
        .want = { .range = { 10, 20 }, .size = 100, .etag = "" },
    };
    struct http_response response;
    struct strbuf body = { 0 };

    play(*state, &bytes, request, &response, &body);
    assert_true(response.outcome.fault == NET_CUT ||
                response.outcome.fault == NET_PROTOCOL);
    assert_string_equal(body.data, "0123");
    http_response_release(&response);
    strbuf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranged),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_bad_chunk),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
