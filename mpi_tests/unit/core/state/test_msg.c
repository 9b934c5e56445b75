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
    ID = 1,
    COUNT = 2,
    CODE = 4,
    RANK = 8,
    BYTES = 16,
    SECONDS = 32,
    LAST = 64,
    MIDSTATE = 128,
    DIGEST = 256,
    OUTCOME = 512,
    TEXT = 1024,
    BLOB = 2048,
    ITEMS = 4096, /* with segment numbers, */
    ITEM_FLAGS = 8192,
    ITEM_BYTES = 16384,
    ITEM_DIGEST = 32768
};

static const unsigned promised[MSG_KINDS] = {
    [MSG_CREDIT] = COUNT,
    [MSG_PROGRESS] = BYTES | COUNT | LAST | ITEMS | ITEM_BYTES,
    [MSG_LANDED] = ITEMS | ITEM_FLAGS | ITEM_DIGEST,
    [MSG_FAILED] = ID | COUNT | LAST | OUTCOME | TEXT,
    [MSG_CANCELLED] = ID,
    [MSG_HASHED] = ID | COUNT | MIDSTATE | LAST | DIGEST,
    [MSG_ABORT] = CODE | RANK | TEXT,
    [MSG_STATS] = BLOB,
    [MSG_TRACE] = BLOB,
    [MSG_SEEN] = BLOB,
    [MSG_OWNER] = BLOB,
    [MSG_VOTE] = ID | CODE | RANK | TEXT,
    [MSG_GRANT] = ITEMS | ITEM_FLAGS | ITEM_BYTES,
    [MSG_DUPLICATE] = ID,
    [MSG_CANCEL] = ID,
    [MSG_TAKE_BACK] = ID,
    [MSG_ADOPT] = ID,
    [MSG_PLACE] = ID | COUNT | TEXT,
    [MSG_HASH] = ID | COUNT | MIDSTATE,
    [MSG_HOLD] = SECONDS,
    [MSG_RATE] = BYTES,
    [MSG_STOP] = CODE | RANK | TEXT,
    [MSG_DECISION] = ID | CODE | RANK | TEXT,
    [MSG_SHARE] = BLOB,
    [MSG_ALIVE] = 0,
    [MSG_LOST] = CODE | TEXT,
    [MSG_ORDER] = ID | COUNT | SECONDS | BLOB,
    [MSG_ANSWER] = ID | CODE | BLOB,
};

static const char blob[] = "any\0bytes";

/* All fields differ from each other and from zero, in every byte where that is possible.
 */
static void fill(struct msg *msg, enum msg_kind kind)
{
    *msg = (struct msg){
        .kind = kind,
        .id = 0x81020304,
        .count = 0x85060708,
        .code = -9,
        .rank = INT32_MIN,
        .bytes = 0xf1f2f3f4f5f6f7f8,
        .seconds = -1.0 / 3,
        .last = true,
        .midstate = { .bytes = 0xe1e2e3e4e5e6e7e8 },
        .outcome = { .status = -503,
                     .fault = NET_LOCAL,
                     .retry_after = 86400.25,
                     .reset = -1,
                     .located = true,
                     .progressed = false },
        .nitems = MSG_ITEMS,
        .text = "https://h/p?sig=\xc3\xa4 b",
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
                                   .flags = MSG_ITEM_BAD | MSG_ITEM_DIGEST,
                                   .bytes = UINT64_MAX - 7 * i };
        memset(item->sha256, 100 + (int)i, sizeof(item->sha256));
    }
}

static void assert_item(const struct msg_item *item, const struct msg_item *want,
                        unsigned carried)
{
    assert_int_equal(item->segment, want->segment);
    if (carried & ITEM_FLAGS)
        assert_int_equal(item->flags, want->flags);
    if (carried & ITEM_BYTES)
        assert_true(item->bytes == want->bytes);
    if (carried & ITEM_DIGEST)
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
        assert_int_equal(msg->outcome.progressed, want->outcome.progressed);
    }
    if (carried & ITEMS) {
        assert_int_equal(msg->nitems, want->nitems);
        for (uint32_t i = 0; i < want->nitems; i++)
            assert_item(&msg->item[i], &want->item[i], carried);
    }
    if (carried & BLOB) {
        assert_int_equal(msg->blob_len, want->blob_len);
        assert_memory_equal(msg->blob, want->blob, (size_t)want->blob_len);
    }
}

/* A field that does not travel is zero on the other side, whatever stood there before. */
static void assert_arrived(const struct msg *msg, const struct msg *want)
{
    unsigned carried = promised[want->kind];

    assert_int_equal(msg->kind, want->kind);
    assert_int_equal(msg->id, carried & ID ? want->id : 0);
    assert_int_equal(msg->count, carried & COUNT ? want->count : 0);
    assert_int_equal(msg->code, carried & CODE ? want->code : 0);
    assert_int_equal(msg->rank, carried & RANK ? want->rank : 0);
    assert_true(msg->bytes == (carried & BYTES ? want->bytes : 0));
    assert_true(msg->seconds == (carried & SECONDS ? want->seconds : 0));
    assert_int_equal(msg->last, (carried & LAST) && want->last);
    assert_string_equal(msg->text, carried & TEXT ? want->text : "");
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
        msg.text = "";
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
    const struct msg cancelled = { .kind = MSG_CANCELLED, .id = 0x01020304 };
    const struct msg rate = { .kind = MSG_RATE, .bytes = 0x0102030405060708 };
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

/* Bytes of the fields that stand before a blob, and of the kind. */
static size_t before_blob(unsigned fields)
{
    size_t words = (fields & ID) != 0;

    words += (fields & COUNT) != 0;
    words += (fields & CODE) != 0;
    words += (fields & SECONDS ? 2 : 0);
    return 1 + 4 * words;
}

/* A blob goes to the end of the message, whose length MPI knows: a shorter one is another
 * message and not a broken one. */
static void a_message_cut_anywhere_is_refused(void **state)
{
    struct msg msg;

    (void)state;
    for (unsigned kind = 0; kind < MSG_KINDS; kind++) {
        size_t least = promised[kind] & BLOB ? before_blob(promised[kind]) : SIZE_MAX;
        struct strbuf bytes = { 0 };

        fill(&msg, (enum msg_kind)kind);
        msg.nitems = 3;
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
        assert_int_equal(refused(bytes.data, bytes.len), !(promised[kind] & BLOB));
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
