/* longlink NEAR FAR MS READY: a cable that is MS milliseconds long, there and back. NEAR and FAR
 * are network cards that it makes (TAP); a frame that leaves by one comes in by the other, as it
 * is, MS / 2 later. It touches the file READY once both exist, and they are gone when it ends.
 * For kernels without netem, which does the same. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* The kernel hands over what TCP sends at once as one frame, with a header that says how it
 * is to be cut, so that a frame can be this long. */
enum { FRAME_MAX = 128 << 10 };
/* What a lane may hold: 100 ms at 5 Gbit/s. Beyond that frames are lost, as in a router. */
static const size_t HELD_MAX = 64 << 20;
enum { AT_ONCE = 64 }; /* frames from one end, before the other has its turn */

struct frame {
    struct frame *next;
    int64_t due; /* nanoseconds of the monotonic clock */
    size_t size;
    unsigned char data[];
};

struct lane {
    int from, to;
    struct frame *first, **end;
    size_t held;
};

static int64_t now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "longlink: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int card_make(const char *name)
{
    struct ifreq card = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        die("/dev/net/tun");
    snprintf(card.ifr_name, sizeof card.ifr_name, "%s", name);
    if (ioctl(fd, TUNSETIFF, &card) < 0 ||
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) <
            0)
        die(name);
    return fd;
}

static void lane_keep(struct lane *lane, const unsigned char *data, size_t size,
                      int64_t due)
{
    struct frame *frame;

    if (lane->held + size > HELD_MAX)
        return;
    frame = malloc(sizeof *frame + size);
    if (!frame)
        die("memory");
    *frame = (struct frame){ .due = due, .size = size };
    memcpy(frame->data, data, size);
    *lane->end = frame;
    lane->end = &frame->next;
    lane->held += size;
}

static void lane_take_in(struct lane *lane, int64_t delay)
{
    static unsigned char data[FRAME_MAX];
    ssize_t size;

    for (int i = 0; i < AT_ONCE; i++) {
        size = read(lane->from, data, sizeof data);
        if (size <= 0)
            return;
        lane_keep(lane, data, (size_t)size, now() + delay);
    }
}

/* What a card does not take, since it is down, is lost. */
static void lane_let_out(struct lane *lane)
{
    struct frame *frame;

    while ((frame = lane->first) && frame->due <= now()) {
        ssize_t size = write(lane->to, frame->data, frame->size);

        (void)size;
        lane->held -= frame->size;
        lane->first = frame->next;
        if (!lane->first)
            lane->end = &lane->first;
        free(frame);
    }
}

static int64_t earliest(const struct lane *lanes)
{
    int64_t due = INT64_MAX;

    for (int i = 0; i < 2; i++)
        if (lanes[i].first && lanes[i].first->due < due)
            due = lanes[i].first->due;
    return due;
}

static void await(const struct lane *lanes)
{
    struct pollfd ends[2] = { { .fd = lanes[0].from, .events = POLLIN },
                              { .fd = lanes[1].from, .events = POLLIN } };
    int64_t due = earliest(lanes), wait = due == INT64_MAX ? 1000000000 : due - now();
    struct timespec left = { .tv_sec = 0, .tv_nsec = 0 };

    if (wait > 0) {
        left.tv_sec = (time_t)(wait / 1000000000);
        left.tv_nsec = (long)(wait % 1000000000);
    }
    ppoll(ends, 2, &left, NULL);
}

int main(int argc, char **argv)
{
    struct lane lanes[2] = { 0 };
    int64_t delay;
    int ready;

    if (argc != 5 || atof(argv[3]) <= 0) {
        fprintf(stderr, "usage: longlink NEAR FAR MS READY\n");
        return 2;
    }
    delay = (int64_t)(atof(argv[3]) * 1e6 / 2);
    for (int i = 0; i < 2; i++) {
        lanes[i].from = lanes[1 - i].to = card_make(argv[1 + i]);
        lanes[i].end = &lanes[i].first;
    }
    ready = open(argv[4], O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (ready < 0)
        die(argv[4]);
    close(ready);
    for (;;) {
        await(lanes);
        for (int i = 0; i < 2; i++) {
            lane_take_in(&lanes[i], delay);
            lane_let_out(&lanes[i]);
        }
    }
}
