/* core/plan/plan.h -- what to fetch: paths, sizes and digests of one version
 * of the source.
 *
 * plan.c builds a plan, plan_order.c sorts and plan_seal.c seals it, plan_code.c converts it
 * to bytes, plan_identity.c to text, path_rules.h has the rules for paths.
 *
 * Life cycle   zeroed struct; plan_set and plan_add while listing; plan_seal once;
 *              read-only from then on. Rank 0 encodes it, all others decode it: every
 *              rank has the same plan with the same file numbers, so messages carry
 *              numbers instead of paths.
 * Ownership    all text is in one arena; pointers from plan_* calls are valid until the
 *              next plan_add or plan_set, and for good once the plan is sealed.
 * Memory       at most 400 bytes per file for paths of ordinary length. */
#ifndef CORE_PLAN_PLAN_H
#define CORE_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "core/plan/digest.h"

enum plan_flag {
    PLAN_LOCATE = 1,  /* rank 0 must ask the source for a signed URL */
    PLAN_WHOLE = 2,   /* one request for the whole file: the server cuts no ranges, or
                      * counts requests */
    PLAN_LFS = 4,     /* the Hub keeps it in LFS: its entity tag there is the SHA-256 */
    PLAN_COUNTED = 8, /* the source counts requests for it: no second copy to save time */
    PLAN_SIGNED = 16, /* its URL gets the query of the plan */
    PLAN_UNSIZED = 32 /* while listing: the size is not known yet */
};

struct plan_file {
    uint32_t path;  /* where it goes below DEST; offset into the arena */
    uint32_t key;   /* a URL, or what follows base; offset */
    uint32_t etag;  /* validator the server gave when listed, or ""; offset. Also holds
                     * "mtime:<ns>" for file:// */
    uint32_t oid;   /* git object id of a Hub file in hex, or ""; offset */
    uint32_t xet;   /* Xet file id, 64 hex, or ""; offset */
    uint32_t flags; /* enum plan_flag */
    uint64_t size;  /* bytes */
    struct digest want;
};

/* What a lister knows of one file; plan_add copies it. NULL text means "". */
struct plan_entry {
    const char *path, *key, *etag, *oid, *xet;
    uint32_t flags;
    uint64_t size;
    struct digest want;
};

struct plan {
    struct strbuf text; /* the arena; offset 0 is "" */
    struct plan_file *files;
    size_t nfiles, room;
    uint64_t nbytes;   /* of all files; plan_seal adds them up */
    uint32_t source;   /* in its full form, without secrets; offset */
    uint32_t revision; /* commit, or ""; offset */
    uint32_t ref;      /* the revision as asked for, "main" by default, or ""; offset */
    uint32_t base;     /* put in front of keys that are no URLs; offset */
    uint32_t query; /* '?' and a permission to read, put behind keys with PLAN_SIGNED, or
                        * ""; offset. The next run may have another, for the same files */
    uint32_t repo;  /* "models/ns/name" of a Hub repository, or ""; offset */
    bool bare; /* no path is reserved: nothing is written among the files, or they were
                * looked at */
};

/* Offsets are 32 bits: more than 4 GiB of text is an error, not a wrap. A text that another
 * of its entry ends in is not kept twice. */
int plan_add(struct plan *plan, const struct plan_entry *entry, struct err *err);

/* Copy text into the arena and point *field (one of plan's own offsets) at it. */
int plan_set(struct plan *plan, uint32_t *field, const char *text, struct err *err);

/* Sort by path (bytes). ERR_SOURCE for a path that is absolute, has an empty, "." or ".."
 * part (with '\' counted as '/'), a drive letter, a control character, more than 255
 * bytes in a part or 4095 in all, 256 parts, or is not UTF-8; for two files of one path; for a file
 * that is also a directory; unless bare for a path that a record of ours has, and if repo
 * is set for ".cache/huggingface" and all below (and a file ".cache"); for sizes that add up to more than
 * 2^63. */
int plan_seal(struct plan *plan, struct err *err);

/* Lay the texts side by side in the order of the files, without those of files that are
 * gone. Else whoever goes through a long list in any order waits for memory at each. */
int plan_gather(struct plan *plan, struct err *err);

/* By path, in bytes. */
int plan_sort(struct plan *plan, struct err *err);

/* Sort, and keep one of the files that are equal in path, place and digest, and in size
 * unless one of them is unsized. */
int plan_drop_repeats(struct plan *plan, struct err *err);

/* Two files whose paths differ in nothing but the case of A to Z; false: there are none.
 * Out of memory counts as none. */
bool plan_twins(const struct plan *plan, size_t *one, size_t *other);

/* The checks of plan_seal for paths, their order and sizes; sets nbytes. code: the
 * class of the error. */
int plan_check(struct plan *plan, enum err_code code, struct err *err);

const char *plan_text(const struct plan *plan, uint32_t offset);
const char *plan_path(const struct plan *plan, size_t file);

/* By the path; false: it is no file of the plan, which is sealed. file may be NULL. */
bool plan_find(const struct plan *plan, const char *path, size_t *file);

/* The URL of a file: its key if that is one, else base and key; with query if it has
 * PLAN_SIGNED. */
void plan_url(const struct plan *plan, size_t file, struct strbuf *url);

/* The same without query of the plan: what tells the URL from those of other files. */
void plan_place(const struct plan *plan, size_t file, struct strbuf *url);

/* Bytes that any rank of the same build decodes into an equal plan, which is sealed. They
 * are packed: about 50 for a file of a list. plan_decode trusts nothing: ERR_DEFECT for
 * inconsistent bytes. */
int plan_encode(const struct plan *plan, struct strbuf *bytes, struct err *err);
int plan_decode(struct plan *plan, const void *bytes, size_t len, struct err *err);

/* A canonical text whose digest identifies the content: a line for each file with path,
 * size and digest. Without a digest, validator and URL are used instead, since a
 * validator identifies a version at one URL only. Equal text means equal content, as far
 * as the source tells; the same content from another place may have another text. It is
 * appended from *file on, 0 at first, until text has `most` bytes or more; *file is the next one,
 * nfiles at the end. */
int plan_identity(const struct plan *plan, size_t *file, size_t most, struct strbuf *text,
                  struct err *err);

void plan_release(struct plan *plan);

#endif
