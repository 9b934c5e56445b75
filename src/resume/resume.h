/* resume/resume.h -- rank 0: what former runs left (resume/kept.h), and which segments of
 * this run it may spare. Nothing is believed: a rank to which such a segment is granted
 * looks at the bytes first (store_recheck).
 *
 * A file of a run that is certainly gone is renamed into this run's tree; of any other
 * run the bytes are copied, since it may still be writing into what it has open. So is a
 * file that has a second name: it is somebody's published one.
 *
 * Life cycle   resume_read after claim_take; resume_segment_size before the plan is
 * cut; resume_place for each file as it is staged; resume_settle; resume_held as segments
 * are granted; resume_release. All but the first take NULL. */
#ifndef RESUME_RESUME_H
#define RESUME_RESUME_H

#include "core/state/msg.h"
#include "ranks/run.h"

struct resume;

/* *out is NULL if there is nothing. */
int resume_read(struct resume **out, struct run *run, struct err *err);

/* Bytes of a segment as the former run had cut it, so that its entries fit; 0: nothing
 * tells. */
uint64_t resume_segment_size(const struct resume *resume);

/* bytes of the plan, without those in files which are renamed rather than copied: they
 * need no room a second time. */
uint64_t resume_missing(const struct resume *resume, uint64_t bytes);

/* Rename the file of the plan to path, if that may be done. true: it is there, in its
 * full size. */
bool resume_place(struct resume *resume, uint32_t file, const char *path);

/* Once all are placed, and the segments are final. */
int resume_settle(struct resume *resume, struct err *err);

/* Whether somebody left the bytes of a segment; then flags, bytes and so on of item say
 * so to the rank. */
bool resume_held(const struct resume *resume, uint32_t segment, struct msg_item *item);

/* They are not what they should be: fetch it. */
void resume_forget(struct resume *resume, uint32_t segment);

void resume_release(struct resume *resume);

#endif
