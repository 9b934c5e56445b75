/* doctor/exam_part.h -- the parts of an examination, each a section of the sheet or
 * several. Rank 0.
 *
 * Errors       -1 and *err if the examination cannot go on (a signal, no memory). What a
 * trial came to is a finding. */
#ifndef DOCTOR_EXAM_PART_H
#define DOCTOR_EXAM_PART_H

#include "doctor/exam.h"

/* Seconds until a call that should take no time counts as hanging. */
static const double EXAM_PATIENCE = 10;

/* ERR_DEST if DIR is no directory that rank 0 can look at. */
int exam_volumes(struct exam *exam, struct err *err);
int exam_sharing(struct exam *exam, struct err *err); /* which nodes see our directory */
int exam_locks(struct exam *exam, struct err *err);
int exam_names(struct exam *exam, struct err *err);
int exam_race(struct exam *exam, struct err *err);
int exam_sight(struct exam *exam, struct err *err);
int exam_rates(struct exam *exam, struct err *err);
int exam_scratch(struct exam *exam, struct err *err);

struct volume;

/* Rows of one kind of file system. */
void exam_volume_rows(struct exam *exam, const struct volume *volume, int trial);

/* "n1, n2, n3 and 5 more": hosts of the nodes that are marked. Appended. */
void exam_hosts(const struct exam *exam, const bool *marked, struct strbuf *out);

/* A path below our directory in out, which is cleared first. The text, or "" without
 * memory, which the desk then knows. */
const char *exam_below(struct exam *exam, struct strbuf *out, const char *dir,
                       const char *name);

/* The path of a fresh name in dir for a directory of ours; NULL without memory. It is
 * chosen before anything is made, so that what comes of an order that was given up can be
 * removed. */
char *exam_new_name(const char *dir);

/* verdict_reason as a text that lives as long as out. */
const char *exam_reason(struct strbuf *out, int trial);

/* A verdict of a trial for programs: "works", "refused", "wrong", "silent", "untested".
 */
const char *exam_word(int trial);

/* One verdict on flock or fcntl: the lock is held on rank holder by one of its helpers
 * while the other, and the first ranks of the nodes marked in far (NULL: of none), try to
 * get it. dir is the directory for the file. */
struct exam_lock {
    const char *method, *dir;
    int holder;
    const bool *far;
    enum lock_verdict verdict;
    struct lock_trials trials;
    int worst_node; /* where trials.far comes from; -1: nowhere */
};
int exam_lock(struct exam *exam, struct exam_lock *lock, struct err *err);

#endif
