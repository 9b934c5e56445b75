/* faultfs.h -- what goes wrong in a file system of the tests.
 *
 * The rules are a file of lines, read anew at each call, so that a test can change the
 * weather while a job runs:
 *
 *     OP ERRNO [after=BYTES] [match=TEXT] [ms=N] [times=N]
 *
 * OP      flock lock getattr open create read write fsync flush rename rename2 (a rename
 *         with flags) link symlink unlink mkdir rmdir truncate fallocate
 * ERRNO   a name such as ENOSPC, OK for a call that is only slow, or FLIP for a write of
 *         which the last byte becomes another one
 * after   strikes once that many bytes were written through this mount
 * match   strikes only paths that hold this text
 * ms      the call waits so long first
 * times   strikes so often at most, as long as the mount lives and the rule stays in its
 *         line
 *
 * The first rule that strikes decides. What times and FLIP did is told, "OP PATH" a line,
 * in a file beside the rules, .struck at the end of its name. '#' begins a comment. */
#ifndef FAULTFS_H
#define FAULTFS_H

#include <stdint.h>

enum { RULES_FLIP = -1 };

/* An errno for this call, RULES_FLIP, or 0 if it may go on; after the wait that the rule asks for.
 * written: bytes so far. A rule with an unknown ERRNO is EPROTO, so that it shows. */
int rules_strike(const char *rules, const char *op, const char *path, uint64_t written);

#endif
