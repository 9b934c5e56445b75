/* doctor/commands.h -- what a helper process can do: orders in, answers out, each a plain
 * struct, since both ends are the same program. */
#ifndef DOCTOR_COMMANDS_H
#define DOCTOR_COMMANDS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "doctor/rateprobe.h"
#include "doctor/volume.h"

enum order_command {
    ORDER_LOOK,   /* at a directory: volume */
    ORDER_MAKE,   /* a 0700 directory of ours, which must be new */
    ORDER_REMOVE, /* a directory of ours, with all that is in it */
    ORDER_TRY,    /* what doctor/nameprobe.h calls kind, in the new directory path */
    ORDER_CREATE, /* a file that must be new */
    ORDER_LOCK,   /* a file, by the method kind of doctor/lockprobe.h */
    ORDER_UNLOCK,
    ORDER_PREPARE, /* the change that doctor/sightprobe.h calls kind, in path */
    ORDER_CHANGE,
    ORDER_WATCH, /* until the state after (or before) the change is seen */
    ORDER_FILES, /* path.N, at most so many, for so many seconds: rate */
    ORDER_BYTES, /* into path: rate */
    ORDER_LFS    /* Lustre's own program, about kind ("getstripe", "quota"): text */
};

enum { ORDER_KIND = 32, ANSWER_TEXT = 1000 };

struct order {
    enum order_command command;
    double patience; /* seconds until it counts as hanging */
    char kind[ORDER_KIND];
    bool after;
    double seconds;
    uint64_t most;
    char path[PATH_MAX + 1]; /* what is cut off here the kernel calls too long */
};

struct answer {
    int outcome;    /* 0, an errno, or OUTCOME_... of doctor/verdict.h */
    double seconds; /* since the ranks last agreed (doctor/orders.h) */
    union {
        struct volume volume;
        struct rateprobe rate;
        char text[ANSWER_TEXT];
    };
};

/* The life of a helper process: until its standard input ends. Returns its exit code. */
int commands_serve(void);

#endif
