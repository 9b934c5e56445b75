#include "core/state/wire.h"

#include <string.h>

void wire_put_uint(struct strbuf *out, uint64_t value, unsigned width)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < width; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    strbuf_add(out, bytes, width);
}

void wire_put_real(struct strbuf *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    wire_put_uint(out, bits, 8);
}

void wire_put_text(struct strbuf *out, const char *text)
{
    if (!text)
        text = "";
    strbuf_add(out, text, strlen(text) + 1);
}

static const uint8_t *take_bytes(struct wire *wire, size_t len)
{
    const uint8_t *at = wire->at;

    if ((size_t)(wire->end - wire->at) < len) {
        wire->cut_short = true;
        return NULL;
    }
    wire->at += len;
    return at;
}

uint64_t wire_get_uint(struct wire *wire, unsigned width)
{
    const uint8_t *bytes = take_bytes(wire, width);
    uint64_t value = 0;

    for (unsigned i = 0; bytes && i < width; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

double wire_get_real(struct wire *wire)
{
    uint64_t bits = wire_get_uint(wire, 8);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

void wire_get_bytes(struct wire *wire, void *out, size_t len)
{
    const uint8_t *bytes = take_bytes(wire, len);

    if (bytes)
        memcpy(out, bytes, len);
}

const char *wire_get_text(struct wire *wire)
{
    const uint8_t *end = memchr(wire->at, 0, (size_t)(wire->end - wire->at));
    const char *text = (const char *)wire->at;

    if (!end) {
        wire->cut_short = true;
        return "";
    }
    wire->at = end + 1;
    return text;
}
