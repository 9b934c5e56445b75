#include "doctor/rateprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"

enum {
    WRITE_SIZE = 1 << 20,
    WRITES_A_SYNC = 8, /* few enough that a slow disk is not far behind the clock */
};

struct place {
    char path[PATH_MAX];
};

/* "" if it does not fit. */
static struct place place_of(const char *stem, uint64_t number)
{
    struct place place;
    int len = snprintf(place.path, sizeof(place.path), "%s.%ju", stem, (uintmax_t)number);

    if (len >= (int)sizeof(place.path))
        place.path[0] = '\0';
    return place;
}

static int make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return fd < 0 || close(fd) < 0 ? errno : 0;
}

int rateprobe_files(const char *stem, struct rateprobe *rate)
{
    double began = clock_now(), most = rate->seconds;
    uint64_t files = 0;
    int reason = 0;

    while (reason == 0 && files < rate->amount && clock_now() - began < most) {
        reason = make(place_of(stem, files).path);
        files += reason == 0;
    }
    rate->seconds = clock_now() - began;
    rate->amount = files;
    for (uint64_t i = 0; i < files; i++)
        unlink(place_of(stem, i).path);
    return reason;
}

/* Not zeros: a file system that packs would be faster than any model lets it be. */
static void fill(unsigned char *bytes, size_t len)
{
    uint32_t state = 2463534242U;

    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = (unsigned char)state;
    }
}

int rateprobe_bytes(const char *path, struct rateprobe *rate)
{
    unsigned char *bytes = malloc(WRITE_SIZE);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int reason = !bytes ? ENOMEM : fd < 0 ? errno : 0;
    uint64_t done = 0;
    double began;

    if (bytes)
        fill(bytes, WRITE_SIZE);
    began = clock_now();
    while (reason == 0 && done < rate->amount && clock_now() - began < rate->seconds) {
        for (int i = 0; reason == 0 && i < WRITES_A_SYNC && done < rate->amount; i++) {
            ssize_t n = write(fd, bytes, WRITE_SIZE);

            if (n > 0)
                done += (uint64_t)n;
            else
                reason = n < 0 ? errno : EIO;
        }
        if (reason == 0 && fsync(fd) < 0)
            reason = errno;
    }
    if (fd >= 0 && close(fd) < 0 && reason == 0)
        reason = errno;
    rate->seconds = clock_now() - began;
    rate->amount = done;
    if (fd >= 0)
        unlink(path);
    free(bytes);
    return reason;
}
