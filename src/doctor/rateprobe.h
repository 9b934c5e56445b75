/* doctor/rateprobe.h -- how fast files are made and bytes are written. Made in a helper
 * process (doctor/helper.h), since any call may hang. */
#ifndef DOCTOR_RATEPROBE_H
#define DOCTOR_RATEPROBE_H

#include <stdint.h>

struct rateprobe {
    double seconds;  /* in: at most about so long; out: so long it took */
    uint64_t amount; /* in: at most so many; out: so many there were */
};

/* Both remove what they made; that takes time which is not counted. */

/* Empty files "stem.N". 0 or an errno; what was made until then counts. */
int rateprobe_files(const char *stem, struct rateprobe *rate);

/* Bytes into the new file path, synced as they come, so that what was written is what the
 * disk took. 0 or an errno. */
int rateprobe_bytes(const char *path, struct rateprobe *rate);

#endif
