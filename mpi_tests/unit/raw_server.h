/* raw_server.h -- a server on the loopback interface, in a thread of the test, that plays
 * back exact bytes: a test states what is on the wire, right or wrong.
 *
 * Life cycle   zeroed struct with plays, raw_start, raw_stop.
 * Plays        one for each request, in order, whatever connection it comes on; one
 *              connection is served at a time, and a new one takes over. None left: the
 *              connection is closed without a word.
 * Threads      request and connections may be read after raw_stop. */
#ifndef RAW_SERVER_H
#define RAW_SERVER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum raw_then {
    RAW_KEEP,  /* wait for the next request */
    RAW_CLOSE, /* an orderly end */
    RAW_RESET  /* a reset */
};

struct raw_play {
    const char *bytes;
    enum raw_then then;
    size_t len; /* 0: bytes end in a NUL */
};

struct raw_server {
    const struct raw_play *plays;
    size_t count;
    /* filled by raw_start */
    char url[64]; /* http://127.0.0.1:port */
    char request[16][2048];
    unsigned requests, connections;
    int listener, connection, stop[2];
    pthread_t thread;
};

static void raw_hang_up(struct raw_server *server, bool reset)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (server->connection < 0)
        return;
    if (reset)
        setsockopt(server->connection, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(server->connection);
    server->connection = -1;
}

static void raw_send(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

static void raw_answer(struct raw_server *server)
{
    const struct raw_play *play = &server->plays[server->requests - 1];

    if (server->requests > server->count) {
        raw_hang_up(server, false);
        return;
    }
    raw_send(server->connection, play->bytes,
             play->len ? play->len : strlen(play->bytes));
    if (play->then != RAW_KEEP)
        raw_hang_up(server, play->then == RAW_RESET);
}

static void raw_receive(struct raw_server *server)
{
    char *request = server->request[server->requests];
    size_t have = strlen(request);
    ssize_t n = recv(server->connection, request + have,
                     sizeof(server->request[0]) - 1 - have, 0);

    if (n <= 0) {
        request[0] = '\0';
        raw_hang_up(server, false);
        return;
    }
    request[have + (size_t)n] = '\0';
    if (!strstr(request, "\r\n\r\n"))
        return;
    server->requests++;
    raw_answer(server);
}

static void *raw_run(void *arg)
{
    struct raw_server *server = arg;

    for (;;) {
        struct pollfd fds[] = {
            { .fd = server->stop[0], .events = POLLIN },
            { .fd = server->listener, .events = POLLIN },
            { .fd = server->connection, .events = POLLIN },
        };

        poll(fds, 3, -1);
        if (fds[0].revents)
            break;
        if (fds[2].revents) {
            raw_receive(server);
        } else if (fds[1].revents) {
            raw_hang_up(server, false);
            server->connection = accept(server->listener, NULL, NULL);
            server->connections++;
        }
    }
    raw_hang_up(server, false);
    return NULL;
}

/* A listener at url, and nobody who answers yet. */
static bool raw_listen(struct raw_server *server)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(server->listener, 16) < 0 ||
        getsockname(server->listener, (struct sockaddr *)&at, &len) < 0)
        return false;
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u",
             (unsigned)ntohs(at.sin_port));
    return true;
}

static bool raw_start(struct raw_server *server)
{
    server->connection = -1;
    return pipe(server->stop) == 0 && raw_listen(server) &&
           pthread_create(&server->thread, NULL, raw_run, server) == 0;
}

static void raw_stop(struct raw_server *server)
{
    close(server->stop[1]);
    pthread_join(server->thread, NULL);
    close(server->stop[0]);
    close(server->listener);
}

#endif
