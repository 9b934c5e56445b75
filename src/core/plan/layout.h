/* core/plan/layout.h -- names beside a destination, and which single step makes a staged
 * tree visible there.
 *
 * For DEST /p/name, layout `dir`:
 *
 *     /p/.name.mpifetch-XXXXXX/   staging of a run; its tree/ becomes DEST
 *     /p/.name.versions/<id>/     trees that DEST, then a symlink, points to
 *
 * All of them are siblings of DEST, so each step is a rename within one directory of
 * one file system. */
#ifndef CORE_PLAN_LAYOUT_H
#define CORE_PLAN_LAYOUT_H

#include <stdbool.h>

#include "base/strbuf.h"

enum layout_dest {
    LAYOUT_MISSING,   /* nothing there */
    LAYOUT_EMPTY,     /* an empty directory */
    LAYOUT_OURS,      /* a directory that we published */
    LAYOUT_VERSIONED, /* a symlink into .name.versions */
    LAYOUT_FOREIGN    /* anything else */
};

enum layout_step {
    LAYOUT_RENAME,    /* the tree becomes DEST; DEST is missing or an empty directory */
    LAYOUT_EXCHANGE,  /* tree and DEST are exchanged; the previous DEST is then removed */
    LAYOUT_FLIP,      /* a symlink to the tree, in .name.versions, is renamed over DEST */
    LAYOUT_SWAP_LINK, /* the same symlink is exchanged with DEST, a directory */
    LAYOUT_REFUSE
};

struct layout_case {
    enum layout_dest dest;
    bool can_exchange; /* the file system can swap two names in one step */
    bool versions;     /* --versions */
    bool force;        /* --force */
};

struct layout_choice {
    enum layout_step step;
    const char *reason; /* REFUSE: what to tell the user, after the path */
};

struct layout_choice layout_choose(const struct layout_case *situation);

/* DEST is absolute and has a last part. Each appends to out. */
void layout_parent(const char *dest, struct strbuf *out);
const char *layout_name(const char *dest);                        /* points into dest */
void layout_staging_prefix(const char *dest, struct strbuf *out); /* last part only */
void layout_versions(const char *dest, struct strbuf *out);

/* Whether the target of the symlink DEST is in its versions directory: the relative form
 * ".name.versions/<id>" and nothing else. */
bool layout_is_version(const char *dest, const char *target);

#endif
