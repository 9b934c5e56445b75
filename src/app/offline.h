/* app/offline.h -- lists a revision from the Hub library's cache, if HF_HUB_OFFLINE,
 * TRANSFORMERS_OFFLINE or the option forbids requests. */
#ifndef APP_OFFLINE_H
#define APP_OFFLINE_H

#include "app/session_state.h"
#include "source/source.h"

/* Rank 0, layout hf-cache: fills the plan (not sealed) from the ref and the commit record
 * in the cache. ERR_SOURCE if they are missing. */
int offline_list(struct session *s, const struct source_config *config, struct err *err);

/* Rank 0, layout dir, the Hub is out of reach: the same from the record of DEST. An error if
 * that is of another source or revision, of another commit than the Hub named before it
 * failed, or may be of a part. */
int offline_list_dir(struct session *s, const struct source_config *config,
                     struct err *err);

/* Rank 0: warn that what DEST has was not compared with the Hub, if so, and note it in the
 * report. */
void offline_tell(struct session *s);

/* Rank 0, after the look at the cache: ERR_SOURCE, or why the Hub could not be asked,
 * unless all files exist there. */
int offline_refuse(const struct session *s, struct err *err);

#endif
