/* doctor/program.h -- another program, for what it prints. Run in a helper process
 * (doctor/helper.h), which is killed together with it when its time is up. It ends with the
 * helper, and knows of the environment only PATH, HOME, LANG and LD_LIBRARY_PATH. */
#ifndef DOCTOR_PROGRAM_H
#define DOCTOR_PROGRAM_H

#include "base/strbuf.h"

/* argv[0] is looked for on PATH; no shell reads the words. Its standard output is
 * appended, at most 64 KiB. 0: it ended well; an errno: it cannot be run (ENOENT: there
 * is none); EIO: it ended otherwise. */
int program_run(char *const argv[], struct strbuf *out);

#endif
