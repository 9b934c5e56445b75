/* longlink NEAR FAR MS READY: a cable that is MS milliseconds long, there and back. NEAR and FAR
 * are network cards that it makes (TAP); a frame that leaves by one comes in by the other, as it
 * is, MS / 2 later. It touches the file READY once both exist, and they are gone when it ends.
 * For kernels without netem, which does the same. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* The kernel hands over what TCP sends at once as one frame, with a header that says how it
 * is to be cut, so that a frame can be this long. */
enum { FRAME_MAX = 128 << 10 };
/* What a lane may hold: 100 ms at 5 Gbit/s. Beyond that frames are lost, as in a router. */
static const size_t HELD_MAX = 64 << 20;
enum { TICK = 500000 }; /* nanoseconds: how much longer a frame may take */

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

    while ((size = read(lane->from, data, sizeof data)) > 0)
        lane_keep(lane, data, (size_t)size, now() + delay);
}

/* What a card does not take, since it is down, is lost. */
static void lane_let_out(struct lane *lane)
{
    int64_t time = now();
    struct frame *frame;

    while ((frame = lane->first) && frame->due <= time) {
        ssize_t size = write(lane->to, frame->data, frame->size);

        (void)size;
        lane->held -= frame->size;
        lane->first = frame->next;
        if (!lane->first)
            lane->end = &lane->first;
        free(frame);
    }
}

/* With nothing to let out until the next frame comes, else for a tick: to wake up for each
 * frame costs more than all else here. */
static void await(const struct lane *lane)
{
    static const struct timespec tick = { .tv_sec = 0, .tv_nsec = TICK };
    struct pollfd end = { .fd = lane->from, .events = POLLIN };

    if (lane->first)
        nanosleep(&tick, NULL);
    else
        poll(&end, 1, -1);
}

static void lane_run(struct lane *lane, int64_t delay)
{
    lane->end = &lane->first;
    for (;;) {
        await(lane);
        lane_take_in(lane, delay);
        lane_let_out(lane);
    }
}

/* A process for each lane: what a frame causes where it comes in, TCP's answer among it, is
 * done by the one that lets it out. */
int main(int argc, char **argv)
{
    int cards[2], ready;
    pid_t other;

    if (argc != 5 || atof(argv[3]) <= 0) {
        fprintf(stderr, "usage: longlink NEAR FAR MS READY\n");
        return 2;
    }
    for (int i = 0; i < 2; i++)
        cards[i] = card_make(argv[1 + i]);
    ready = open(argv[4], O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (ready < 0)
        die(argv[4]);
    close(ready);
    other = fork();
    if (other < 0)
        die("fork");
    if (other == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    lane_run(&(struct lane){ .from = cards[!other], .to = cards[!!other] },
             (int64_t)(atof(argv[3]) * 1e6 / 2));
}
