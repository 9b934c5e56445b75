/* publish/dir_look.h -- rank 0, layout dir: what DEST is, and what it holds of the plan.
 *
 * Life cycle   dir_look; dir_settle if it was unsure of some files, once they have been
 *              hashed; dir_adopt with a claim. */
#ifndef PUBLISH_DIR_LOOK_H
#define PUBLISH_DIR_LOOK_H

#include "publish/dir.h"

/* Classify DEST and find which files of the plan it has unchanged. Writes nothing.
 * ERR_DEST if DEST may not be replaced. */
int dir_look(struct dir *dir, struct run *run, struct err *err);

/* After the files that dir_look was unsure of have been hashed, those that are wrong being
 * marked. ERR_DEST as dir_look. */
int dir_settle(struct dir *dir, struct err *err);

/* With a claim: if DEST is complete, write a record that says so, where none is believed.
 * Of a part none is written: what a run does that fails must not be taken for a result.
 * Without a record the next run would hash again, so an error is only told.
 * ERR_DEST if DEST is another directory than the one that was settled. */
int dir_adopt(struct dir *dir, struct err *err);

/* What a refusal ends with if DEST has a record that is not believed, else "". */
enum { DIR_DOUBT = 256 };
const char *dir_doubt(const struct dir *dir, char text[DIR_DOUBT]);

/* What DEST is at this moment: dir->dest, and its record. */
int dir_classify(struct dir *dir, struct err *err);

#endif
