/* staging/record_write.h -- writes the record of a tree that is about to be published
 * (staging/record.h). Rank 0 only. */
#ifndef STAGING_RECORD_WRITE_H
#define STAGING_RECORD_WRITE_H

#include "staging/record.h"

/* Where the record of this run goes. */
enum record_place record_place_of(const struct run *run);

/* ERR_SOURCE if a file of the plan has a name that the record needs. */
int record_check(const struct run *run, struct err *err);

/* Write the record, with the digests in existing, where it goes: into the staged tree, or
 * beside DEST, where it describes the staged tree. Nowhere if it is not wanted, or if it
 * cannot be put beside DEST, which a warning tells (another user's directory may have that
 * name); but content_id is always set. Nobody else may write to it. */
int record_write(const struct run *run, const struct existing_file *existing,
                 const char *identity, char content_id[65], struct err *err);

/* Whether the record of this run lies beside DEST. */
bool record_is_written(const struct run *run);

/* After the visible step: .NAME.mpifetch/manifest.json and SHA256SUMS lead to the record
 * of this run. For people; the program does not look at them. */
void record_show(const struct run *run);

#endif
