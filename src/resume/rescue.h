/* resume/rescue.h -- before a staging is removed: what in it must stay, since somebody
 * else put it there or reads it. Rank 0. */
#ifndef RESUME_RESCUE_H
#define RESUME_RESCUE_H

#include "ranks/run.h"

struct rescue {
    const struct run *run;       /* which removes the staging */
    const struct fs_dir *parent; /* what dest lies in */
    const char *dest;
};

/* A tree that was published, by its name in staging. If it has files that mpifetch did
 * not create it is moved to PARENT/.NAME.kept-XXXXXX, with a warning. false: it is still
 * in staging, and must stay there. */
bool rescue_tree(const struct rescue *rescue, const struct fs_dir *staging,
                 const char *tree);

/* The versions that a sweep has moved there (resume/versions.h): the one that DEST leads
 * to goes back, or stays with a warning if it cannot, the others are treated in the same
 * way. */
bool rescue_versions(const struct rescue *rescue, const struct fs_dir *staging);

/* What a rehearsal (publish/rehearsal.h) makes in staging and renames DEST over, which must
 * fail: an empty file, and a directory with an empty one of that name in it. */
extern const char rescue_probe_file[], rescue_probe_full[], rescue_probe_inner[];

/* What lies there instead is DEST, if that was done and not undone: back to its name, or
 * moved as above if something else has that name. false: it is still there. */
bool rescue_dest(const struct rescue *rescue, const struct fs_dir *staging);

#endif
