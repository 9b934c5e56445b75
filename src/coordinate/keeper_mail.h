/* coordinate/keeper_mail.h -- what rank 0 tells the keepers of nodes: which segments to pass
 * on, and of which file to look what is wrong, with the checksums that segments should have.
 *
 * Life cycle   keeper_mail_open; keeper_mail_sums as they become known; keeper_mail_release,
 *              which takes a zeroed struct as well. */
#ifndef COORDINATE_KEEPER_MAIL_H
#define COORDINATE_KEEPER_MAIL_H

#include "core/sched/spread.h"
#include "core/state/parcel.h"
#include "ranks/run.h"

struct keeper_mail {
    struct run *run;
    uint64_t *sum;    /* of each segment; 0: not known */
    uint32_t tickets; /* so far */
    struct parcel_node *tree;
    struct strbuf blob;
};

int keeper_mail_open(struct keeper_mail *mail, struct run *run, struct err *err);
void keeper_mail_release(struct keeper_mail *mail);

/* A SUMS message, whose segments exist. -1: it has another number of sums than of them. */
int keeper_mail_sums(struct keeper_mail *mail, const struct msg *msg);

int keeper_mail_ticket(struct keeper_mail *mail, const struct spread_ticket *ticket,
                       struct err *err);

/* Of the items of msg, what tickets until here bring is out of date. */
int keeper_mail_fence(struct keeper_mail *mail, int node, struct msg *msg,
                      struct err *err);

/* all: forget the whole file. */
int keeper_mail_lack(struct keeper_mail *mail, int node, uint32_t file, bool all,
                     struct err *err);

#endif
