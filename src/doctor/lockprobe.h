/* doctor/lockprobe.h -- locks of files, to find out what they are worth: the one file
 * that may take any. Nothing in a download rests on a lock; people want to know whether
 * that of other programs would hold.
 *
 * The calls never wait for a holder, but the kernel may wait for a server: they are made
 * in a helper process (doctor/helper.h) only. */
#ifndef DOCTOR_LOCKPROBE_H
#define DOCTOR_LOCKPROBE_H

/* "flock", "fcntl" (of a process) and "ofd" (of an open file). */
/* Tries to take the whole of path, which exists, for itself alone. 0: it is held until
 * *fd is closed; else an errno, EAGAIN if another has it. */
int lockprobe_take(const char *method, const char *path, int *fd);

#endif
