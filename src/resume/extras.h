/* resume/extras.h -- what --ignore-extra names in the previous DEST goes to
 * PARENT/.NAME.kept-XXXXXX/PATH beside it before the old tree is removed, with or without
 * --force. Rank 0. */
#ifndef RESUME_EXTRAS_H
#define RESUME_EXTRAS_H

#include "resume/rescue.h"

/* Of a tree by its name in staging. Says where they are. false: some are still in the
 * tree, which must stay. */
bool extras_rescue(const struct rescue *rescue, const struct fs_dir *staging,
                   const char *tree);

#endif
