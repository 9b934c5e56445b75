/* doctor/acts.h -- what a helper process can do (doctor/helper.h): orders in, answers out.
 *
 * An order is words, each ended by a NUL, the first of which names the act. An answer is
 * struct acts_answer and then bytes, whose meaning depends on the act:
 *
 *     look DIR                         struct volume
 *     make PATH                        a 0700 directory of ours, which must be new
 *     remove PATH                      with all that is in it
 *     folder PATH                      an ordinary directory of that name
 *     try WHAT DIR                     doctor/nameprobe.h
 *     create PATH                      a file that must be new
 *     lock METHOD PATH                 doctor/lockprobe.h; held until "unlock"
 *     unlock
 *     prepare KIND DIR                 doctor/sightprobe.h
 *     change KIND DIR
 *     watch KIND DIR before|after SECONDS
 *     files STEM SECONDS MOST          struct rateprobe
 *     bytes PATH SECONDS MOST          struct rateprobe
 *     program NAME WORD...             what it prints */
#ifndef DOCTOR_ACTS_H
#define DOCTOR_ACTS_H

#include <stdint.h>

struct acts_answer {
    int32_t trial; /* 0, an errno, or TRIAL_... of doctor/verdict.h */
};

/* The life of a helper process: until its standard input ends. Returns its exit code. */
int acts_serve(void);

#endif
