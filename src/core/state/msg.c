#include "core/state/msg.h"

#include <string.h>

#include "base/text.h"

enum field {
    F_ID = 1 << 0,
    F_COUNT = 1 << 1,
    F_CODE = 1 << 2,
    F_RANK = 1 << 3,
    F_BYTES = 1 << 4,
    F_SECONDS = 1 << 5,
    F_LAST = 1 << 6,
    F_MIDSTATE = 1 << 7,
    F_SHA256 = 1 << 8,
    F_OUTCOME = 1 << 9,
    F_SEGMENTS = 1 << 10, /* items: numbers and flags */
    F_RUNNING = 1 << 11,  /* items: numbers and bytes */
    F_RESULTS = 1 << 12,  /* items: all fields */
    F_TEXT = 1 << 13,
    F_BLOB = 1 << 14
};

static const struct {
    const char *name;
    unsigned fields;
} kinds[MSG_KINDS] = {
    [MSG_CREDIT] = { "credit", F_COUNT },
    [MSG_PROGRESS] = { "progress", F_BYTES | F_COUNT | F_LAST | F_RUNNING },
    [MSG_LANDED] = { "landed", F_RESULTS },
    [MSG_FAILED] = { "failed", F_ID | F_COUNT | F_LAST | F_OUTCOME | F_TEXT },
    [MSG_CANCELLED] = { "cancelled", F_ID },
    [MSG_HASHED] = { "hashed", F_ID | F_COUNT | F_LAST | F_MIDSTATE | F_SHA256 },
    [MSG_ABORT] = { "abort", F_CODE | F_RANK | F_TEXT },
    [MSG_STATS] = { "stats", F_BLOB },
    [MSG_TRACE] = { "trace", F_BLOB },
    [MSG_SEEN] = { "seen", F_BLOB },
    [MSG_OWNER] = { "owner", F_BLOB },
    [MSG_VOTE] = { "vote", F_ID | F_CODE | F_RANK | F_TEXT },
    [MSG_ALIVE] = { "alive", 0 },
    [MSG_GRANT] = { "grant", F_SEGMENTS | F_RUNNING },
    [MSG_DUPLICATE] = { "duplicate", F_ID },
    [MSG_CANCEL] = { "cancel", F_ID },
    [MSG_ADOPT] = { "adopt", F_ID },
    [MSG_PLACE] = { "place", F_ID | F_COUNT | F_TEXT },
    [MSG_HASH] = { "hash", F_ID | F_COUNT | F_MIDSTATE },
    [MSG_HOLD] = { "hold", F_SECONDS },
    [MSG_RATE] = { "rate", F_BYTES },
    [MSG_STOP] = { "stop", F_CODE | F_RANK | F_TEXT },
    [MSG_DECISION] = { "decision", F_ID | F_CODE | F_RANK | F_TEXT },
    [MSG_SHARE] = { "share", F_BLOB },
    [MSG_TAKE_BACK] = { "take back", F_ID },
    [MSG_LOST] = { "lost", F_CODE | F_TEXT },
    [MSG_ORDER] = { "order", F_ID | F_COUNT | F_SECONDS | F_BLOB },
    [MSG_ANSWER] = { "answer", F_ID | F_CODE | F_BLOB },
};

const char *msg_name(enum msg_kind kind)
{
    return (unsigned)kind < MSG_KINDS ? kinds[kind].name : "unknown";
}

static void put_uint(struct strbuf *out, uint64_t value, unsigned width)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < width; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    strbuf_add(out, bytes, width);
}

static void put_double(struct strbuf *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_uint(out, bits, 8);
}

static void put_midstate(struct strbuf *out, const struct midstate *state)
{
    put_uint(out, state->bytes, 8);
    for (size_t i = 0; i < countof(state->h); i++)
        put_uint(out, state->h[i], 4);
}

static void put_outcome(struct strbuf *out, const struct outcome *outcome)
{
    put_uint(out, (uint32_t)outcome->status, 4);
    put_uint(out, (uint32_t)outcome->fault, 4);
    put_double(out, outcome->retry_after);
    put_double(out, outcome->reset);
    put_uint(out, outcome->located, 1);
    put_uint(out, outcome->progressed, 1);
}

static void put_items(struct strbuf *out, const struct msg *msg, unsigned fields)
{
    put_uint(out, msg->nitems, 4);
    for (uint32_t i = 0; i < msg->nitems; i++) {
        const struct msg_item *item = &msg->item[i];

        put_uint(out, item->segment, 4);
        if (fields & (F_RUNNING | F_RESULTS))
            put_uint(out, item->bytes, 8);
        if (fields & (F_SEGMENTS | F_RESULTS))
            put_uint(out, item->flags, 4);
        if (fields & F_RESULTS)
            strbuf_add(out, item->sha256, sizeof(item->sha256));
    }
}

void msg_encode(const struct msg *msg, struct strbuf *bytes)
{
    unsigned fields = kinds[msg->kind].fields;
    const char *text = msg->text ? msg->text : "";

    put_uint(bytes, (uint64_t)msg->kind, 1);
    if (fields & F_ID)
        put_uint(bytes, msg->id, 4);
    if (fields & F_COUNT)
        put_uint(bytes, msg->count, 4);
    if (fields & F_CODE)
        put_uint(bytes, (uint32_t)msg->code, 4);
    if (fields & F_RANK)
        put_uint(bytes, (uint32_t)msg->rank, 4);
    if (fields & F_BYTES)
        put_uint(bytes, msg->bytes, 8);
    if (fields & F_SECONDS)
        put_double(bytes, msg->seconds);
    if (fields & F_LAST)
        put_uint(bytes, msg->last, 1);
    if (fields & F_MIDSTATE)
        put_midstate(bytes, &msg->midstate);
    if (fields & F_SHA256)
        strbuf_add(bytes, msg->sha256, sizeof(msg->sha256));
    if (fields & F_OUTCOME)
        put_outcome(bytes, &msg->outcome);
    if (fields & (F_SEGMENTS | F_RUNNING | F_RESULTS))
        put_items(bytes, msg, fields);
    if (fields & F_TEXT)
        strbuf_add(bytes, text, strlen(text) + 1);
    if (fields & F_BLOB)
        strbuf_add(bytes, msg->blob, (size_t)msg->blob_len);
}

/* Reads from a buffer; past its end everything is zero and short_ is set. */
struct reader {
    const uint8_t *at, *end;
    bool short_;
};

static const uint8_t *take(struct reader *r, size_t len)
{
    const uint8_t *at = r->at;

    if ((size_t)(r->end - r->at) < len) {
        r->short_ = true;
        return NULL;
    }
    r->at += len;
    return at;
}

static uint64_t get_uint(struct reader *r, unsigned width)
{
    const uint8_t *bytes = take(r, width);
    uint64_t value = 0;

    for (unsigned i = 0; bytes && i < width; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static double get_double(struct reader *r)
{
    uint64_t bits = get_uint(r, 8);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void get_bytes(struct reader *r, void *out, size_t len)
{
    const uint8_t *bytes = take(r, len);

    if (bytes)
        memcpy(out, bytes, len);
}

static void get_midstate(struct reader *r, struct midstate *state)
{
    state->bytes = get_uint(r, 8);
    for (size_t i = 0; i < countof(state->h); i++)
        state->h[i] = (uint32_t)get_uint(r, 4);
}

static void get_outcome(struct reader *r, struct outcome *outcome)
{
    outcome->status = (int32_t)get_uint(r, 4);
    outcome->fault = (int32_t)get_uint(r, 4);
    outcome->retry_after = get_double(r);
    outcome->reset = get_double(r);
    outcome->located = get_uint(r, 1) != 0;
    outcome->progressed = get_uint(r, 1) != 0;
}

static void get_items(struct reader *r, struct msg *msg, unsigned fields)
{
    msg->nitems = (uint32_t)get_uint(r, 4);
    if (msg->nitems > MSG_ITEMS) {
        msg->nitems = 0;
        r->short_ = true;
    }
    for (uint32_t i = 0; i < msg->nitems; i++) {
        struct msg_item *item = &msg->item[i];

        *item = (struct msg_item){ .segment = (uint32_t)get_uint(r, 4) };
        if (fields & (F_RUNNING | F_RESULTS))
            item->bytes = get_uint(r, 8);
        if (fields & (F_SEGMENTS | F_RESULTS))
            item->flags = (uint32_t)get_uint(r, 4);
        if (fields & F_RESULTS)
            get_bytes(r, item->sha256, sizeof(item->sha256));
    }
}

static const char *get_text(struct reader *r)
{
    const uint8_t *end = memchr(r->at, 0, (size_t)(r->end - r->at));
    const char *text = (const char *)r->at;

    if (!end) {
        r->short_ = true;
        return "";
    }
    r->at = end + 1;
    return text;
}

static void get_fields(struct reader *r, struct msg *msg, unsigned fields)
{
    if (fields & F_ID)
        msg->id = (uint32_t)get_uint(r, 4);
    if (fields & F_COUNT)
        msg->count = (uint32_t)get_uint(r, 4);
    if (fields & F_CODE)
        msg->code = (int32_t)get_uint(r, 4);
    if (fields & F_RANK)
        msg->rank = (int32_t)get_uint(r, 4);
    if (fields & F_BYTES)
        msg->bytes = get_uint(r, 8);
    if (fields & F_SECONDS)
        msg->seconds = get_double(r);
    if (fields & F_LAST)
        msg->last = get_uint(r, 1) != 0;
    if (fields & F_MIDSTATE)
        get_midstate(r, &msg->midstate);
    if (fields & F_SHA256)
        get_bytes(r, msg->sha256, sizeof(msg->sha256));
    if (fields & F_OUTCOME)
        get_outcome(r, &msg->outcome);
    if (fields & (F_SEGMENTS | F_RUNNING | F_RESULTS))
        get_items(r, msg, fields);
    if (fields & F_TEXT)
        msg->text = get_text(r);
    if (fields & F_BLOB) {
        msg->blob = r->at;
        msg->blob_len = (uint64_t)(r->end - r->at);
        r->at = r->end;
    }
}

int msg_decode(struct msg *msg, const void *bytes, size_t len, struct err *err)
{
    struct reader r = { bytes, (const uint8_t *)bytes + len, false };
    unsigned kind = (unsigned)get_uint(&r, 1);

    /* Items are left as they are: clearing 64 of them for each message would cost more
     * than the message. */
    msg->kind = (enum msg_kind)kind;
    msg->id = msg->count = msg->nitems = 0;
    msg->code = msg->rank = 0;
    msg->bytes = msg->blob_len = 0;
    msg->seconds = 0;
    msg->last = false;
    msg->text = "";
    msg->blob = NULL;
    if (kind >= MSG_KINDS || r.short_)
        return err_set(err, ERR_DEFECT,
                       "a message of unknown kind %u arrived: do all "
                       "ranks run the same build?",
                       kind);
    get_fields(&r, msg, kinds[kind].fields);
    if (r.short_ || r.at != r.end)
        return err_set(err, ERR_DEFECT,
                       "a '%s' message of %zu bytes cannot be read: do "
                       "all ranks run the same build?",
                       msg_name(msg->kind), len);
    return 0;
}
