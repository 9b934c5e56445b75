#include "fetch/speeds.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

static const double speeds_window = 2, /* seconds */
    speeds_silence = 1; /* for a reply to begin: after that its connection is slow */

int speeds_open(struct speeds *speeds, unsigned connections, struct err *err)
{
    speeds->most = connections + 1;
    speeds->speed = calloc(speeds->most, sizeof(*speeds->speed));
    return speeds->speed ? 0 : err_memory(err, "the speeds of connections");
}

void speeds_close(struct speeds *speeds)
{
    free(speeds->speed);
    speeds->speed = NULL;
}

/* Of what comes before the path. */
static uint32_t number_of(const char *url)
{
    const char *host = strstr(url, "://");
    size_t len = host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;

    return (uint32_t)checksum_bytes(url, len);
}

void speeds_ask(struct task *task, const char *url)
{
    task->source = number_of(url);
    task->port = 0;
    task->answered = false;
    task->counted = task->got;
    task->counted_at = clock_now() + speeds_silence;
    task->rate = 0;
    task->seconds = 0;
}

void speeds_begin(struct task *task)
{
    double now = clock_now();

    task->answered = true;
    task->port = http_port(task->transfer);
    if (now < task->counted_at)
        task->counted_at = now;
}

/* The one of that port; else the one that was not used for longest, made anew. */
static struct speed *find(const struct speeds *speeds, unsigned port)
{
    struct speed *oldest = speeds->speed;

    for (unsigned i = 0; i < speeds->most; i++) {
        if (speeds->speed[i].port == port)
            return &speeds->speed[i];
        if (speeds->speed[i].used < oldest->used)
            oldest = &speeds->speed[i];
    }
    *oldest = (struct speed){ .port = port };
    return oldest;
}

void speeds_count(struct task *task, double now)
{
    struct speed *speed;

    if (task->port == 0 && task->transfer)
        task->port = http_port(task->transfer);
    if (task->port == 0 || now <= task->counted_at)
        return;
    speed = find(task->world->speeds, task->port);
    meter_add(&speed->meter, now - task->counted_at,
              task->got > task->counted ? task->got - task->counted : 0);
    speed->used = now;
    task->counted = task->got;
    task->counted_at = now;
    task->rate = (uint64_t)meter_rate(&speed->meter, speeds_window);
    task->seconds = speed->meter.seconds;
}

void speeds_forget(const struct task *task)
{
    *find(task->world->speeds, task->port) = (struct speed){ 0 };
}
