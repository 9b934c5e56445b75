/* doctor/nameprobe.h -- what can be done to names and files in a directory, found out by
 * doing it and looking. Made in a helper process (doctor/helper.h): any call may hang. */
#ifndef DOCTOR_NAMEPROBE_H
#define DOCTOR_NAMEPROBE_H

/* Does what is called so, in the directory dir, which it makes. 0: it works, and what it
 * should have done is seen; else an errno, OUTCOME_WRONG, or that it could not be
 * prepared (doctor/verdict.h). */
int nameprobe_try(const char *what, const char *dir);

/* Creates path with O_EXCL: 0 or an errno. */
int nameprobe_create(const char *path);

#endif
