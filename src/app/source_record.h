/* app/source_record.h -- rank 0: the record of a tree that is the source itself, file://...,
 * and was published by mpifetch: its digests are those of the files that are as they were
 * then, and it is no part of what the tree holds. The record of a user who is not believed
 * (staging/trust.h) has no digests.
 *
 * Life cycle   zeroed but for run; source_record_open before the tree is listed,
 *              source_record_has for each of its files; source_record_release. */
#ifndef APP_SOURCE_RECORD_H
#define APP_SOURCE_RECORD_H

#include "staging/manifest.h"

struct source_record {
    const struct run *run;
    struct manifest manifest;
    bool believed;
};

/* With a warning if it is not believed. Whatever is named like a record but does not
 * describe the tree is content of it. */
void source_record_open(void *arg, const char *tree);

/* Whether the file is one of the record; else *want is its digest, if it is known. */
bool source_record_has(void *arg, const char *path, const struct fs_info *info,
                       struct digest *want);

void source_record_release(struct source_record *record);

#endif
