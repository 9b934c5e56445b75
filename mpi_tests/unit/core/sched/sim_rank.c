#include "sim_rank.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sched/meter.h"

static const double hash_rate = 1.5e9;

uint64_t sim_random(struct sim_world *world)
{
    uint64_t x = world->seed += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

double sim_chance(struct sim_world *world)
{
    return (double)(sim_random(world) >> 11) / 9007199254740992.0;
}

uint64_t sim_good(uint32_t segment)
{
    struct sim_world one = { .seed = segment };

    return sim_random(&one);
}

struct midstate sim_hash(struct midstate from, uint64_t token, uint64_t bytes)
{
    struct sim_world one = { .seed = ((uint64_t)from.h[0] << 32 | from.h[1]) ^ token };
    uint64_t hash = sim_random(&one);

    from.h[0] = (uint32_t)(hash >> 32);
    from.h[1] = (uint32_t)hash;
    from.bytes += bytes;
    return from;
}

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at < b->at || (a->at <= b->at && a->order < b->order);
}

void sim_push(struct sim_world *world, struct sim_event event)
{
    unsigned i = world->nevents++;

    if (i == world->room) {
        world->room = world->room ? 2 * world->room : 256;
        world->heap = realloc(world->heap, world->room * sizeof(*world->heap));
        assert_non_null(world->heap);
    }
    event.order = world->order++;
    for (; i > 0 && earlier(&event, &world->heap[(i - 1) / 2]); i = (i - 1) / 2)
        world->heap[i] = world->heap[(i - 1) / 2];
    world->heap[i] = event;
}

bool sim_pop(struct sim_world *world, struct sim_event *event)
{
    struct sim_event *heap = world->heap;
    const struct sim_event *last;
    unsigned i = 0;

    if (world->nevents == 0)
        return false;
    *event = heap[0];
    last = &heap[--world->nevents];
    for (unsigned child = 1; child < world->nevents; child = 2 * i + 1) {
        if (child + 1 < world->nevents && earlier(&heap[child + 1], &heap[child]))
            child++;
        if (earlier(last, &heap[child]))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = *last;
    world->now = event->at;
    return true;
}

void sim_send(struct sim_world *world, struct sim_event event)
{
    struct sim_rank *rank = &world->rank[event.rank];
    double *link = event.kind == SIM_REPORT ? &rank->link_out : &rank->link_in;

    event.at = fmax(*link, world->now + world->latency * (0.5 + sim_chance(world)));
    *link = event.at;
    sim_push(world, event);
}

static void report(struct sim_world *world, int rank, enum sim_report kind,
                   uint32_t segment, uint64_t bytes)
{
    sim_send(world, (struct sim_event){ .kind = SIM_REPORT,
                                        .report = kind,
                                        .rank = rank,
                                        .segment = segment,
                                        .bytes = bytes });
}

static void report_count(struct sim_world *world, int rank, enum sim_report kind,
                         const struct sim_item *item)
{
    sim_send(world, (struct sim_event){ .kind = SIM_REPORT,
                                        .report = kind,
                                        .rank = rank,
                                        .segment = item->segment,
                                        .count = item->count });
}

static bool moves(const struct sim_item *item, double now)
{
    return item->active && item->stuck_until <= now;
}

/* Of the link for each unit of weight of what moves, but for connections that have a rate
 * of their own. */
static double share(const struct sim_rank *rank, double now)
{
    double left = rank->per_second, n = 0;

    for (unsigned i = 0; i < rank->nitems; i++) {
        left -= moves(&rank->item[i], now) ? rank->item[i].most : 0;
        n += moves(&rank->item[i], now) && rank->item[i].most <= 0 ? rank->item[i].weight
                                                                   : 0;
    }
    return n > 0 ? left / n : left;
}

static double speed(const struct sim_item *item, double each)
{
    return item->most > 0 ? item->most : each * item->weight;
}

/* Between two timers the set of what moves is the same. */
static void advance(struct sim_world *world, struct sim_rank *rank)
{
    double each = share(rank, rank->advanced), since = rank->advanced;

    if (world->now <= since)
        return;
    for (unsigned i = 0; i < rank->nitems; i++) {
        struct sim_item *item = &rank->item[i];

        if (moves(item, since))
            item->left -= (world->now - since) * speed(item, each);
    }
    rank->advanced = world->now;
}

static void remove_item(struct sim_world *world, int number, unsigned i)
{
    struct sim_rank *rank = &world->rank[number];
    struct sim_item gone = rank->item[i];
    bool last = true;

    memmove(&rank->item[i], &rank->item[i + 1],
            (--rank->nitems - i) * sizeof(*rank->item));
    for (unsigned k = 0; k < rank->nitems && last; k++)
        last = rank->item[k].unit != gone.unit;
    if (last)
        report(world, number, SIM_CREDIT, 0, 1);
}

/* One segment of it may have arrived wrong. */
static void write_place(struct sim_world *world, int number, const struct sim_item *item)
{
    for (uint32_t i = item->segment; i < item->segment + item->count; i++) {
        bool wrong = item->corrupt && i == item->segment;

        assert_int_equal(world->writer[i], number);
        world->token[i] = wrong ? 0 : sim_good(i);
        world->owner[i] = number;
    }
}

static double got(const struct sim_item *item)
{
    return item->active ? fmax(0, item->size - item->left - SIM_REQUEST) : 0;
}

static void count(struct sim_world *world, int number, const struct sim_item *item)
{
    world->fetched += (uint64_t)got(item);
    world->rank[number].received += got(item);
}

static void end_item(struct sim_world *world, int number, unsigned i)
{
    struct sim_item *item = &world->rank[number].item[i];

    count(world, number, item);
    if (item->fails) {
        report(world, number, SIM_FAILED, item->segment,
               (uint64_t)(item->left < item->size));
    } else {
        write_place(world, number, item);
        report_count(world, number, SIM_DONE, item);
    }
    remove_item(world, number, i);
}

static void end_items(struct sim_world *world, int number)
{
    struct sim_rank *rank = &world->rank[number];

    for (unsigned i = 0; i < rank->nitems;)
        if (rank->item[i].active && rank->item[i].left <= rank->item[i].fails_at + 0.5)
            end_item(world, number, i);
        else
            i++;
}

static void begin_item(struct sim_world *world, int number, struct sim_item *item)
{
    struct sim_rank *rank = &world->rank[number];
    double size = (double)segments_bytes(world->segments, item->segment, item->count);

    item->active = true;
    item->most = rank->first > 0 ? rank->first : rank->each;
    item->weight = pow(rank->uneven, 2 * sim_chance(world) - 1);
    rank->first = 0;
    world->begun++;
    item->size = item->left = size + SIM_REQUEST;
    item->fails = sim_chance(world) < world->faults.fail;
    item->fails_at = item->fails ? size * sim_chance(world) : 0;
    if (sim_chance(world) < world->faults.stick)
        item->stuck_until = world->now + 100 * sim_chance(world);
    if (sim_chance(world) < world->faults.corrupt && world->corrupted < 8) {
        world->corrupted++;
        item->corrupt = true;
    }
    rate_spend(&rank->rate, (uint64_t)size, world->now);
    report(world, number, SIM_PROGRESS, item->segment, 0);
}

static void begin_items(struct sim_world *world, int number)
{
    struct sim_rank *rank = &world->rank[number];
    unsigned n = 0;

    for (unsigned i = 0; i < rank->nitems; i++)
        n += rank->item[i].active;
    for (unsigned i = 0; i < rank->nitems && n < rank->slots; i++)
        if (!rank->item[i].active && rate_wait(&rank->rate, world->now) <= 0) {
            begin_item(world, number, &rank->item[i]);
            n++;
        }
}

static double next_report(const struct sim_world *world, const struct sim_rank *rank)
{
    for (unsigned i = 0; i < rank->nitems; i++)
        if (!rank->item[i].active)
            return rank->reported + meter_period(world->nranks);
    return rank->reported + meter_period_at_end(world->nranks);
}

static void report_progress(struct sim_world *world, int number)
{
    struct sim_rank *rank = &world->rank[number];
    double received = rank->received;

    if (world->now < next_report(world, rank))
        return;
    rank->reported = world->now;
    for (unsigned i = 0; i < rank->nitems; i++)
        received += got(&rank->item[i]);
    report(world, number, SIM_RECEIVED, 0, (uint64_t)received);
    for (unsigned i = 0; i < rank->nitems; i++)
        if (rank->item[i].active)
            report(world, number, SIM_PROGRESS, rank->item[i].segment,
                   (uint64_t)got(&rank->item[i]));
}

static void set_timer(struct sim_world *world, int number)
{
    struct sim_rank *rank = &world->rank[number];
    double each = share(rank, world->now);
    double wait = rate_wait(&rank->rate, world->now);
    double at = INFINITY;

    for (unsigned i = 0; i < rank->nitems; i++) {
        const struct sim_item *item = &rank->item[i];

        if (!item->active && wait > 0)
            at = fmin(at, world->now + wait * 1.0001 + 1e-6);
        if (!item->active)
            continue;
        at = fmin(at, fmax(world->now + 1e-6, next_report(world, rank)));
        if (item->stuck_until > world->now)
            at = fmin(at, item->stuck_until);
        else
            at = fmin(at, world->now + (item->left - item->fails_at) / speed(item, each));
    }
    rank->epoch++;
    if (at < INFINITY)
        /* A step is long enough to be one, whatever the clock shows. */
        sim_push(world, (struct sim_event){ .at = fmax(at, world->now + 1e-6),
                                            .kind = SIM_TIMER,
                                            .rank = number,
                                            .epoch = rank->epoch });
}

static struct sim_item *find(struct sim_rank *rank, uint32_t segment)
{
    for (unsigned i = 0; i < rank->nitems; i++)
        if (rank->item[i].segment == segment)
            return &rank->item[i];
    return NULL;
}

static void add_items(struct sim_rank *rank, const struct sched_action *action)
{
    uint32_t unit = rank->units++;

    while (rank->nitems + action->count > rank->room) {
        rank->room = rank->room ? 2 * rank->room : 16;
        rank->item = realloc(rank->item, rank->room * sizeof(*rank->item));
        assert_non_null(rank->item);
    }
    for (uint32_t i = 0; i < action->count; i++) {
        /* The rank's last word on a segment comes before it is given again. */
        assert_null(find(rank, action->segment[i]));
        rank->item[rank->nitems++] = (struct sim_item){ .segment = action->segment[i],
                                                        .count = action->together,
                                                        .unit = unit };
    }
}

static void drop(struct sim_world *world, int number, struct sim_item *item)
{
    struct sim_rank *rank = &world->rank[number];

    count(world, number, item);
    report(world, number, SIM_DROPPED, item->segment, 0);
    remove_item(world, number, (unsigned)(item - rank->item));
}

/* It keeps what it has. If it has more than that, it must report all at once. */
static void cut(struct sim_world *world, int number, struct sim_item *item, uint32_t keep)
{
    const struct segments *segments = world->segments;
    uint32_t has = item->count > 1 ? (uint32_t)(got(item) / (double)segments->size) : 0;
    double kept;

    keep = keep > has ? keep : has;
    world->cut++;
    if (keep == 0) {
        drop(world, number, item);
        return;
    }
    if (keep < item->count) {
        item->fails = false;
        item->fails_at = 0;
        item->count = keep;
    }
    kept = (double)segments_bytes(segments, item->segment, item->count) + SIM_REQUEST;
    if (item->size - item->left > kept) {
        end_item(world, number, (unsigned)(item - world->rank[number].item));
        return;
    }
    item->left -= item->size - kept;
    item->size = kept;
    report_count(world, number, SIM_SHORTENED, item);
}

static void obey(struct sim_world *world, int number, const struct sched_action *action)
{
    struct sim_rank *rank = &world->rank[number];
    struct sim_item *item = find(rank, action->segment[0]);

    if (action->kind == SCHED_GRANT)
        add_items(rank, action);
    else if (!item)
        return; /* its last word has crossed this */
    else if (action->kind == SCHED_CUT && item->active)
        cut(world, number, item, action->together);
    else if (item->active)
        report_count(world, number, SIM_SHORTENED, item);
    else
        drop(world, number, item);
}

static void hash_run(struct sim_world *world, const struct sim_event *job)
{
    struct sim_event answer = *job;
    double bytes = 0;

    for (uint32_t i = job->segment; i < job->segment + job->count; i++) {
        answer.state =
            sim_hash(answer.state, world->token[i], segment_bytes(world->segments, i));
        bytes += (double)segment_bytes(world->segments, i);
    }
    answer.kind = SIM_REPORT;
    answer.report = SIM_HASHED;
    world->rank[job->rank].link_out =
        fmax(world->rank[job->rank].link_out, world->now + bytes / hash_rate);
    sim_send(world, answer);
}

void sim_rank_start(struct sim_world *world, int number)
{
    struct sim_rank *rank = &world->rank[number];

    report(world, number, SIM_CREDIT, 0, rank->slots + rank->ahead);
}

void sim_rank_event(struct sim_world *world, struct sim_event *event)
{
    struct sim_rank *rank = &world->rank[event->rank];

    if (event->kind == SIM_TIMER && event->epoch != rank->epoch)
        return;
    if (rank->frozen_until > world->now) {
        if (event->kind == SIM_FREEZE)
            return;
        event->at = rank->frozen_until;
        sim_push(world, *event);
        event->action = NULL;
        return;
    }
    advance(world, rank);
    if (event->kind == SIM_FREEZE)
        rank->frozen_until = rank->advanced = world->now + event->seconds;
    if (event->kind == SIM_ACTION)
        obey(world, event->rank, event->action);
    if (event->kind == SIM_HASH)
        hash_run(world, event);
    end_items(world, event->rank);
    begin_items(world, event->rank);
    report_progress(world, event->rank);
    set_timer(world, event->rank);
}
