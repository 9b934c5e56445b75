#include "fetch/proof_mail.h"

#include <string.h>

#include "ranks/mail.h"

/* Of neighbours of which there is no more to say than that one item is made. */
static int add_proved(struct proof_mail *mail, const struct msg_item *item,
                      struct err *err)
{
    struct msg *msg = &mail->proved;
    struct msg_item *last = msg->nitems > 0 ? &msg->item[msg->nitems - 1] : NULL;

    if (last && item->flags == 0 && last->flags == 0 &&
        last->segment + last->segments == item->segment) {
        last->segments += item->segments;
        return 0;
    }
    msg->item[msg->nitems++] = *item;
    return msg->nitems == MSG_ITEMS ? proof_mail_send(mail, err) : 0;
}

int proof_mail_proved(struct proof_mail *mail, uint32_t file, const uint8_t sha256[32],
                      bool wrong, struct err *err)
{
    const uint32_t *first = mail->run->segments.first;
    bool as_announced = mail->run->plan.files[file].want.kind == DIGEST_SHA256 && !wrong;
    struct msg_item item = { .segment = first[file],
                             .segments = first[file + 1] - first[file],
                             .flags = (as_announced ? 0u : MSG_ITEM_DIGEST) |
                                      (wrong ? MSG_ITEM_BAD : 0u) };

    memcpy(item.sha256, sha256, sizeof(item.sha256));
    return add_proved(mail, &item, err);
}

/* After what was said of them before. */
int proof_mail_lost(struct proof_mail *mail, uint32_t first, uint32_t count,
                    struct err *err)
{
    const struct msg msg = { .kind = MSG_FORGOT,
                             .nitems = 1,
                             .item[0] = { .segment = first, .segments = count } };

    return proof_mail_send(mail, err) < 0 ? -1
                                          : mail_send(&mail->run->ranks, 0, &msg, err);
}

void proof_mail_forgot(struct proof_mail *mail, uint32_t segment)
{
    struct msg *msg = &mail->forgot;
    struct msg_item *last = msg->nitems > 0 ? &msg->item[msg->nitems - 1] : NULL;

    if (last && last->segment + last->segments == segment)
        last->segments++;
    else
        msg->item[msg->nitems++] = (struct msg_item){ .segment = segment, .segments = 1 };
}

int proof_mail_answer(struct proof_mail *mail, uint32_t segment, uint32_t segments,
                      struct err *err)
{
    int rc = proof_mail_send(mail, err);

    mail->forgot.kind = MSG_FORGOT;
    mail->forgot.segment = segment;
    mail->forgot.segments = segments;
    if (rc == 0)
        rc = mail_send(&mail->run->ranks, 0, &mail->forgot, err);
    mail->forgot.nitems = mail->forgot.segment = mail->forgot.segments = 0;
    return rc;
}

int proof_mail_send(struct proof_mail *mail, struct err *err)
{
    int rc = 0;

    mail->proved.kind = MSG_PROVED;
    if (mail->proved.nitems > 0)
        rc = mail_send(&mail->run->ranks, 0, &mail->proved, err);
    mail->proved.nitems = 0;
    return rc;
}
