/* resume/resume.h -- rank 0: what former runs left (resume/kept.h), and which segments of
 * this run need not be fetched because of that. Nothing is trusted: a rank that is
 * granted such a segment first verifies its bytes (store_recheck).
 *
 * A file of a run that is certainly gone is renamed into this run's tree. Of any other
 * run the bytes are copied, since it may still be writing to its open files; so is a file
 * with a second name, which is somebody's published one, and one of which not all counts
 * after a failed sync: what is missing goes to a fresh file.
 *
 * Life cycle   resume_read after claim_take; resume_fit before the plan is cut;
 *              resume_place for each file as it is staged; resume_settle; resume_held as
 *              segments are granted; resume_release. All but the first take NULL. */
#ifndef RESUME_RESUME_H
#define RESUME_RESUME_H

#include "core/state/msg.h"
#include "ranks/run.h"

struct existing_file;
struct resume;

/* *out is NULL if there is nothing. */
int resume_read(struct resume **out, struct run *run, struct err *err);

/* How a plan must be cut so that segments match what former runs left: *size is made
 * smaller, a power of two by a power of two, and *least to *size if a file up to that came
 * in parts. */
void resume_fit(const struct resume *resume, uint64_t *size, uint64_t *least);

/* `bytes` of the files that are not there, less those in files that are renamed rather
 * than copied: they need no further space. */
uint64_t resume_missing(const struct resume *resume, const struct existing_file *existing,
                        uint64_t bytes);

/* Rename the file into the tree, if that is allowed. true: it is there, in
 * its full size. A small file is renamed by the rank that checks it (fetch/small.h). */
bool resume_place(struct resume *resume, uint32_t file);

/* Whether resume_place looks at the file, and may rename it. */
bool resume_touches(const struct resume *resume, uint32_t file);

/* Once all are placed, and the segments are final. */
int resume_settle(struct resume *resume, struct err *err);

/* Whether a former run left neighbours that begin with that segment, and the checksum of
 * all of them. If so, sets segments, flags, where and checksum of item for the rank that is
 * granted them. */
bool resume_held(const struct resume *resume, uint32_t segment, struct msg_item *item);

/* The bytes are not what the journal says: fetch those that begin with the segment. */
void resume_forget(struct resume *resume, uint32_t segment);

void resume_release(struct resume *resume);

#endif
