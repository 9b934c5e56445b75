#include "coordinate/keeper_mail.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/sums.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"

int keeper_mail_open(struct keeper_mail *mail, struct run *run, struct err *err)
{
    size_t segments = run->segments.count;

    *mail = (struct keeper_mail){ .run = run };
    mail->tree = calloc((size_t)nodes_count(&run->ranks), sizeof(*mail->tree));
    mail->sum = calloc(segments + 1, sizeof(*mail->sum));
    if (!mail->tree || !mail->sum)
        return err_memory(err, "the checksums of segments");
    if (run->nodes.sum)
        memcpy(mail->sum, run->nodes.sum, segments * sizeof(*mail->sum));
    return 0;
}

void keeper_mail_release(struct keeper_mail *mail)
{
    strbuf_release(&mail->blob);
    free(mail->tree);
    free(mail->sum);
    *mail = (struct keeper_mail){ 0 };
}

int keeper_mail_sums(struct keeper_mail *mail, const struct msg *msg)
{
    uint32_t left = sums_count(msg->blob_len), at = 0;

    for (uint32_t i = 0; i < msg->nitems; i++) {
        uint32_t first = msg->item[i].segment, count = msg->item[i].segments;

        if (count > left)
            return -1;
        left -= count;
        for (uint32_t k = 0; k < count; k++)
            mail->sum[first + k] = sums_at(msg->blob, at++);
    }
    return left == 0 ? 0 : -1;
}

static int send_to(struct keeper_mail *mail, int node, const struct msg *msg,
                   struct err *err)
{
    struct ranks *ranks = &mail->run->ranks;

    return mail->blob.failed ? err_memory(err, "an order to a node")
                             : mail_send(ranks, nodes_keeper(ranks, node), msg, err);
}

int keeper_mail_ticket(struct keeper_mail *mail, const struct spread_ticket *ticket,
                       struct err *err)
{
    const struct run *run = mail->run;
    bool whole = ticket->count == 1 &&
                 run->plan.files[run->segments.file[ticket->first]].flags & PLAN_WHOLE;
    struct parcel parcel = { .ticket = mail->tickets++,
                             .nruns = 1,
                             .nnodes = ticket->nhops + 1,
                             .nsums = ticket->count,
                             .run = { { ticket->first, ticket->count,
                                        whole ? MSG_ITEM_WHOLE : 0 } },
                             .tree = mail->tree,
                             .sum = mail->sum + ticket->first };
    struct msg msg = { 0 };

    mail->tree[0] =
        (struct parcel_node){ (uint16_t)ticket->from, (uint16_t)(ticket->nhops + 1) };
    for (uint32_t i = 0; i < ticket->nhops; i++)
        mail->tree[i + 1] =
            (struct parcel_node){ ticket->hop[i].node, ticket->hop[i].nodes };
    parcel_write(&parcel, 0, MSG_TICKET, &msg, &mail->blob);
    return send_to(mail, ticket->from, &msg, err);
}

int keeper_mail_fence(struct keeper_mail *mail, int node, struct msg *msg,
                      struct err *err)
{
    msg->kind = MSG_FENCE;
    msg->ticket = mail->tickets;
    return send_to(mail, node, msg, err);
}

int keeper_mail_lack(struct keeper_mail *mail, int node, uint32_t file, bool all,
                     struct err *err)
{
    const struct segments *segments = &mail->run->segments;
    struct msg msg = { .kind = MSG_LACK,
                       .segment = segments->first[file],
                       .segments = segments_of(segments, file) };

    strbuf_clear(&mail->blob);
    for (uint32_t i = 0; !all && i < msg.segments; i++)
        sums_add(&mail->blob, mail->sum[msg.segment + i]);
    msg.blob = mail->blob.data;
    msg.blob_len = mail->blob.len;
    return send_to(mail, node, &msg, err);
}
