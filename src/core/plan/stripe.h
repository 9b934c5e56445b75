/* core/plan/stripe.h -- on Lustre: over how many of its disks a file is spread, and what
 * a directory says of what is made in it. */
#ifndef CORE_PLAN_STRIPE_H
#define CORE_PLAN_STRIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stripe_mode { STRIPE_AUTO, STRIPE_FIXED, STRIPE_NONE };

struct stripe_policy {
    enum stripe_mode mode;
    unsigned count; /* FIXED */
};

enum {
    STRIPE_LARGE = 256 << 20, /* AUTO: bytes of a file for each stripe ... */
    STRIPE_MOST = 32,         /* ... of which it gets no more than this */
    STRIPE_LEAST = 1 << 20    /* FIXED: a file has at least so many bytes to a stripe */
};

/* The default layout of a directory. */
enum stripe_kind {
    STRIPE_UNKNOWN,
    STRIPE_PLAIN,    /* one number of stripes for all files */
    STRIPE_COMPOSITE /* more of them from certain sizes on */
};
enum { STRIPE_ALL = 0xffff };

struct stripe_layout {
    enum stripe_kind kind;
    unsigned count; /* PLAIN: 0 is Lustre's default, which is 1; or STRIPE_ALL */
};

/* The bytes of its attribute "lustre.lov" on this machine. */
struct stripe_layout stripe_parse(const void *bytes, size_t len);

/* Whether files get a layout from us. own: the directory has one that is not that of
 * the file system; layout: whichever applies. What an administrator has set for all sizes
 * is better than a guess. */
bool stripe_applies(const struct stripe_policy *policy, bool own,
                    const struct stripe_layout *layout);

/* How many stripes a file gets; 0: none are set, as for a small one. osts: disks that
 * there are; 0: not known. */
unsigned stripe_count(const struct stripe_policy *policy, uint64_t size, unsigned osts);

#endif
