/* app/source_record.h -- rank 0: the record of a tree that is the source itself, file://...,
 * and was published by mpifetch. What the record says of a file is compared with what is
 * there: a file of another size is wrong, and the digest of all others is that of the record,
 * whatever their times. What is missing is told. What mpifetch wrote into the tree beside its content is no part of
 * it. The record of a user who is not believed (staging/trust.h) has no digests.
 *
 * Life cycle   zeroed but for run; source_record_open before the tree is listed,
 *              source_record_has for each of its files, source_record_end once it is listed;
 *              source_record_release. */
#ifndef APP_SOURCE_RECORD_H
#define APP_SOURCE_RECORD_H

#include "staging/manifest.h"

struct source_record {
    const struct run *run;
    struct manifest manifest;
    bool believed;
    char tree[FS_NAME];
    size_t listed, known; /* files; of them with a digest */
    size_t touched;       /* known, with another mtime than recorded */
    char first[FS_NAME];  /* of those */
};

/* With a warning if it is not believed, or is damaged. Whatever is named like a record but does not
 * describe the tree, or has another content id than its files, is content of it. */
void source_record_open(void *arg, const char *tree);

/* 1: the file belongs to the record, not to the content. 0: it does not; *want is its digest
 * if that is known. -1 and ERR_DIGEST: it is not the file that was published. */
int source_record_has(void *arg, const char *path, const struct fs_info *info,
                      struct digest *want, struct err *err);

/* If all files are those of the record, and all of these that patterns keep are there, the plan
 * has the revision that it tells. */
int source_record_end(const struct source_record *record, struct plan *plan,
                      struct err *err);

void source_record_release(struct source_record *record);

#endif
