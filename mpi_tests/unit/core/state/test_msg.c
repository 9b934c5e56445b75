#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/state/msg.h"

/* What the comments of msg.h promise to carry, kind by kind. */
enum carried {
    SEGMENT = 1 << 0,
    SEGMENTS = 1 << 1,
    FILE_NUMBER = 1 << 2,
    GENERATION = 1 << 3,
    UNITS = 1 << 4,
    RUNNING = 1 << 5,
    STEP = 1 << 6,
    CODE = 1 << 7,
    RANK = 1 << 8,
    FETCHED = 1 << 9,
    RATE = 1 << 10,
    PAUSE = 1 << 11,
    REACHED = 1 << 12,
    LOST = 1 << 13,
    WHOLE = 1 << 14,
    MIDSTATE = 1 << 15,
    DIGEST = 1 << 16,
    OUTCOME = 1 << 17,
    TEXT = 1 << 18,
    URL = 1 << 19,
    BLOB = 1 << 20,
    ITEMS = 1 << 21,
    RECEIVED = 1 << 22,
    WAITING = 1 << 23,
    AT_ONCE = 1 << 24,
    TICKET = 1 << 25,
    NODE = 1 << 26,
    REASON = 1 << 27
};

/* Of items, beside the segment. */
enum carried_by_items {
    ITEM_FLAGS = 1 << 0,
    ITEM_BYTES = 1 << 1,
    ITEM_HELD = 1 << 2,
    ITEM_DIGEST = 1 << 3,
    ITEM_SEGMENTS = 1 << 4,
    ITEM_SPEED = 1 << 5,
    ITEM_PROOF = 1 << 6
};

static const struct {
    unsigned fields; /* enum carried */
    unsigned items;  /* enum carried_by_items */
} promised[MSG_KINDS] = {
    [MSG_CREDIT] = { UNITS, 0 },
    [MSG_PROGRESS] = { FETCHED | RECEIVED | REACHED | RUNNING | WAITING | ITEMS,
                       ITEM_BYTES | ITEM_FLAGS | ITEM_SPEED },
    [MSG_LANDED] = { ITEMS, ITEM_SEGMENTS | ITEM_FLAGS | ITEM_DIGEST },
    [MSG_FAILED] = { SEGMENT | GENERATION | REASON | LOST | OUTCOME | TEXT, 0 },
    [MSG_CANCELLED] = { SEGMENT, 0 },
    [MSG_SHORTENED] = { SEGMENT | SEGMENTS, 0 },
    [MSG_HASHED] = { SEGMENT | SEGMENTS | MIDSTATE | WHOLE | DIGEST, 0 },
    [MSG_SUMS] = { ITEMS | BLOB, ITEM_SEGMENTS },
    [MSG_ABORT] = { CODE | RANK | TEXT, 0 },
    [MSG_STATS] = { BLOB, 0 },
    [MSG_TRACE] = { BLOB, 0 },
    [MSG_SEEN] = { BLOB, 0 },
    [MSG_OWNER] = { BLOB, 0 },
    [MSG_VOTE] = { STEP | CODE | RANK | TEXT, 0 },
    [MSG_ALIVE] = { 0, 0 },
    [MSG_ANSWER] = { TICKET | LOST | WHOLE | BLOB, 0 },
    [MSG_ASK] = { TICKET | BLOB, 0 },
    [MSG_ASK_ON] = { TICKET | AT_ONCE, 0 },
    [MSG_GOT] = { ITEMS, ITEM_SEGMENTS },
    [MSG_MISSED] = { TICKET | NODE | SEGMENT | SEGMENTS | TEXT, 0 },
    [MSG_PROVED] = { ITEMS, ITEM_SEGMENTS | ITEM_FLAGS | ITEM_PROOF },
    [MSG_FORGOT] = { SEGMENT | SEGMENTS | ITEMS, ITEM_SEGMENTS },
    [MSG_FENCED] = { 0, 0 },
    [MSG_NODE_FAILED] = { CODE | TEXT, 0 },
    [MSG_TICKET] = { TICKET | ITEMS | BLOB, ITEM_SEGMENTS | ITEM_FLAGS },
    [MSG_LACK] = { SEGMENT | SEGMENTS | BLOB, 0 },
    [MSG_FENCE] = { TICKET | ITEMS, ITEM_SEGMENTS },
    [MSG_OFFER] = { TICKET | ITEMS | BLOB, ITEM_SEGMENTS | ITEM_FLAGS },
    [MSG_TAKE] = { TICKET | SEGMENT | SEGMENTS | UNITS, 0 },
    [MSG_GRANT] = { ITEMS, ITEM_SEGMENTS | ITEM_FLAGS | ITEM_HELD },
    [MSG_TAKE_BACK] = { SEGMENT, 0 },
    [MSG_CUT] = { SEGMENT | SEGMENTS, 0 },
    [MSG_SIGNED_URL] = { FILE_NUMBER | GENERATION | URL, 0 },
    [MSG_HASH] = { SEGMENT | SEGMENTS | MIDSTATE, 0 },
    [MSG_HOLD] = { PAUSE, 0 },
    [MSG_RATE] = { RATE, 0 },
    [MSG_CONNECTIONS] = { UNITS | AT_ONCE, 0 },
    [MSG_RENEW] = { SEGMENT, 0 },
    [MSG_STOP] = { CODE | RANK | TEXT, 0 },
    [MSG_DECISION] = { STEP | CODE | RANK | TEXT, 0 },
    [MSG_SHARE] = { BLOB, 0 },
    [MSG_LOST] = { STEP | CODE | TEXT, 0 },
};

static const char blob[] = "any\0bytes";

/* All fields differ from each other and from zero, in every byte where
 * that is possible. */
static void fill(struct msg *msg, enum msg_kind kind)
{
    *msg = (struct msg){
        .kind = kind,
        .segment = 0x81020304,
        .segments = 0x85060708,
        .file = 0x91020304,
        .generation = 0x95060708,
        .units = 0xa1020304,
        .running = 0xa5060708,
        .waiting = 0xa9060708,
        .received = 0xc1c2c3c4c5c6c7c8,
        .at_once = true,
        .step = 0xb1020304,
        .ticket = 0xb5060708,
        .node = 0xb9020304,
        .code = -9,
        .reason = REASON_GATED,
        .rank = INT32_MIN,
        .fetched = 0xf1f2f3f4f5f6f7f8,
        .rate = 0xd1d2d3d4d5d6d7d8,
        .pause = -1.0 / 3,
        .reached = true,
        .lost = true,
        .whole = true,
        .midstate = { .bytes = 0xe1e2e3e4e5e6e7e8 },
        .outcome = { .status = -503,
                     .fault = NET_LOCAL,
                     .retry_after = 86400.25,
                     .reset = -1,
                     .located = true,
                     .ranged = true,
                     .progressed = false },
        .nitems = MSG_ITEMS,
        .text = "no \xc3\xa4 b",
        .url = "https://h/p?sig=a",
        .blob = blob,
        .blob_len = sizeof(blob),
    };
    for (unsigned i = 0; i < 8; i++)
        msg->midstate.h[i] = 0x90a0b0c0 + i;
    for (unsigned i = 0; i < 32; i++)
        msg->sha256[i] = (uint8_t)(200 + i);
    for (unsigned i = 0; i < MSG_ITEMS; i++) {
        struct msg_item *item = &msg->item[i];

        *item = (struct msg_item){ .segment = UINT32_MAX - i,
                                   .segments = 0xc1020304 + i,
                                   .flags = MSG_ITEM_BAD | (i % 3 ? MSG_ITEM_DIGEST : 0),
                                   .where = 0x71020304 + i,
                                   .bytes = UINT64_MAX - 7 * i,
                                   .source = 0xa1b2c3d4 + i,
                                   .rate = 0xb1b2b3b4b5b6b7b8 + i,
                                   .seconds = 0.1 * i,
                                   .checksum = 0x81828384858687 + i };
        memset(item->sha256, 100 + (int)i, sizeof(item->sha256));
    }
}

static void assert_item(const struct msg_item *item, const struct msg_item *want,
                        unsigned carried)
{
    bool has_digest = (carried & ITEM_DIGEST) ||
                      ((carried & ITEM_PROOF) && (want->flags & MSG_ITEM_DIGEST));

    assert_int_equal(item->segment, want->segment);
    assert_int_equal(item->segments, carried & ITEM_SEGMENTS ? want->segments : 0);
    assert_int_equal(item->flags, carried & ITEM_FLAGS ? want->flags : 0);
    assert_true(item->bytes == (carried & ITEM_BYTES ? want->bytes : 0));
    assert_int_equal(item->where, carried & ITEM_HELD ? want->where : 0);
    assert_true(item->checksum == (carried & ITEM_HELD ? want->checksum : 0));
    assert_int_equal(item->source, carried & ITEM_SPEED ? want->source : 0);
    assert_true(item->rate == (carried & ITEM_SPEED ? want->rate : 0));
    assert_true(item->seconds == (carried & ITEM_SPEED ? want->seconds : 0));
    if (has_digest)
        assert_memory_equal(item->sha256, want->sha256, 32);
}

static void assert_large_fields(const struct msg *msg, const struct msg *want,
                                unsigned carried)
{
    if (carried & MIDSTATE)
        assert_memory_equal(&msg->midstate, &want->midstate, sizeof(msg->midstate));
    if (carried & DIGEST)
        assert_memory_equal(msg->sha256, want->sha256, 32);
    if (carried & OUTCOME) {
        assert_int_equal(msg->outcome.status, want->outcome.status);
        assert_int_equal(msg->outcome.fault, want->outcome.fault);
        assert_true(msg->outcome.retry_after == want->outcome.retry_after);
        assert_true(msg->outcome.reset == want->outcome.reset);
        assert_int_equal(msg->outcome.located, want->outcome.located);
        assert_int_equal(msg->outcome.ranged, want->outcome.ranged);
        assert_int_equal(msg->outcome.progressed, want->outcome.progressed);
    }
    if (carried & ITEMS) {
        assert_int_equal(msg->nitems, want->nitems);
        for (uint32_t i = 0; i < want->nitems; i++)
            assert_item(&msg->item[i], &want->item[i], promised[want->kind].items);
    }
    if (carried & BLOB) {
        assert_int_equal(msg->blob_len, want->blob_len);
        assert_memory_equal(msg->blob, want->blob, (size_t)want->blob_len);
    }
}

static void assert_numbers(const struct msg *msg, const struct msg *want,
                           unsigned carried)
{
    assert_int_equal(msg->segment, carried & SEGMENT ? want->segment : 0);
    assert_int_equal(msg->segments, carried & SEGMENTS ? want->segments : 0);
    assert_int_equal(msg->file, carried & FILE_NUMBER ? want->file : 0);
    assert_int_equal(msg->generation, carried & GENERATION ? want->generation : 0);
    assert_int_equal(msg->units, carried & UNITS ? want->units : 0);
    assert_int_equal(msg->running, carried & RUNNING ? want->running : 0);
    assert_int_equal(msg->step, carried & STEP ? want->step : 0);
    assert_int_equal(msg->ticket, carried & TICKET ? want->ticket : 0);
    assert_int_equal(msg->node, carried & NODE ? want->node : 0);
    assert_int_equal(msg->code, carried & CODE ? want->code : 0);
    assert_int_equal(msg->reason, carried & (CODE | REASON) ? want->reason : 0);
    assert_int_equal(msg->rank, carried & RANK ? want->rank : 0);
    assert_true(msg->fetched == (carried & FETCHED ? want->fetched : 0));
    assert_int_equal(msg->waiting, carried & WAITING ? want->waiting : 0);
    assert_true(msg->received == (carried & RECEIVED ? want->received : 0));
    assert_int_equal(msg->at_once, (carried & AT_ONCE) && want->at_once);
    assert_true(msg->rate == (carried & RATE ? want->rate : 0));
    assert_true(msg->pause == (carried & PAUSE ? want->pause : 0));
    assert_int_equal(msg->reached, (carried & REACHED) && want->reached);
    assert_int_equal(msg->lost, (carried & LOST) && want->lost);
    assert_int_equal(msg->whole, (carried & WHOLE) && want->whole);
}

/* A field that does not travel is zero on the other side, whatever stood there before. */
static void assert_arrived(const struct msg *msg, const struct msg *want)
{
    unsigned carried = promised[want->kind].fields;

    assert_int_equal(msg->kind, want->kind);
    assert_numbers(msg, want, carried);
    assert_string_equal(msg->text, carried & TEXT ? want->text : "");
    assert_string_equal(msg->url, carried & URL ? want->url : "");
    if (!(carried & ITEMS))
        assert_int_equal(msg->nitems, 0);
    if (!(carried & BLOB))
        assert_true(msg->blob == NULL && msg->blob_len == 0);
    assert_large_fields(msg, want, carried);
}

/* In memory of just that length, so that a sanitizer sees a read behind its end. */
static int decode(struct msg *msg, const void *bytes, size_t len, void **memory)
{
    struct err err = { 0 };
    int rc;

    *memory = malloc(len ? len : 1);
    assert_non_null(*memory);
    memcpy(*memory, bytes, len);
    memset(msg, 0xaa, sizeof(*msg));
    rc = msg_decode(msg, *memory, len, &err);
    assert_int_equal(err.code, rc < 0 ? ERR_DEFECT : ERR_NONE);
    if (rc < 0)
        assert_non_null(strstr(err.text, "same build"));
    return rc;
}

static bool refused(const void *bytes, size_t len)
{
    struct msg msg;
    void *memory;
    int rc = decode(&msg, bytes, len, &memory);

    free(memory);
    return rc < 0;
}

static void assert_round_trip(const struct msg *msg)
{
    struct strbuf bytes = { 0 };
    struct msg back;
    void *memory;

    msg_encode(msg, &bytes);
    assert_false(bytes.failed);
    assert_int_equal(decode(&back, bytes.data, bytes.len, &memory), 0);
    assert_arrived(&back, msg);
    free(memory);
    strbuf_release(&bytes);
}

static void every_kind_comes_back(void **state)
{
    struct msg msg;

    (void)state;
    for (unsigned kind = 0; kind < MSG_KINDS; kind++) {
        fill(&msg, (enum msg_kind)kind);
        assert_round_trip(&msg);
        msg.nitems = 1;
        assert_round_trip(&msg);
        msg = (struct msg){ .kind = (enum msg_kind)kind };
        msg.text = msg.url = "";
        msg.blob = "";
        assert_round_trip(&msg);
    }
}

static void no_text_is_an_empty_one(void **state)
{
    const struct msg msg = { .kind = MSG_ABORT, .code = ERR_DEST };
    struct strbuf bytes = { 0 };
    struct msg back;

    (void)state;
    msg_encode(&msg, &bytes);
    assert_int_equal(msg_decode(&back, bytes.data, bytes.len, NULL), 0);
    assert_string_equal(back.text, "");
    strbuf_release(&bytes);
}

static void numbers_are_little_endian_of_fixed_width(void **state)
{
    static const char id[] = { MSG_CANCELLED, 4, 3, 2, 1 };
    static const char bytes_of[] = { MSG_RATE, 8, 7, 6, 5, 4, 3, 2, 1 };
    const struct msg cancelled = { .kind = MSG_CANCELLED, .segment = 0x01020304 };
    const struct msg rate = { .kind = MSG_RATE, .rate = 0x0102030405060708 };
    struct strbuf bytes = { 0 };

    (void)state;
    msg_encode(&cancelled, &bytes);
    assert_int_equal(bytes.len, sizeof(id));
    assert_memory_equal(bytes.data, id, sizeof(id));
    msg_encode(&rate, &bytes); /* appended */
    assert_int_equal(bytes.len, sizeof(id) + sizeof(bytes_of));
    assert_memory_equal(bytes.data + sizeof(id), bytes_of, sizeof(bytes_of));
    strbuf_release(&bytes);
}

/* A blob goes to the end of the message, whose length MPI knows: a shorter one is another
 * message and not a broken one. */
static void a_message_cut_anywhere_is_refused(void **state)
{
    struct msg msg;

    (void)state;
    for (unsigned kind = 0; kind < MSG_KINDS; kind++) {
        struct strbuf bytes = { 0 };
        size_t least = SIZE_MAX;

        fill(&msg, (enum msg_kind)kind);
        msg.nitems = 3;
        msg.blob_len = 0;
        msg_encode(&msg, &bytes);
        if (promised[kind].fields & BLOB)
            least = bytes.len;
        strbuf_clear(&bytes);
        msg.blob_len = sizeof(blob);
        msg_encode(&msg, &bytes);
        for (size_t len = 0; len < bytes.len; len++)
            assert_int_equal(refused(bytes.data, len), len < least);
        strbuf_release(&bytes);
    }
}

static void bytes_behind_the_end_are_refused(void **state)
{
    struct msg msg;

    (void)state;
    for (unsigned kind = 0; kind < MSG_KINDS; kind++) {
        struct strbuf bytes = { 0 };

        fill(&msg, (enum msg_kind)kind);
        msg_encode(&msg, &bytes);
        strbuf_add(&bytes, "", 1);
        assert_int_equal(refused(bytes.data, bytes.len), !(promised[kind].fields & BLOB));
        strbuf_release(&bytes);
    }
}

static void unknown_kinds_are_refused(void **state)
{
    char bytes[64] = { 0 };

    (void)state;
    for (unsigned kind = MSG_KINDS; kind < 256; kind++) {
        bytes[0] = (char)kind;
        for (size_t len = 1; len <= sizeof(bytes); len++)
            assert_true(refused(bytes, len));
    }
}

/* The count stands before the items, so behind the kind where nothing else travels. */
static void more_items_than_there_is_room_for_are_refused(void **state)
{
    static const uint8_t counts[][4] = {
        { MSG_ITEMS + 1, 0, 0, 0 },
        { MSG_ITEMS, 1, 0, 0 },
        { 0, 0, 0, 0x80 },
        { 0xff, 0xff, 0xff, 0xff },
    };
    static const enum msg_kind kinds[] = { MSG_GRANT, MSG_LANDED };
    char more[64] = { 0 };
    struct msg msg;

    (void)state;
    for (size_t k = 0; k < countof(kinds); k++) {
        struct strbuf bytes = { 0 };
        size_t one;

        fill(&msg, kinds[k]);
        msg_encode(&msg, &bytes);
        assert_int_equal(bytes.data[1], MSG_ITEMS);
        one = (bytes.len - 5) / MSG_ITEMS;
        strbuf_add(&bytes, more, one); /* there are bytes for one more */
        for (size_t i = 0; i < countof(counts); i++) {
            memcpy(bytes.data + 1, counts[i], 4);
            assert_true(refused(bytes.data, bytes.len));
        }
        strbuf_release(&bytes);
    }
}

static void names_tell_the_kinds_apart(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < MSG_KINDS; kind++) {
        const char *name = msg_name((enum msg_kind)kind);

        assert_true(*name);
        assert_string_not_equal(name, "unknown");
        for (unsigned other = 0; other < kind; other++)
            assert_string_not_equal(name, msg_name((enum msg_kind)other));
    }
    assert_string_equal(msg_name(MSG_KINDS), "unknown");
    assert_string_equal(msg_name((enum msg_kind)255), "unknown");
}

/* It may be one of a build that knows more of them. */
static void test_reason_of_another_build(void **state)
{
    const struct msg newer = { .code = ERR_DEST, .reason = REASON_COUNT, .text = "full" };
    const struct msg odd = { .code = ERR_DEST, .reason = -1, .text = "full" };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(msg_error(&newer, &err), -1);
    assert_int_equal(err.code, ERR_DEST);
    assert_int_equal(err.reason, REASON_NONE);
    assert_int_equal(msg_reason(&odd), REASON_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(no_text_is_an_empty_one),
        cmocka_unit_test(numbers_are_little_endian_of_fixed_width),
        cmocka_unit_test(a_message_cut_anywhere_is_refused),
        cmocka_unit_test(bytes_behind_the_end_are_refused),
        cmocka_unit_test(unknown_kinds_are_refused),
        cmocka_unit_test(more_items_than_there_is_room_for_are_refused),
        cmocka_unit_test(names_tell_the_kinds_apart),
        cmocka_unit_test(test_reason_of_another_build),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
