/* core/plan/plan_code.c -- a plan as bytes for other ranks.
 *
 *     magic, files, bytes in all, bare; the plan's own texts, each with its length
 *     and for each file: flags, size, kind of digest and digest, five texts
 *
 * Numbers have seven bits to a byte, the lowest first. The texts of a file are mostly like
 * those of the file before or like each other, so a file of a list takes about 50 bytes. */
#include "core/plan/plan.h"

#include <string.h>

#include "base/text.h"

static const char magic[8] = { 'm', 'p', 'i', 'p', 'l', 'a', 'n', '2' };

enum { OWN = 6, TEXTS = 5, FILE_LEAST = 3 + TEXTS /* bytes of a file */ };

/* How a text of a file is written. */
enum {
    CODE_EMPTY,
    CODE_TAIL,   /* which text of this file, and how many bytes of its end */
    CODE_DIGEST, /* the digest in hex */
    CODE_HEX,    /* how many bytes, which are the text in hex */
    CODE_FRONT,  /* how many bytes are those of the same text of the file before, how many
                  * follow, and these */
};

struct text {
    const char *bytes;
    size_t len;
};

struct coder {
    const struct plan *plan;
    struct strbuf *out;
    struct text before[TEXTS];
};

static void put_number(struct strbuf *out, uint64_t number)
{
    uint8_t bytes[10];
    size_t len = 0;

    for (; number >= 0x80; number >>= 7)
        bytes[len++] = (uint8_t)(number | 0x80);
    bytes[len++] = (uint8_t)number;
    strbuf_add(out, bytes, len);
}

static bool ends_in(const struct text *text, const struct text *end)
{
    return text->len >= end->len &&
           memcmp(text->bytes + text->len - end->len, end->bytes, end->len) == 0;
}

/* In lower case, and whole bytes. */
static bool is_hex(const struct text *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (!((text->bytes[i] >= '0' && text->bytes[i] <= '9') ||
              (text->bytes[i] >= 'a' && text->bytes[i] <= 'f')))
            return false;
    return text->len % 2 == 0;
}

static bool is_digest(const struct text *text, const struct digest *want)
{
    char hex[2 * sizeof(want->bytes) + 1];

    if (text->len != (size_t)2 * digest_length(want))
        return false;
    text_hex(hex, want->bytes, digest_length(want));
    return memcmp(hex, text->bytes, text->len) == 0;
}

static void put_hex(struct strbuf *out, const struct text *text)
{
    put_number(out, CODE_HEX);
    put_number(out, text->len / 2);
    for (size_t i = 0; i < text->len; i += 2) {
        const char pair[3] = { text->bytes[i], text->bytes[i + 1], '\0' };
        uint8_t byte = 0;

        text_unhex(&byte, 1, pair);
        strbuf_add(out, &byte, 1);
    }
}

static void put_front(struct strbuf *out, const struct text *text,
                      const struct text *before)
{
    size_t same = 0;

    while (same < text->len && same < before->len &&
           text->bytes[same] == before->bytes[same])
        same++;
    put_number(out, CODE_FRONT);
    put_number(out, same);
    put_number(out, text->len - same);
    strbuf_add(out, text->bytes + same, text->len - same);
}

static void put_text(struct coder *coder, const struct digest *want,
                     const struct text *texts, size_t i)
{
    const struct text *text = &texts[i];
    struct strbuf *out = coder->out;
    size_t k = 0;

    while (text->len > 0 && k < i && !ends_in(&texts[k], text))
        k++;
    if (text->len == 0) {
        put_number(out, CODE_EMPTY);
    } else if (k < i) {
        put_number(out, CODE_TAIL);
        put_number(out, k);
        put_number(out, text->len);
    } else if (is_digest(text, want)) {
        put_number(out, CODE_DIGEST);
    } else if (is_hex(text)) {
        put_hex(out, text);
    } else {
        put_front(out, text, &coder->before[i]);
    }
}

static void put_file(struct coder *coder, const struct plan_file *file)
{
    const uint32_t at[TEXTS] = { file->key, file->path, file->etag, file->oid,
                                 file->xet };
    struct text texts[TEXTS];

    put_number(coder->out, file->flags);
    put_number(coder->out, file->size);
    put_number(coder->out, file->want.kind);
    strbuf_add(coder->out, file->want.bytes, digest_length(&file->want));
    for (size_t i = 0; i < TEXTS; i++) {
        texts[i].bytes = plan_text(coder->plan, at[i]);
        texts[i].len = strlen(texts[i].bytes);
        put_text(coder, &file->want, texts, i);
    }
    memcpy(coder->before, texts, sizeof(texts));
}

int plan_encode(const struct plan *plan, struct strbuf *bytes, struct err *err)
{
    const uint32_t own[OWN] = { plan->source, plan->revision, plan->ref,
                                plan->base,   plan->query,    plan->repo };
    struct coder coder = { .plan = plan, .out = bytes };

    strbuf_add(bytes, magic, sizeof(magic));
    put_number(bytes, plan->nfiles);
    put_number(bytes, plan->nbytes);
    put_number(bytes, plan->bare);
    for (size_t i = 0; i < OWN; i++) {
        const char *text = plan_text(plan, own[i]);

        put_number(bytes, strlen(text));
        strbuf_adds(bytes, text);
    }
    for (size_t i = 0; i < plan->nfiles && !bytes->failed; i++)
        put_file(&coder, &plan->files[i]);
    return bytes->failed ? err_memory(err, "plan") : 0;
}

/* Bytes that are read. What is wrong with them is said once, and ends all. */
struct reader {
    const uint8_t *at, *end;
    const char *fault;
};

static uint64_t get_number(struct reader *reader)
{
    uint64_t number = 0;

    for (unsigned shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
        uint8_t byte = *reader->at++;

        if (shift == 63 && byte > 1)
            break;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return number;
    }
    reader->fault = "a number is too long, or cut off";
    return 0;
}

/* NULL: there are not so many left. */
static const uint8_t *get_bytes(struct reader *reader, uint64_t len)
{
    const uint8_t *bytes = reader->at;

    if (len > (uint64_t)(reader->end - reader->at)) {
        reader->fault = "it is cut off";
        return NULL;
    }
    reader->at += len;
    return bytes;
}

static void append_bytes(struct reader *reader, struct strbuf *text)
{
    uint64_t len = get_number(reader);
    const uint8_t *bytes = get_bytes(reader, len);

    if (bytes && memchr(bytes, '\0', (size_t)len))
        reader->fault = "a text has a NUL";
    else if (bytes)
        strbuf_add(text, bytes, (size_t)len);
}

static void append_hex(struct reader *reader, struct strbuf *text, uint64_t len)
{
    const uint8_t *bytes = get_bytes(reader, len);

    for (uint64_t i = 0; bytes && i < len; i++) {
        char hex[3];

        text_hex(hex, &bytes[i], 1);
        strbuf_add(text, hex, 2);
    }
}

static void append_digest(struct reader *reader, const struct digest *want,
                          struct strbuf *text)
{
    char hex[2 * sizeof(want->bytes) + 1];

    if (want->kind == DIGEST_NONE)
        reader->fault = "a text is a digest that is not there";
    text_hex(hex, want->bytes, digest_length(want));
    strbuf_adds(text, hex);
}

static void append_tail(struct reader *reader, struct strbuf *texts, size_t i)
{
    uint64_t k = get_number(reader), len = get_number(reader);

    if (k >= i || len > texts[k].len)
        reader->fault = "a text is the end of another that is shorter";
    else
        strbuf_add(&texts[i], texts[k].data + texts[k].len - len, (size_t)len);
}

/* texts[i] is that of the file before, and becomes that of this one. */
static void get_text(struct reader *reader, const struct digest *want,
                     struct strbuf *texts, size_t i)
{
    struct strbuf *text = &texts[i];
    uint64_t code = get_number(reader);
    uint64_t same = code == CODE_FRONT ? get_number(reader) : 0;

    if (same > text->len) {
        reader->fault = "a text begins as one that is shorter";
        return;
    }
    text->len = (size_t)same;
    strbuf_add(text, "", 0);
    switch (code) {
    case CODE_EMPTY:
        break;
    case CODE_TAIL:
        append_tail(reader, texts, i);
        break;
    case CODE_DIGEST:
        append_digest(reader, want, text);
        break;
    case CODE_HEX:
        append_hex(reader, text, get_number(reader));
        break;
    case CODE_FRONT:
        append_bytes(reader, text);
        break;
    default:
        reader->fault = "a text is of an unknown kind";
    }
}

static int reject(struct err *err, const char *reason)
{
    return err_set(err, ERR_DEFECT, "plan: %s", reason);
}

static int get_file(struct reader *reader, struct strbuf texts[TEXTS], struct plan *plan,
                    struct err *err)
{
    const uint64_t known =
        PLAN_LOCATE | PLAN_WHOLE | PLAN_LFS | PLAN_COUNTED | PLAN_SIGNED;
    uint64_t flags = get_number(reader);
    struct plan_entry entry = { .flags = (uint32_t)flags, .size = get_number(reader) };
    uint64_t kind = get_number(reader);
    const uint8_t *digest;

    if (flags & ~known || kind > DIGEST_GIT_BLOB)
        return reject(err, "unknown flag or kind of digest");
    entry.want.kind = (uint8_t)kind;
    digest = get_bytes(reader, digest_length(&entry.want));
    if (digest)
        memcpy(entry.want.bytes, digest, digest_length(&entry.want));
    for (size_t i = 0; i < TEXTS && !reader->fault; i++)
        get_text(reader, &entry.want, texts, i);
    if (reader->fault)
        return reject(err, reader->fault);
    for (size_t i = 0; i < TEXTS; i++)
        if (texts[i].failed)
            return err_memory(err, "plan");
    entry.key = texts[0].data;
    entry.path = texts[1].data;
    entry.etag = texts[2].data;
    entry.oid = texts[3].data;
    entry.xet = texts[4].data;
    return plan_add(plan, &entry, err);
}

static int get_files(struct reader *reader, uint64_t count, struct plan *plan,
                     struct err *err)
{
    struct strbuf texts[TEXTS] = { 0 };
    int rc = 0;

    if (count > (uint64_t)(reader->end - reader->at) / FILE_LEAST)
        return reject(err, "more files than bytes");
    for (uint64_t i = 0; rc == 0 && i < count; i++)
        rc = get_file(reader, texts, plan, err);
    for (size_t i = 0; i < TEXTS; i++)
        strbuf_release(&texts[i]);
    return rc;
}

static int get_own(struct reader *reader, struct plan *plan, struct err *err)
{
    uint32_t *const own[OWN] = { &plan->source, &plan->revision, &plan->ref,
                                 &plan->base,   &plan->query,    &plan->repo };
    struct strbuf text = { 0 };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < OWN; i++) {
        strbuf_clear(&text);
        append_bytes(reader, &text);
        rc = reader->fault ? reject(err, reader->fault)
             : text.failed ? err_memory(err, "plan")
                           : plan_set(plan, own[i], text.data, err);
    }
    strbuf_release(&text);
    return rc;
}

int plan_decode(struct plan *plan, const void *bytes, size_t len, struct err *err)
{
    struct reader reader = { .at = bytes, .end = (const uint8_t *)bytes + len };
    const uint8_t *start = get_bytes(&reader, sizeof(magic));
    uint64_t count, sum;
    int rc = -1;

    *plan = (struct plan){ 0 };
    if (!start || memcmp(start, magic, sizeof(magic)) != 0)
        return reject(err, start ? "from a different build" : "too short");
    count = get_number(&reader);
    sum = get_number(&reader);
    plan->bare = get_number(&reader) != 0;
    if (get_own(&reader, plan, err) < 0 || get_files(&reader, count, plan, err) < 0)
        goto out;
    if (reader.at < reader.end) {
        reject(err, "its length does not match its header");
        goto out;
    }
    if (plan_check(plan, ERR_DEFECT, err) < 0)
        goto out;
    rc = plan->nbytes == sum ? 0 : reject(err, "its sizes do not add up");
out:
    if (rc < 0)
        plan_release(plan);
    return rc;
}
