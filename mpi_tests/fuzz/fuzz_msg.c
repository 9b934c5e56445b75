/* A message of any bytes, as ranks of another build could send it. What is taken for one
 * means the same when it is sent on. */
#include <stdlib.h>
#include <string.h>

#include "core/state/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool within(const void *part, size_t len, const uint8_t *data, size_t size)
{
    const uint8_t *begin = part;

    return begin >= data && len <= size && begin + len <= data + size;
}

static void must_come_back(const struct msg *msg)
{
    struct strbuf bytes = { 0 }, again = { 0 };
    struct msg back;

    msg_encode(msg, &bytes);
    require(msg_decode(&back, bytes.data, bytes.len, NULL) == 0);
    msg_encode(&back, &again);
    require(bytes.len == again.len && memcmp(bytes.data, again.data, bytes.len) == 0);
    strbuf_release(&bytes);
    strbuf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = { 0 };
    struct msg msg;

    if (msg_decode(&msg, data, size, &err) < 0) {
        require(err.code == ERR_DEFECT);
        return 0;
    }
    require((unsigned)msg.kind < MSG_KINDS && msg.nitems <= MSG_ITEMS);
    require(!*msg.text || within(msg.text, strlen(msg.text) + 1, data, size));
    require(!*msg.url || within(msg.url, strlen(msg.url) + 1, data, size));
    require(!msg.blob || within(msg.blob, (size_t)msg.blob_len, data, size));
    must_come_back(&msg);
    return 0;
}
