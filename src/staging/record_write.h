/* staging/record_write.h -- writes the record of a tree that is about to be published
 * (staging/record.h). Rank 0 only. */
#ifndef STAGING_RECORD_WRITE_H
#define STAGING_RECORD_WRITE_H

#include "staging/manifest.h"

/* Write both files, with the digests in existing. */
int record_write(const struct run *run, const struct existing_file *existing,
                 const char *identity, char content_id[65], struct err *err);

/* The name of this run, as it is written to the manifest. */
const char *record_run(const struct run *run);

#endif
