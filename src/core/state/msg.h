/* core/state/msg.h -- every message between ranks.
 *
 * All ranks hold the same plan, so messages carry numbers instead of paths. In memory a
 * message is one struct whose members mean the same in every kind; which of them are sent
 * depends on the kind (below, and the table in msg.c), as little-endian fields of fixed
 * width. Members that are not sent are zero, or "", on the other side. docs/protocol.md
 * says who sends what when.
 *
 * Ownership    text, url and blob point into the bytes that were decoded, and are valid
 *              as long as those are. */
#ifndef CORE_STATE_MSG_H
#define CORE_STATE_MSG_H

#include <stdint.h>

#include "base/strbuf.h"
#include "core/plan/digest.h"
#include "core/sched/retry.h"

/* Raised with every change of what ranks send each other. */
enum { MSG_CONTRACT = 12 };

enum msg_kind {
    /* rank to coordinator */
    MSG_CREDIT,   /* units: so many more can be taken */
    MSG_PROGRESS, /* fetched, received, reached, idle, running, waiting; items: segment,
                   * bytes, flags, source, rate, seconds of tasks */
    MSG_LANDED, /* items: segment, segments, flags, sha256 of those at their final path */
    MSG_FAILED, /* segment, generation, reason, lost, outcome, text */
    MSG_CANCELLED, /* segment: dropped, nothing more of it will be written */
    MSG_SHORTENED, /* segment, segments: it goes on with so many, and writes no others */
    MSG_HASHED,    /* segment, segments, midstate after them, whole, sha256 */
    MSG_SUMS,  /* items: segment, segments; blob: sums of them (core/state/sums.h), before
               * the LANDED that says that they are there */
    MSG_ABORT, /* code, reason, rank, text: this rank cannot continue */
    MSG_STATS, /* blob: counters, at the end */
    MSG_TRACE, /* blob: spans, at the end */
    MSG_SEEN,  /* blob: '1' if this node sees what was published; of the command
                * doctor, or of a keeper: what the rank has found */
    MSG_OWNER, /* blob: the process that this rank is */
    MSG_VOTE,  /* step, code, reason, rank, text: this rank's result of a step */
    MSG_ALIVE, /* a sign of life, also from the coordinator */
    MSG_ANSWER, /* ticket, whole, lost, blob: of the request in ASK the response (whole), or
                 * bytes of its body; without bytes: somebody answers. lost: nobody did */
    /* keeper to coordinator */
    MSG_GOT, /* items: segment, segments that came from another node, and are written */
    MSG_MISSED, /* ticket, node, segment, segments, text: they did not come from there */
    MSG_PROVED, /* items: segment, segments, flags, digest of the file that they are; or,
                  * without one, of files that are all as announced */
    MSG_FORGOT, /* segment, segments that a LACK was about; none: unasked. items: segment,
                  * segments that are not on its node after all */
    MSG_FENCED, /* answer to a FENCE: nothing older is written */
    MSG_NODE_FAILED, /* code, reason, text: its node takes no further part, also from the
                      * coordinator */
    /* coordinator to keeper */
    MSG_TICKET, /* ticket, items: segment, segments, flags; blob: to whom, and sums
                 * (core/state/parcel.h) */
    MSG_LACK, /* segment, segments, blob: sums. The file that they are is wrong there: look
               * which of them are, and forget those; all, if the blob is empty: FORGOT */
    MSG_FENCE, /* ticket, items: segment, segments. What tickets before that number bring of
                * these is out of date, and is not to be written any more: FENCED */
    /* keeper to keeper */
    MSG_OFFER, /* as TICKET, for the part of the tree below the receiver */
    MSG_TAKE,  /* ticket, segment, segments, units: send them under that number */
    /* coordinator to rank */
    MSG_GRANT, /* items: segment, segments, flags, checksum, where of those to fetch */
    MSG_TAKE_BACK,   /* segment: drop it, unless it has begun: CANCELLED, or SHORTENED */
    MSG_CUT,         /* segment, segments: keep no more than so many, if it has no more:
                     * SHORTENED, LANDED or CANCELLED */
    MSG_SIGNED_URL,  /* file, generation, url */
    MSG_HASH,        /* segment, segments, midstate to begin from */
    MSG_HOLD,        /* pause: begin no request before */
    MSG_RATE,        /* rate */
    MSG_CONNECTIONS, /* units: no more transfers at a time; at_once: and those beyond it
                      * break off, and go on later */
    MSG_RENEW,       /* segment: its rest is to come over a new connection */
    MSG_STOP, /* code, reason, rank, text of the error that ended the run; 0: finished */
    MSG_DECISION, /* step, code, reason, rank, text: what all ranks return */
    MSG_SHARE,    /* blob: from parent to child of a broadcast */
    MSG_ASK,      /* ticket, blob: make this request to the source, for rank 0 */
    MSG_ASK_ON, /* ticket, at_once: go on with it, after the bytes that came; or drop it */
    MSG_LOST,   /* step, code, reason, text: a rank is lost; code 0: what is agreed on in
                 * that step has succeeded */
    MSG_KINDS
};

enum { MSG_ITEMS = 64 };

enum msg_item_flag {
    MSG_ITEM_DIGEST = 1, /* sha256 holds the digest of the whole file */
    MSG_ITEM_BAD = 2,    /* the digest is not the planned one */
    MSG_ITEM_UNIT = 4,   /* grant: the last segment of a unit of credit */
    MSG_ITEM_HELD = 8,   /* grant: a former run left it, with `checksum`, at `where` */
    MSG_ITEM_WHOLE =
        16, /* grant, ticket: its file has PLAN_WHOLE, if not from the start */
    MSG_ITEM_MOVES = 32,  /* grant: HELD, and the file there may become this run's own */
    MSG_ITEM_OURS = 64,   /* progress: it waited for us, or must not break off */
    MSG_ITEM_RESTS = 128, /* progress: it waits until a connection is free */
    MSG_ITEM_FULL = 256,  /* progress: it waits until its rank has memory */
    MSG_ITEM_NEARBY = 512 /* grant: to be read from another directory */
};

struct msg_item {
    uint32_t segment, segments; /* the first, and how many neighbours */
    uint32_t flags;
    uint32_t where;    /* as in staging/staging.h */
    uint64_t bytes;    /* that have come */
    uint64_t checksum; /* XXH3 of the segments */
    uint32_t source;   /* a number for scheme, host and port */
    uint64_t rate;     /* of the connection: bytes per second, lately */
    double seconds;    /* for which the connection has been bringing bytes */
    uint8_t sha256[32];
};

struct msg {
    enum msg_kind kind;
    uint32_t segment, segments; /* the one that is meant; or the first, and how many */
    uint32_t file, generation;  /* generation: of the file's signed URL, in FAILED of the
                                 * one that was used */
    uint32_t units;             /* of credit */
    uint32_t running;           /* tasks that fetch */
    uint32_t waiting;           /* of them: those that wait for us */
    uint32_t step;              /* of agreement */
    uint32_t ticket;            /* number of an order to spread segments */
    uint32_t node;              /* as in ranks/nodes.h */
    int32_t code, rank;         /* an error, and the rank that saw it first */
    int32_t reason;             /* of it, wherever a code is sent; and of FAILED */
    uint64_t fetched;           /* bytes that the rank has so far */
    uint64_t received;          /* the same, from the source in this run */
    uint64_t rate;              /* bytes per second for this rank; 0: no limit */
    double pause;               /* seconds */
    bool reached;               /* some bytes arrived from the source */
    bool idle;                  /* nothing is under way on that rank */
    bool lost;                  /* FAILED: what lay on a disk already is not usable */
    bool whole; /* HASHED: the file ends there: sha256 is its digest; ANSWER:
                                 * nothing more comes */
    bool at_once;
    struct midstate midstate;
    uint8_t sha256[32];
    struct outcome outcome;
    const char *text, *url; /* NULL is sent as "" */
    const void *blob;
    uint64_t blob_len;
    uint32_t nitems;
    struct msg_item item[MSG_ITEMS];
};

/* Append the encoded message to bytes. */
void msg_encode(const struct msg *msg, struct strbuf *bytes);

/* ERR_DEFECT: not a message (ranks of different builds, say). */
int msg_decode(struct msg *msg, const void *bytes, size_t len, struct err *err);

/* One that is not known here is none. */
enum err_reason msg_reason(const struct msg *msg);

/* Record the error that code, reason and text are, if there is none yet. Returns -1. */
int msg_error(const struct msg *msg, struct err *err);

const char *msg_name(enum msg_kind kind);

#endif
