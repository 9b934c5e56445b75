/* io/spawn.h -- another program, run to its end. It gets no secrets: of the environment only
 * what it needs to be found and to speak. */
#ifndef IO_SPAWN_H
#define IO_SPAWN_H

/* argv[0] is looked for in PATH; no shell reads anything, what it prints is dropped. 0: it
 * ended with 0. -1 and errno: ENOENT if there is no such program, EIO if it failed,
 * ETIMEDOUT if it was ended after so many seconds. */
int spawn_wait(char *const argv[], double patience);

#endif
