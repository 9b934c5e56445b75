/* doctor/program.h -- another program, for what it prints. Run in a helper process
 * (doctor/helper.h), which is killed together with it when its time is up. It ends with
 * the helper, and knows of the environment only PATH, HOME, LANG and LD_LIBRARY_PATH. */
#ifndef DOCTOR_PROGRAM_H
#define DOCTOR_PROGRAM_H

#include <stddef.h>

/* argv[0] is looked for on PATH; no shell reads the words. Its standard output is put
 * into out, as much of it as fits. 0: it ended well; ENOENT: it cannot be run; EIO: it
 * ended otherwise; or why nothing could be started. */
int program_run(char *const argv[], char *out, size_t size);

#endif
