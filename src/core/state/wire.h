/* core/state/wire.h -- numbers and text as bytes: little-endian, fixed
 * width, no padding. */
#ifndef CORE_STATE_WIRE_H
#define CORE_STATE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* width: bytes, at most 8. */
void wire_put_uint(struct strbuf *out, uint64_t value, unsigned width);
void wire_put_real(struct strbuf *out, double value);
void wire_put_text(struct strbuf *out, const char *text); /* NULL is "" */

/* A reader of bytes. Past their end all values are zero, or "", and cut_short is set. */
struct wire {
    const uint8_t *at, *end;
    bool cut_short;
};

uint64_t wire_get_uint(struct wire *wire, unsigned width);
double wire_get_real(struct wire *wire);
void wire_get_bytes(struct wire *wire, void *out, size_t len); /* nothing if cut short */
const char *wire_get_text(struct wire *wire);                  /* borrowed */

#endif
