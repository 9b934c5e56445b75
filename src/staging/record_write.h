/* staging/record_write.h -- writes the record of a tree that is about to be published
 * (staging/record.h). Rank 0 only. */
#ifndef STAGING_RECORD_WRITE_H
#define STAGING_RECORD_WRITE_H

#include "staging/manifest_write.h"
#include "staging/record.h"

/* Where the record of this run goes. */
enum record_place record_place_of(const struct run *run);

/* ERR_SOURCE if a file of the plan has a name that the record needs. */
int record_check(const struct run *run, struct err *err);

/* A record that is to be written. */
struct record_draft {
    struct manifest_source source;
    enum record_place place;
    const struct fs_dir *dir; /* staging, where one is made that goes beside DEST */
};

/* Of the tree that the run has staged. */
struct record_draft record_draft(const struct run *run,
                                 const struct existing_file *existing,
                                 const char *identity);

/* Write the record where it goes: into the tree, or beside DEST. Nowhere if it is not wanted, or if it
 * cannot be put beside DEST, which a warning tells (another user's directory may have that
 * name); but content_id is always set. Nobody else may write to it. */
int record_write(const struct record_draft *draft, char content_id[65], struct err *err);

/* Whether it lies beside DEST. */
bool record_is_written(const struct record_draft *draft);

/* After the visible step: .NAME.mpifetch/manifest.json and SHA256SUMS lead to it. For
 * people; the program does not look at them. */
void record_show(const struct record_draft *draft);

#endif
