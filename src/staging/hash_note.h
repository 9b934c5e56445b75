/* staging/hash_note.h -- this user's own note of files that were hashed at a DEST, or in a
 * snapshot of a cache, whose owner is not believed, so that they need not be read again while nothing has changed:
 *
 *     $XDG_CACHE_HOME/mpifetch/hashed-<id>      (~/.cache if that is not set)
 *
 *         mpifetch hashed 1 /path/of/DEST
 *         SIZE MTIME CTIME INODE SHA256 GIT PATH    a line each, sorted by path; GIT or -
 *
 * A file counts while size, both times and inode are those of the note: no user can set a
 * ctime. The device is left out, since it is another on each node of a network file
 * system. The note is only believed if it belongs to this user and nobody else may write
 * it. A broken, foreign or missing one costs time, no more. Rank 0 only.
 *
 * Life cycle   hash_note_read, which takes a zeroed struct; hash_note_release. */
#ifndef STAGING_HASH_NOTE_H
#define STAGING_HASH_NOTE_H

#include "ranks/run.h"
#include "staging/existing.h"

struct fs_info;
struct hash_note_line;

struct hash_note {
    char *text; /* that lines point into */
    struct hash_note_line *line;
    size_t count;
};

/* What there is of DEST; nothing if it is not to be believed. */
void hash_note_read(struct hash_note *note, const char *dest);

/* Whether file i of the plan was hashed and had the planned digest, or, if the source has
 * none, the one in sha256; info is what a look at it has shown. Then sha256 is filled. */
bool hash_note_has(const struct hash_note *note, const struct plan *plan, size_t i,
                   const struct fs_info *info, uint8_t sha256[32]);

/* Note what there is of the plan, as far as its digest is known. A file that was changed less than a second before
 * `since`, when hashing began, is left out: a later change may bear the same time.
 * Nothing is said of a note that cannot be written. */
void hash_note_write(const char *dest, const struct plan *plan,
                     const struct existing_file *existing, int64_t since);

void hash_note_release(struct hash_note *note);

#endif
