#include "core/state/msg.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "core/state/wire.h"

enum type {
    TYPE_U32,
    TYPE_U64,
    TYPE_REAL,
    TYPE_FLAG,
    TYPE_MIDSTATE,
    TYPE_SHA256,
    TYPE_OUTCOME,
    TYPE_ITEMS,
    TYPE_TEXT,
    TYPE_BLOB
};

enum field {
    F_SEGMENT = 1 << 0,
    F_SEGMENTS = 1 << 1,
    F_FILE = 1 << 2,
    F_GENERATION = 1 << 3,
    F_UNITS = 1 << 4,
    F_RUNNING = 1 << 5,
    F_STEP = 1 << 6,
    F_CODE = 1 << 7,
    F_RANK = 1 << 8,
    F_FETCHED = 1 << 9,
    F_RATE = 1 << 10,
    F_PAUSE = 1 << 11,
    F_REACHED = 1 << 12,
    F_LOST = 1 << 13,
    F_WHOLE = 1 << 14,
    F_MIDSTATE = 1 << 15,
    F_SHA256 = 1 << 16,
    F_OUTCOME = 1 << 17,
    F_ITEMS = 1 << 18,
    F_TEXT = 1 << 19,
    F_URL = 1 << 20,
    F_BLOB = 1 << 21,
    F_RECEIVED = 1 << 22,
    F_WAITING = 1 << 23,
    F_AT_ONCE = 1 << 24,
    F_TICKET = 1 << 25,
    F_NODE = 1 << 26,
    F_REASON = 1 << 27,
    F_IDLE = 1 << 28
};

/* In the order in which they travel: a blob takes all that is left. */
static const struct member {
    enum field field;
    enum type type;
    size_t at;
} members[] = {
    { F_SEGMENT, TYPE_U32, offsetof(struct msg, segment) },
    { F_SEGMENTS, TYPE_U32, offsetof(struct msg, segments) },
    { F_FILE, TYPE_U32, offsetof(struct msg, file) },
    { F_GENERATION, TYPE_U32, offsetof(struct msg, generation) },
    { F_UNITS, TYPE_U32, offsetof(struct msg, units) },
    { F_RUNNING, TYPE_U32, offsetof(struct msg, running) },
    { F_WAITING, TYPE_U32, offsetof(struct msg, waiting) },
    { F_STEP, TYPE_U32, offsetof(struct msg, step) },
    { F_TICKET, TYPE_U32, offsetof(struct msg, ticket) },
    { F_NODE, TYPE_U32, offsetof(struct msg, node) },
    { F_CODE, TYPE_U32, offsetof(struct msg, code) },
    { F_CODE | F_REASON, TYPE_U32, offsetof(struct msg, reason) },
    { F_RANK, TYPE_U32, offsetof(struct msg, rank) },
    { F_FETCHED, TYPE_U64, offsetof(struct msg, fetched) },
    { F_RECEIVED, TYPE_U64, offsetof(struct msg, received) },
    { F_RATE, TYPE_U64, offsetof(struct msg, rate) },
    { F_PAUSE, TYPE_REAL, offsetof(struct msg, pause) },
    { F_REACHED, TYPE_FLAG, offsetof(struct msg, reached) },
    { F_IDLE, TYPE_FLAG, offsetof(struct msg, idle) },
    { F_LOST, TYPE_FLAG, offsetof(struct msg, lost) },
    { F_WHOLE, TYPE_FLAG, offsetof(struct msg, whole) },
    { F_AT_ONCE, TYPE_FLAG, offsetof(struct msg, at_once) },
    { F_MIDSTATE, TYPE_MIDSTATE, offsetof(struct msg, midstate) },
    { F_SHA256, TYPE_SHA256, offsetof(struct msg, sha256) },
    { F_OUTCOME, TYPE_OUTCOME, offsetof(struct msg, outcome) },
    { F_ITEMS, TYPE_ITEMS, offsetof(struct msg, item) },
    { F_TEXT, TYPE_TEXT, offsetof(struct msg, text) },
    { F_URL, TYPE_TEXT, offsetof(struct msg, url) },
    { F_BLOB, TYPE_BLOB, offsetof(struct msg, blob) },
};

/* Of items, beside the segment. */
enum item_field {
    I_BYTES = 1,
    I_FLAGS = 2,
    I_HELD = 4,
    I_SHA256 = 8,
    I_SEGMENTS = 16,
    I_SPEED = 32,
    I_PROOF = 64 /* the digest, of those that have one */
};

static const struct kind {
    const char *name;
    unsigned fields; /* enum field */
    unsigned item;   /* enum item_field */
} kinds[MSG_KINDS] = {
    [MSG_CREDIT] = { "credit", F_UNITS, 0 },
    [MSG_PROGRESS] = { "progress",
                       F_FETCHED | F_RECEIVED | F_REACHED | F_IDLE | F_RUNNING |
                           F_WAITING | F_ITEMS,
                       I_BYTES | I_FLAGS | I_SPEED },
    [MSG_LANDED] = { "landed", F_ITEMS, I_SEGMENTS | I_FLAGS | I_SHA256 },
    [MSG_FAILED] = { "failed",
                     F_SEGMENT | F_GENERATION | F_REASON | F_LOST | F_OUTCOME | F_TEXT,
                     0 },
    [MSG_CANCELLED] = { "cancelled", F_SEGMENT, 0 },
    [MSG_SHORTENED] = { "shortened", F_SEGMENT | F_SEGMENTS, 0 },
    [MSG_HASHED] = { "hashed", F_SEGMENT | F_SEGMENTS | F_WHOLE | F_MIDSTATE | F_SHA256,
                     0 },
    [MSG_SUMS] = { "sums", F_ITEMS | F_BLOB, I_SEGMENTS },
    [MSG_ABORT] = { "abort", F_CODE | F_RANK | F_TEXT, 0 },
    [MSG_STATS] = { "stats", F_BLOB, 0 },
    [MSG_TRACE] = { "trace", F_BLOB, 0 },
    [MSG_SEEN] = { "seen", F_BLOB, 0 },
    [MSG_OWNER] = { "owner", F_BLOB, 0 },
    [MSG_VOTE] = { "vote", F_STEP | F_CODE | F_RANK | F_TEXT, 0 },
    [MSG_ALIVE] = { "alive", 0, 0 },
    [MSG_ANSWER] = { "answer", F_TICKET | F_LOST | F_WHOLE | F_BLOB, 0 },
    [MSG_GOT] = { "got", F_ITEMS, I_SEGMENTS },
    [MSG_MISSED] = { "missed", F_TICKET | F_NODE | F_SEGMENT | F_SEGMENTS | F_TEXT, 0 },
    [MSG_PROVED] = { "proved", F_ITEMS, I_SEGMENTS | I_FLAGS | I_PROOF },
    [MSG_FORGOT] = { "forgot", F_SEGMENT | F_SEGMENTS | F_ITEMS, I_SEGMENTS },
    [MSG_FENCED] = { "fenced", 0, 0 },
    [MSG_NODE_FAILED] = { "node failed", F_CODE | F_TEXT, 0 },
    [MSG_TICKET] = { "ticket", F_TICKET | F_ITEMS | F_BLOB, I_SEGMENTS | I_FLAGS },
    [MSG_LACK] = { "lack", F_SEGMENT | F_SEGMENTS | F_BLOB, 0 },
    [MSG_FENCE] = { "fence", F_TICKET | F_ITEMS, I_SEGMENTS },
    [MSG_OFFER] = { "offer", F_TICKET | F_ITEMS | F_BLOB, I_SEGMENTS | I_FLAGS },
    [MSG_TAKE] = { "take", F_TICKET | F_SEGMENT | F_SEGMENTS | F_UNITS, 0 },
    [MSG_GRANT] = { "grant", F_ITEMS, I_SEGMENTS | I_FLAGS | I_HELD },
    [MSG_TAKE_BACK] = { "take back", F_SEGMENT, 0 },
    [MSG_CUT] = { "cut", F_SEGMENT | F_SEGMENTS, 0 },
    [MSG_SIGNED_URL] = { "signed URL", F_FILE | F_GENERATION | F_URL, 0 },
    [MSG_HASH] = { "hash", F_SEGMENT | F_SEGMENTS | F_MIDSTATE, 0 },
    [MSG_HOLD] = { "hold", F_PAUSE, 0 },
    [MSG_RATE] = { "rate", F_RATE, 0 },
    [MSG_CONNECTIONS] = { "connections", F_UNITS | F_AT_ONCE, 0 },
    [MSG_RENEW] = { "renew", F_SEGMENT, 0 },
    [MSG_STOP] = { "stop", F_CODE | F_RANK | F_TEXT, 0 },
    [MSG_DECISION] = { "decision", F_STEP | F_CODE | F_RANK | F_TEXT, 0 },
    [MSG_SHARE] = { "share", F_BLOB, 0 },
    [MSG_ASK] = { "ask", F_TICKET | F_BLOB, 0 },
    [MSG_ASK_ON] = { "ask on", F_TICKET | F_AT_ONCE, 0 },
    [MSG_LOST] = { "lost", F_STEP | F_CODE | F_TEXT, 0 },
};

const char *msg_name(enum msg_kind kind)
{
    return (unsigned)kind < MSG_KINDS ? kinds[kind].name : "unknown";
}

static void put_midstate(struct strbuf *out, const struct midstate *state)
{
    wire_put_uint(out, state->bytes, 8);
    for (size_t i = 0; i < countof(state->h); i++)
        wire_put_uint(out, state->h[i], 4);
}

static void put_outcome(struct strbuf *out, const struct outcome *outcome)
{
    wire_put_uint(out, (uint32_t)outcome->status, 4);
    wire_put_uint(out, (uint32_t)outcome->fault, 4);
    wire_put_real(out, outcome->retry_after);
    wire_put_real(out, outcome->reset);
    wire_put_uint(out, outcome->located, 1);
    wire_put_uint(out, outcome->ranged, 1);
    wire_put_uint(out, outcome->progressed, 1);
}

static bool has_sha256(const struct msg_item *item, unsigned fields)
{
    return (fields & I_SHA256) || ((fields & I_PROOF) && (item->flags & MSG_ITEM_DIGEST));
}

static void put_items(struct strbuf *out, const struct msg *msg)
{
    unsigned fields = kinds[msg->kind].item;

    wire_put_uint(out, msg->nitems, 4);
    for (uint32_t i = 0; i < msg->nitems; i++) {
        const struct msg_item *item = &msg->item[i];

        wire_put_uint(out, item->segment, 4);
        if (fields & I_SEGMENTS)
            wire_put_uint(out, item->segments, 4);
        if (fields & I_BYTES)
            wire_put_uint(out, item->bytes, 8);
        if (fields & I_FLAGS)
            wire_put_uint(out, item->flags, 4);
        if (fields & I_HELD) {
            wire_put_uint(out, item->where, 4);
            wire_put_uint(out, item->checksum, 8);
        }
        if (fields & I_SPEED) {
            wire_put_uint(out, item->source, 4);
            wire_put_uint(out, item->rate, 8);
            wire_put_real(out, item->seconds);
        }
        if (has_sha256(item, fields))
            strbuf_add(out, item->sha256, sizeof(item->sha256));
    }
}

static void put_member(struct strbuf *out, const struct msg *msg,
                       const struct member *member)
{
    const void *at = (const char *)msg + member->at;

    switch (member->type) {
    case TYPE_U32:
        wire_put_uint(out, *(const uint32_t *)at, 4);
        break;
    case TYPE_U64:
        wire_put_uint(out, *(const uint64_t *)at, 8);
        break;
    case TYPE_REAL:
        wire_put_real(out, *(const double *)at);
        break;
    case TYPE_FLAG:
        wire_put_uint(out, *(const bool *)at, 1);
        break;
    case TYPE_MIDSTATE:
        put_midstate(out, at);
        break;
    case TYPE_SHA256:
        strbuf_add(out, at, sizeof(msg->sha256));
        break;
    case TYPE_OUTCOME:
        put_outcome(out, at);
        break;
    case TYPE_ITEMS:
        put_items(out, msg);
        break;
    case TYPE_TEXT:
        wire_put_text(out, *(const char *const *)at);
        break;
    case TYPE_BLOB:
        strbuf_add(out, msg->blob, (size_t)msg->blob_len);
        break;
    }
}

void msg_encode(const struct msg *msg, struct strbuf *bytes)
{
    wire_put_uint(bytes, (uint64_t)msg->kind, 1);
    for (size_t i = 0; i < countof(members); i++)
        if (kinds[msg->kind].fields & members[i].field)
            put_member(bytes, msg, &members[i]);
}

static void get_midstate(struct wire *r, struct midstate *state)
{
    state->bytes = wire_get_uint(r, 8);
    for (size_t i = 0; i < countof(state->h); i++)
        state->h[i] = (uint32_t)wire_get_uint(r, 4);
}

static void get_outcome(struct wire *r, struct outcome *outcome)
{
    outcome->status = (int32_t)wire_get_uint(r, 4);
    outcome->fault = (int32_t)wire_get_uint(r, 4);
    outcome->retry_after = wire_get_real(r);
    outcome->reset = wire_get_real(r);
    outcome->located = wire_get_uint(r, 1) != 0;
    outcome->ranged = wire_get_uint(r, 1) != 0;
    outcome->progressed = wire_get_uint(r, 1) != 0;
}

static void get_items(struct wire *r, struct msg *msg)
{
    unsigned fields = kinds[msg->kind].item;

    msg->nitems = (uint32_t)wire_get_uint(r, 4);
    if (msg->nitems > MSG_ITEMS) {
        msg->nitems = 0;
        r->cut_short = true;
    }
    for (uint32_t i = 0; i < msg->nitems; i++) {
        struct msg_item *item = &msg->item[i];

        *item = (struct msg_item){ .segment = (uint32_t)wire_get_uint(r, 4) };
        if (fields & I_SEGMENTS)
            item->segments = (uint32_t)wire_get_uint(r, 4);
        if (fields & I_BYTES)
            item->bytes = wire_get_uint(r, 8);
        if (fields & I_FLAGS)
            item->flags = (uint32_t)wire_get_uint(r, 4);
        if (fields & I_HELD) {
            item->where = (uint32_t)wire_get_uint(r, 4);
            item->checksum = wire_get_uint(r, 8);
        }
        if (fields & I_SPEED) {
            item->source = (uint32_t)wire_get_uint(r, 4);
            item->rate = wire_get_uint(r, 8);
            item->seconds = wire_get_real(r);
        }
        if (has_sha256(item, fields))
            wire_get_bytes(r, item->sha256, sizeof(item->sha256));
    }
}

static void get_blob(struct wire *r, struct msg *msg)
{
    msg->blob = r->at;
    msg->blob_len = (uint64_t)(r->end - r->at);
    r->at = r->end;
}

static void get_member(struct wire *r, struct msg *msg, const struct member *member)
{
    void *at = (char *)msg + member->at;

    switch (member->type) {
    case TYPE_U32:
        *(uint32_t *)at = (uint32_t)wire_get_uint(r, 4);
        break;
    case TYPE_U64:
        *(uint64_t *)at = wire_get_uint(r, 8);
        break;
    case TYPE_REAL:
        *(double *)at = wire_get_real(r);
        break;
    case TYPE_FLAG:
        *(bool *)at = wire_get_uint(r, 1) != 0;
        break;
    case TYPE_MIDSTATE:
        get_midstate(r, at);
        break;
    case TYPE_SHA256:
        wire_get_bytes(r, at, sizeof(msg->sha256));
        break;
    case TYPE_OUTCOME:
        get_outcome(r, at);
        break;
    case TYPE_ITEMS:
        get_items(r, msg);
        break;
    case TYPE_TEXT:
        *(const char **)at = wire_get_text(r);
        break;
    case TYPE_BLOB:
        get_blob(r, msg);
        break;
    }
}

int msg_decode(struct msg *msg, const void *bytes, size_t len, struct err *err)
{
    struct wire r = { bytes, (const uint8_t *)bytes + len, false };
    unsigned kind = (unsigned)wire_get_uint(&r, 1);

    /* Items are left as they are: clearing 64 of them for each message would cost more
     * than the message. */
    memset(msg, 0, offsetof(struct msg, item));
    msg->kind = (enum msg_kind)kind;
    msg->text = msg->url = "";
    if (kind >= MSG_KINDS || r.cut_short)
        return err_set(err, ERR_DEFECT,
                       "received a message of unknown kind %u: do all ranks run the "
                       "same build?",
                       kind);
    for (size_t i = 0; i < countof(members); i++)
        if (kinds[kind].fields & members[i].field)
            get_member(&r, msg, &members[i]);
    if (r.cut_short || r.at != r.end)
        return err_set(err, ERR_DEFECT,
                       "cannot decode a '%s' message of %zu bytes: do all ranks run "
                       "the same build?",
                       msg_name(msg->kind), len);
    return 0;
}

enum err_reason msg_reason(const struct msg *msg)
{
    return msg->reason > 0 && msg->reason < REASON_COUNT ? (enum err_reason)msg->reason
                                                         : REASON_NONE;
}

int msg_error(const struct msg *msg, struct err *err)
{
    return err_set_why(err, (enum err_code)msg->code, msg_reason(msg), "%s", msg->text);
}
