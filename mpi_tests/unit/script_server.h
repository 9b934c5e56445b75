/* script_server.h -- a HTTP server on the loopback interface, in a thread of the test,
 * that answers from a table and remembers what it was asked.
 *
 * Life cycle   zeroed struct with rows, script_start, script_stop.
 * Rows         the first that names the target and is not used up answers; a row without
 *              `times` is never used up. Nothing fits: 404. */
#ifndef SCRIPT_SERVER_H
#define SCRIPT_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strbuf.h"

struct script_row {
    const char *target;
    const char *status;  /* "200 OK" */
    const char *headers; /* each with "\r\n" at its end, or NULL */
    const char *body;    /* or NULL */
    unsigned times;
    bool lengthless; /* no Content-Length: the body ends with the connection */
};

struct script_server {
    const struct script_row *rows;
    size_t count;
    /* filled by script_start */
    char url[64];      /* http://127.0.0.1:port */
    struct strbuf log; /* requests as they came; read it after script_stop */
    unsigned used[64]; /* of each row */
    int listener;
    atomic_bool stopping;
    pthread_t thread;
};

static const struct script_row *script_find(struct script_server *server,
                                            const char *request)
{
    const char *target = strchr(request, ' ');
    size_t len = target ? strcspn(target + 1, " ") : 0;

    for (size_t i = 0; target && i < server->count; i++) {
        const struct script_row *row = &server->rows[i];

        if (strlen(row->target) != len || strncmp(row->target, target + 1, len) != 0)
            continue;
        if (row->times == 0 || server->used[i] < row->times) {
            server->used[i]++;
            return row;
        }
    }
    return NULL;
}

static void script_answer(struct script_server *server, int fd)
{
    static const struct script_row missing = { .status = "404 Not Found" };
    const struct script_row *row;
    struct strbuf out = { 0 };
    char request[8192] = "";
    size_t len = 0;

    while (len + 1 < sizeof(request) && !strstr(request, "\r\n\r\n")) {
        ssize_t n = read(fd, request + len, sizeof(request) - 1 - len);

        if (n <= 0)
            return;
        len += (size_t)n;
        request[len] = '\0';
    }
    strbuf_adds(&server->log, request);
    row = script_find(server, request);
    if (!row)
        row = &missing;
    strbuf_addf(&out, "HTTP/1.1 %s\r\nConnection: close\r\n%s", row->status,
                row->headers ? row->headers : "");
    if (!row->lengthless)
        strbuf_addf(&out, "Content-Length: %zu\r\n", row->body ? strlen(row->body) : 0);
    strbuf_addf(&out, "\r\n%s", row->body ? row->body : "");
    for (size_t at = 0; at < out.len;) {
        ssize_t n = send(fd, out.data + at, out.len - at, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        at += (size_t)n;
    }
    strbuf_release(&out);
}

static void *script_serve(void *arg)
{
    struct script_server *server = arg;

    while (!atomic_load(&server->stopping)) {
        int fd = accept(server->listener, NULL, NULL);

        if (fd < 0)
            continue;
        script_answer(server, fd);
        close(fd);
    }
    return NULL;
}

static int script_start(struct script_server *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(address);

    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 ||
        bind(server->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(server->listener, 128) < 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) < 0)
        return -1;
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u",
             (unsigned)ntohs(address.sin_port));
    return pthread_create(&server->thread, NULL, script_serve, server) == 0 ? 0 : -1;
}

/* Whoever still waits in the queue of connections is dropped. The log stays. */
static void script_stop(struct script_server *server)
{
    atomic_store(&server->stopping, true);
    shutdown(server->listener, SHUT_RDWR); /* wakes accept */
    pthread_join(server->thread, NULL);
    close(server->listener);
}

#endif
