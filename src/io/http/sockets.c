#include "io/http/sockets.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"

enum { EVENTS_MOST = 64, WAIT_MOST = 1000 /* seconds */ };

struct sockets {
    CURLM *multi;
    int set;             /* epoll */
    int alarm;           /* eventfd */
    atomic_bool alarmed; /* since it was last seen */
    bool seen;           /* the alarm, while nobody waited: the next wait ends at once */
    uint32_t *wanted;    /* of each socket by its number: events; 0: none */
    size_t room;         /* of wanted */
    double due; /* clock_now at which libcurl wants to be asked; INFINITY: never */
    int found;  /* how many events the last wait has left */
    struct epoll_event event[EVENTS_MOST];
};

static bool grow(struct sockets *s, size_t number)
{
    size_t room = number + number / 2 + 64;
    uint32_t *wanted;

    if (number < s->room)
        return true;
    wanted = realloc(s->wanted, room * sizeof(*wanted));
    if (!wanted)
        return false;
    memset(wanted + s->room, 0, (room - s->room) * sizeof(*wanted));
    s->wanted = wanted;
    s->room = room;
    return true;
}

/* A socket may have been closed and its number given to another since it was added: the
 * kernel has forgotten it then. */
static int watch(const struct sockets *s, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };

    if (epoll_ctl(s->set, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return errno == ENOENT ? epoll_ctl(s->set, EPOLL_CTL_ADD, fd, &event) : -1;
}

/* A socket whose transfer has ended stays in the set: most often the next request goes
 * out on it at once. */
static int on_socket(CURL *easy, int fd, int what, void *arg, void *own)
{
    static const uint32_t events[] = { [CURL_POLL_NONE] = 0,
                                       [CURL_POLL_IN] = EPOLLIN,
                                       [CURL_POLL_OUT] = EPOLLOUT,
                                       [CURL_POLL_INOUT] = EPOLLIN | EPOLLOUT,
                                       [CURL_POLL_REMOVE] = 0 };
    struct sockets *s = arg;

    (void)easy;
    (void)own;
    if (!grow(s, (size_t)fd))
        return -1;
    s->wanted[fd] = events[what];
    return s->wanted[fd] == 0 ? 0 : watch(s, fd, s->wanted[fd]);
}

static int on_timer(CURLM *multi, long milliseconds, void *arg)
{
    struct sockets *s = arg;

    (void)multi;
    s->due = milliseconds < 0 ? INFINITY : clock_now() + (double)milliseconds / 1000;
    return 0;
}

/* Its events come as edges, so nobody has to read it. */
static bool watch_alarm(const struct sockets *s)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = s->alarm };

    return epoll_ctl(s->set, EPOLL_CTL_ADD, s->alarm, &event) == 0;
}

int sockets_create(struct sockets **out, CURLM *multi, struct err *err)
{
    struct sockets *s = calloc(1, sizeof(*s));

    *out = NULL;
    if (!s)
        return err_memory(err, "http");
    s->multi = multi;
    s->due = INFINITY;
    s->set = epoll_create1(EPOLL_CLOEXEC);
    s->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->set < 0 || s->alarm < 0 || !watch_alarm(s)) {
        err_set(err, ERR_DEFECT, "cannot wait for sockets: %s", strerror(errno));
        sockets_destroy(s);
        return -1;
    }
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s);
    *out = s;
    return 0;
}

void sockets_destroy(struct sockets *sockets)
{
    if (!sockets)
        return;
    if (sockets->set >= 0)
        close(sockets->set);
    if (sockets->alarm >= 0)
        close(sockets->alarm);
    free(sockets->wanted);
    free(sockets);
}

/* For less than a millisecond epoll_wait itself cannot wait. */
static int find_events(struct sockets *s, double seconds)
{
    struct pollfd set = { .fd = s->set, .events = POLLIN };
    int found;

    if (seconds > 0 && seconds < 0.001) {
        ppoll(&set, 1, &(struct timespec){ .tv_nsec = (long)(seconds * 1e9) }, NULL);
        seconds = 0;
    }
    found = epoll_wait(s->set, s->event, EVENTS_MOST, (int)ceil(seconds * 1000));

    return found > 0 ? found : 0;
}

static CURLMcode act(struct sockets *s, int fd, int what)
{
    int running;

    return curl_multi_socket_action(s->multi, fd, what, &running);
}

/* An error has neither bit, and libcurl then asks the socket itself. */
static CURLMcode take_event(struct sockets *s, const struct epoll_event *event)
{
    int fd = event->data.fd;
    int what = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0);

    if (fd == s->alarm) {
        atomic_store(&s->alarmed, false);
        s->seen = true;
        return CURLM_OK;
    }
    if (s->wanted[fd] != 0)
        return act(s, fd, what);
    epoll_ctl(s->set, EPOLL_CTL_DEL, fd, NULL);
    return CURLM_OK;
}

int sockets_move(struct sockets *sockets, struct err *err)
{
    bool waited = sockets->found > 0;
    int found = waited ? sockets->found : find_events(sockets, 0);
    CURLMcode code = CURLM_OK;

    sockets->found = 0;
    for (int i = 0; i < found && code == CURLM_OK; i++)
        code = take_event(sockets, &sockets->event[i]);
    if (waited) /* it has ended that wait */
        sockets->seen = false;
    if (code == CURLM_OK && clock_now() >= sockets->due) {
        sockets->due = INFINITY;
        code = act(sockets, CURL_SOCKET_TIMEOUT, 0);
    }
    return code == CURLM_OK
               ? 0
               : err_set(err, ERR_DEFECT, "libcurl: %s", curl_multi_strerror(code));
}

void sockets_wait(struct sockets *sockets, double seconds)
{
    double left = fmin(fmin(seconds, WAIT_MOST), sockets->due - clock_now());

    if (!sockets->seen && sockets->found == 0 && left > 0)
        sockets->found = find_events(sockets, left);
    sockets->seen = false;
}

void sockets_wake(struct sockets *sockets)
{
    const uint64_t one = 1;

    if (!atomic_exchange(&sockets->alarmed, true) &&
        write(sockets->alarm, &one, sizeof(one)) < 0)
        atomic_store(&sockets->alarmed, false);
}
