/* fetch/proof_mail.h -- what the keeper of a node tells rank 0 of the files on it: PROVED and
 * FORGOT, many items in a message.
 *
 * Life cycle   zeroed except for run; proof_mail_proved as files are hashed, and
 *              proof_mail_send each turn; proof_mail_forgot, and proof_mail_answer then. */
#ifndef FETCH_PROOF_MAIL_H
#define FETCH_PROOF_MAIL_H

#include "ranks/run.h"

struct proof_mail {
    struct run *run;
    struct msg proved, forgot;
};

/* A file has that digest. */
int proof_mail_proved(struct proof_mail *mail, uint32_t file, const uint8_t sha256[32],
                      bool wrong, struct err *err);
int proof_mail_send(struct proof_mail *mail, struct err *err);

/* Neighbours that are not here any more, unasked. */
int proof_mail_lost(struct proof_mail *mail, uint32_t first, uint32_t count,
                    struct err *err);

/* A segment that the answer to a LACK names, in order; in no more than MSG_ITEMS runs of
 * neighbours. */
void proof_mail_forgot(struct proof_mail *mail, uint32_t segment);
/* The answer: so much was asked about. */
int proof_mail_answer(struct proof_mail *mail, uint32_t segment, uint32_t segments,
                      struct err *err);

#endif
