/* What a rank of another build could send as a TICKET or OFFER. Whatever is taken for one
 * names only segments and nodes that exist, and each child is sent a part of it. */
#include <stdlib.h>
#include <string.h>

#include "core/state/parcel.h"

enum { SEGMENTS = 5000, NODES = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void must_be_there(const struct parcel *parcel)
{
    uint32_t sums = 0;

    for (uint32_t i = 0; i < parcel->nruns; i++) {
        require(parcel->run[i].count > 0 && parcel->run[i].first < SEGMENTS);
        require(parcel->run[i].count <= SEGMENTS - parcel->run[i].first);
        sums += parcel->run[i].count;
    }
    require(sums == parcel->nsums && sums <= PARCEL_SEGMENTS);
    for (uint32_t i = 0; i < parcel->nnodes; i++)
        require(parcel->tree[i].node < NODES);
}

static void children_must_be_parts(const struct parcel *parcel)
{
    struct strbuf blob = { 0 };
    struct msg msg;

    for (uint32_t at = 0; parcel_child(parcel, &at);) {
        require(parcel->tree[at].nodes <= parcel->nnodes - at);
        parcel_write(parcel, at, MSG_OFFER, &msg, &blob);
        require(msg.blob_len == 2 + 4u * parcel->tree[at].nodes + 8u * parcel->nsums);
    }
    strbuf_release(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = { 0 };
    struct parcel parcel;
    struct msg msg;

    if (msg_decode(&msg, data, size, &err) < 0 ||
        (msg.kind != MSG_TICKET && msg.kind != MSG_OFFER))
        return 0;
    if (parcel_read(&parcel, &msg, SEGMENTS, NODES, &err) < 0) {
        require(err.code == ERR_DEFECT);
        return 0;
    }
    must_be_there(&parcel);
    children_must_be_parts(&parcel);
    parcel_release(&parcel);
    return 0;
}
