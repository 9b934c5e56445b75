/* doctor/advice.h -- what was found out about a directory, and what follows from it: how
 * get publishes there, and whether the Hub's own library works there without us. Pure.
 *
 * Each sentence stands for a fact of layout.h, or of the library's source (docs/doctor.md
 * says which). */
#ifndef DOCTOR_ADVICE_H
#define DOCTOR_ADVICE_H

#include <stdbool.h>

#include "doctor/verdict.h"

struct advice_case {
    int nodes;
    int blind; /* nodes that do not see what another has made in the directory */
    /* outcomes of doctor/verdict.h */
    int rename_directory, rename_symlink, exchange;
    int symlink, hard_link, exclusive, case_sensitive;
    enum lock_verdict flock;
    int flock_outcome; /* REFUSED: why */
    bool race_failed;  /* several processes created the same file with O_EXCL */
    double seen;       /* seconds until the slowest change was seen; < 0: not measured */
    bool unseen;       /* something was not seen in time */
    bool hides_links;  /* other users may be unable to follow our symlinks here */
    bool lustre;
    bool one_stripe; /* each file made here lies on one disk of several */
    bool own_layout; /* because somebody has said so for this directory */
    bool full;       /* for want of room, inodes or quota not all could be tried */
};

enum advice_level { ADVICE_GOOD, ADVICE_NOTE, ADVICE_WARN };

/* Calls say for each sentence, in order. The text lives until say returns. */
void advice_give(const struct advice_case *facts,
                 void (*say)(void *arg, enum advice_level level, const char *topic,
                             const char *text),
                 void *arg);

const char *advice_word(enum advice_level level); /* "good", "note", "warning" */

#endif
