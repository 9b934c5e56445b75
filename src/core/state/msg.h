/* core/state/msg.h -- every message between ranks.
 *
 * All ranks hold the same plan, so messages carry numbers, not paths. In memory a message
 * is one struct; which of its fields travel depends on its kind (the table in msg.c), as
 * little-endian fields of fixed width. docs/protocol.md tells who sends what when.
 *
 * Ownership    text and blob point into the bytes that were decoded, and live as long. */
#ifndef CORE_STATE_MSG_H
#define CORE_STATE_MSG_H

#include "base/strbuf.h"
#include "core/plan/digest.h"
#include "core/sched/retry.h"

enum msg_kind {
    /* rank to coordinator */
    MSG_CREDIT,   /* count: so many units more can be taken */
    MSG_PROGRESS, /* bytes that the rank has so far, last: some came from the source;
                   * count busy slots; items: running segments and their bytes */
    MSG_LANDED,   /* items: segments in their place, with the digest if the file is one */
    MSG_FAILED,   /* id segment, count generation of the place used, outcome, text */
    MSG_CANCELLED, /* id segment: dropped, nothing more of it will be written */
    MSG_HASHED,    /* id first segment, count segments, midstate after; last: digest */
    MSG_ABORT,     /* code, text: this rank cannot go on */
    MSG_STATS,     /* blob: counters, at the end */
    MSG_TRACE,     /* blob: spans, at the end */
    MSG_SEEN,      /* blob: '1' if this node sees what was published */
    MSG_OWNER,     /* blob: the process that this rank is */
    MSG_VOTE,      /* id step, code, text: this rank's result of a step */
    MSG_ALIVE,     /* a sign of life, also from the coordinator */
    /* coordinator to rank */
    MSG_GRANT,     /* items: segments to fetch */
    MSG_DUPLICATE, /* id segment to fetch into private space */
    MSG_CANCEL,    /* id segment to drop; answered by CANCELLED, or crossed by LANDED */
    MSG_ADOPT,     /* id segment: put the private copy in its place; answered by LANDED */
    MSG_PLACE,     /* id file, count generation, text URL */
    MSG_HASH,      /* id first segment, count segments, midstate to begin from */
    MSG_HOLD,      /* seconds: begin no request before */
    MSG_RATE,      /* bytes: per second for this rank; 0: no limit */
    MSG_STOP,      /* code, rank, text of the error that ended the run; 0: finished */
    MSG_DECISION,  /* id step, code, rank, text: what all ranks return */
    MSG_SHARE,     /* blob: from parent to child of a broadcast */
    MSG_TAKE_BACK, /* id segment: as CANCEL, but one that has begun may go on */
    MSG_LOST,      /* code, text: a rank is given up; code 0: the run has succeeded */
    /* an examination, both ways */
    MSG_ORDER,  /* id, count which helper of the rank, seconds until it must be done, blob
                 * as in doctor/acts.h */
    MSG_ANSWER, /* id, code what it came to (doctor/verdict.h), blob */
    MSG_KINDS
};

enum { MSG_ITEMS = 64 };

enum msg_item_flag {
    MSG_ITEM_DIGEST = 1, /* sha256 holds the digest of the whole file */
    MSG_ITEM_BAD = 2,    /* the digest is not the planned one */
    MSG_ITEM_UNIT = 4,   /* grant: the last segment of a unit of credit */
    MSG_ITEM_HELD = 8,   /* grant: a former run left it, and bytes is its checksum */
    MSG_ITEM_LAYER = 8   /* HELD: flags shifted right by so many bits say where */
};

struct msg_item {
    uint32_t segment;
    uint32_t flags;
    uint64_t bytes;
    uint8_t sha256[32];
};

struct msg {
    enum msg_kind kind;
    uint32_t id, count;
    int32_t code, rank;
    uint64_t bytes;
    double seconds;
    bool last;
    struct midstate midstate;
    uint8_t sha256[32];
    struct outcome outcome;
    uint32_t nitems;
    struct msg_item item[MSG_ITEMS];
    const char *text; /* NULL is sent as "" */
    const void *blob;
    uint64_t blob_len;
};

/* Append the encoded message to bytes. */
void msg_encode(const struct msg *msg, struct strbuf *bytes);

/* ERR_DEFECT: not a message (ranks of different builds, say). */
int msg_decode(struct msg *msg, const void *bytes, size_t len, struct err *err);

const char *msg_name(enum msg_kind kind);

#endif
