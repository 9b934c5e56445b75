#include "core/state/parcel.h"

#include <stdlib.h>

#include "core/state/sums.h"
#include "core/state/wire.h"

void parcel_write(const struct parcel *parcel, uint32_t node, enum msg_kind kind,
                  struct msg *msg, struct strbuf *blob)
{
    const struct parcel_node *tree = &parcel->tree[node];

    msg->kind = kind;
    msg->ticket = parcel->ticket;
    msg->nitems = parcel->nruns;
    for (uint32_t i = 0; i < parcel->nruns; i++)
        msg->item[i] = (struct msg_item){ .segment = parcel->run[i].first,
                                          .segments = parcel->run[i].count,
                                          .flags = parcel->run[i].flags };
    strbuf_clear(blob);
    wire_put_uint(blob, tree->nodes, 2);
    for (uint32_t i = 0; i < tree->nodes; i++) {
        wire_put_uint(blob, tree[i].node, 2);
        wire_put_uint(blob, tree[i].nodes, 2);
    }
    for (uint32_t i = 0; i < parcel->nsums; i++)
        sums_add(blob, parcel->sum[i]);
    msg->blob = blob->data;
    msg->blob_len = blob->len;
}

bool parcel_child(const struct parcel *parcel, uint32_t *at)
{
    *at += *at == 0 ? 1 : parcel->tree[*at].nodes;
    return *at < parcel->nnodes;
}

static bool read_runs(struct parcel *parcel, const struct msg *msg, uint32_t segments)
{
    for (uint32_t i = 0; i < msg->nitems; i++) {
        uint32_t first = msg->item[i].segment, count = msg->item[i].segments;

        if (count < 1 || count > PARCEL_SEGMENTS - parcel->nsums || first >= segments ||
            count > segments - first)
            return false;
        parcel->run[parcel->nruns++] =
            (struct parcel_run){ first, count, msg->item[i].flags };
        parcel->nsums += count;
    }
    return parcel->nruns > 0;
}

static bool read_tree(struct parcel *parcel, struct wire *wire, uint32_t nodes)
{
    uint32_t at = 0, all = parcel->nnodes;

    for (uint32_t i = 0; i < all; i++) {
        parcel->tree[i].node = (uint16_t)wire_get_uint(wire, 2);
        parcel->tree[i].nodes = (uint16_t)wire_get_uint(wire, 2);
        if (parcel->tree[i].node >= nodes || parcel->tree[i].nodes < 1)
            return false;
    }
    while (parcel_child(parcel, &at))
        ;
    return parcel->tree[0].nodes == all && at == all && !wire->cut_short;
}

static bool read_sums(struct parcel *parcel, const struct wire *wire)
{
    if ((uint64_t)(wire->end - wire->at) != (uint64_t)parcel->nsums * SUM_BYTES)
        return false;
    for (uint32_t i = 0; i < parcel->nsums; i++)
        parcel->sum[i] = sums_at(wire->at, i);
    return true;
}

int parcel_read(struct parcel *parcel, const struct msg *msg, uint32_t segments,
                uint32_t nodes, struct err *err)
{
    const uint8_t *blob = msg->blob;
    struct wire wire = { blob, blob + msg->blob_len, false };

    *parcel = (struct parcel){ .ticket = msg->ticket };
    if (!read_runs(parcel, msg, segments))
        goto broken;
    parcel->nnodes = (uint32_t)wire_get_uint(&wire, 2);
    if (parcel->nnodes < 1 || parcel->nnodes > nodes)
        goto broken;
    parcel->tree = calloc(parcel->nnodes, sizeof(*parcel->tree));
    parcel->sum = calloc(parcel->nsums, sizeof(*parcel->sum));
    if (!parcel->tree || !parcel->sum) {
        parcel_release(parcel);
        return err_memory(err, "what is to be sent to other nodes");
    }
    if (read_tree(parcel, &wire, nodes) && read_sums(parcel, &wire))
        return 0;
broken:
    parcel_release(parcel);
    return err_set(err, ERR_DEFECT,
                   "cannot read what ticket %u is for: do all ranks run the same build?",
                   (unsigned)msg->ticket);
}

void parcel_release(struct parcel *parcel)
{
    free(parcel->tree);
    free(parcel->sum);
    *parcel = (struct parcel){ 0 };
}
