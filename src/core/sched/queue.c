#include "core/sched/queue.h"

#include <math.h>
#include <stdlib.h>

enum list { LIST_OUT, LIST_LANE, LIST_LITTLE, LIST_BACK };

static const uint32_t none = UINT32_MAX; /* no segment, no lane */

enum {
    LEAST_LANES = 4,
    LANES_PER_RANK = 2,
    CHUNK = 4, /* most segments that a rank finds reserved in front of it */
    LEAST_WINDOW =
        16, /* how far ahead of the first pending segment of a file ranks begin, */
    WINDOW_PER_RANK =
        4 /* at least, and for each rank: its hash chain waits for the first */
};

static bool is_little(const struct queue *queue, uint32_t segment)
{
    const struct segments *segments = queue->segments;

    return segments_of(segments, segments->file[segment]) == 1 &&
           segment_bytes(segments, segment) <= queue->small;
}

struct sized {
    uint64_t bytes;
    uint32_t file;
};

static int larger_first(const void *left, const void *right)
{
    const struct sized *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->file < b->file ? -1 : a->file > b->file;
}

static int sort_large(struct queue *queue, struct err *err)
{
    const struct plan *plan = queue->segments->plan;
    struct sized *sized = malloc(((size_t)queue->nlarge + 1) * sizeof(*sized));
    uint32_t n = 0;

    if (!sized)
        return err_memory(err, "order of the files");
    for (uint32_t file = 0; file < plan->nfiles; file++)
        if (segments_of(queue->segments, file) > 0 &&
            !is_little(queue, queue->segments->first[file]))
            sized[n++] = (struct sized){ plan->files[file].size, file };
    qsort(sized, n, sizeof(*sized), larger_first);
    for (uint32_t i = 0; i < n; i++)
        queue->large[i] = sized[i].file;
    free(sized);
    return 0;
}

static void fill_lists(struct queue *queue)
{
    const struct segments *segments = queue->segments;

    for (uint32_t segment = 0; segment < segments->count; segment++) {
        bool little = is_little(queue, segment);

        queue->list[segment] = little ? LIST_LITTLE : LIST_LANE;
        if (little)
            queue->little[queue->nlittle++] = segment;
        else
            queue->nlarge += segments->first[segments->file[segment]] == segment;
    }
    queue->little_left = queue->nlittle;
    queue->pending = segments->count;
}

int queue_init(struct queue *queue, const struct segments *segments, int nranks,
               uint64_t small, uint64_t batch_bytes, struct err *err)
{
    size_t n = (size_t)segments->count + 1;
    uint32_t lanes = LANES_PER_RANK * (uint32_t)nranks;

    *queue = (struct queue){ .segments = segments,
                             .small = small,
                             .batch_bytes = batch_bytes,
                             .most_lanes = lanes > LEAST_LANES ? lanes : LEAST_LANES };
    queue->list = malloc(n * sizeof(*queue->list));
    queue->lane = calloc(queue->most_lanes, sizeof(*queue->lane));
    queue->large = malloc((segments->plan->nfiles + 1) * sizeof(*queue->large));
    queue->little = malloc(n * sizeof(*queue->little));
    /* Room for all to come back, but the memory is touched only as far as they do. */
    queue->heap = malloc(n * sizeof(*queue->heap));
    queue->trail = malloc((size_t)nranks * sizeof(*queue->trail));
    if (!queue->list || !queue->lane || !queue->large || !queue->little || !queue->heap ||
        !queue->trail) {
        err_memory(err, "queue of segments");
        goto out;
    }
    for (int rank = 0; rank < nranks; rank++)
        queue->trail[rank] = (struct trail){ none, none };
    fill_lists(queue);
    if (sort_large(queue, err) == 0)
        return 0;
out:
    queue_release(queue);
    return -1;
}

void queue_release(struct queue *queue)
{
    free(queue->list);
    free(queue->lane);
    free(queue->large);
    free(queue->little);
    free(queue->heap);
    free(queue->trail);
    *queue = (struct queue){ 0 };
}

static void swap(struct returned *a, struct returned *b)
{
    struct returned c = *a;

    *a = *b;
    *b = c;
}

static void heap_up(struct queue *queue, uint32_t i)
{
    struct returned *heap = queue->heap;

    for (; i > 0 && heap[i].not_before < heap[(i - 1) / 2].not_before; i = (i - 1) / 2)
        swap(&heap[i], &heap[(i - 1) / 2]);
}

static void heap_down(struct queue *queue, uint32_t i)
{
    struct returned *heap = queue->heap;

    for (;;) {
        uint32_t least = i;

        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < queue->nheap && heap[child].not_before < heap[least].not_before)
                least = child;
        if (least == i)
            return;
        swap(&heap[i], &heap[least]);
        i = least;
    }
}

static struct returned heap_remove(struct queue *queue, uint32_t i)
{
    struct returned gone = queue->heap[i];

    queue->heap[i] = queue->heap[--queue->nheap];
    if (i < queue->nheap) {
        heap_up(queue, i);
        heap_down(queue, i);
    }
    return gone;
}

static void leave_queue(struct queue *queue, uint32_t segment)
{
    queue->little_left -= queue->list[segment] == LIST_LITTLE;
    queue->list[segment] = LIST_OUT;
    queue->pending--;
}

void queue_drop(struct queue *queue, uint32_t segment)
{
    if (queue->list[segment] == LIST_BACK)
        for (uint32_t i = 0; i < queue->nheap; i++)
            if (queue->heap[i].segment == segment) {
                heap_remove(queue, i);
                break;
            }
    if (queue->list[segment] != LIST_OUT)
        leave_queue(queue, segment);
}

void queue_again(struct queue *queue, uint32_t segment, double not_before, int avoid)
{
    queue->list[segment] = LIST_BACK;
    queue->pending++;
    queue->heap[queue->nheap] = (struct returned){ not_before, segment, avoid };
    heap_up(queue, queue->nheap++);
}

/* The earliest time at which a returned segment may be granted; or infinity. */
static double heap_due(const struct queue *queue)
{
    return queue->nheap > 0 ? queue->heap[0].not_before : (double)INFINITY;
}

bool queue_ready(const struct queue *queue, double now, int *avoid)
{
    bool back = heap_due(queue) <= now;

    *avoid = back ? queue->heap[0].avoid : -1;
    return back || queue->pending > queue->nheap;
}

/* Guided self-scheduling: half an equal share of what is left, so that the last batches
 * are short ones. */
static uint32_t batch_size(uint32_t left, uint32_t takers, uint32_t most)
{
    uint32_t size = left / (2 * (takers > 0 ? takers : 1));

    if (size > most)
        size = most;
    return size > 0 ? size : 1;
}

static uint32_t take_back(struct queue *queue, double now, int rank, uint32_t size,
                          uint32_t *out)
{
    uint64_t bytes = 0;
    uint32_t n = 0;

    do {
        out[n] = heap_remove(queue, 0).segment;
        leave_queue(queue, out[n]);
        bytes += segment_bytes(queue->segments, out[n]);
        if (!is_little(queue, out[n++]))
            break;
    } while (n < size && heap_due(queue) <= now && queue->heap[0].avoid != rank &&
             is_little(queue, queue->heap[0].segment) &&
             bytes + segment_bytes(queue->segments, queue->heap[0].segment) <=
                 queue->batch_bytes);
    return n;
}

static uint32_t take_little(struct queue *queue, uint32_t size, uint32_t *out)
{
    uint64_t bytes = 0;
    uint32_t n = 0;

    while (n < size && queue->next_little < queue->nlittle) {
        uint32_t segment = queue->little[queue->next_little];

        if (queue->list[segment] == LIST_LITTLE) {
            bytes += segment_bytes(queue->segments, segment);
            if (n > 0 && bytes > queue->batch_bytes)
                break;
            out[n++] = segment;
            leave_queue(queue, segment);
        }
        queue->next_little++;
    }
    return n;
}

static bool skip_taken(const struct queue *queue, uint32_t *segment, uint32_t end)
{
    while (*segment < end && queue->list[*segment] != LIST_LANE)
        (*segment)++;
    return *segment < end;
}

static bool open_file(struct queue *queue, struct lane *lane)
{
    uint32_t file;

    if (queue->next_large == queue->nlarge)
        return false;
    file = queue->large[queue->next_large++];
    lane->head = lane->fresh = queue->segments->first[file];
    lane->end = queue->segments->first[file + 1];
    return true;
}

/* The next lane in turn with pending segments. An empty lane gets the next file, or
 * closes. none: all large segments are granted. */
static uint32_t next_lane(struct queue *queue)
{
    while (queue->nlanes < queue->most_lanes &&
           open_file(queue, &queue->lane[queue->nlanes]))
        queue->nlanes++;
    while (queue->nlanes > 0) {
        struct lane *lane;

        queue->turn = queue->turn < queue->nlanes ? queue->turn : 0;
        lane = &queue->lane[queue->turn];
        if (skip_taken(queue, &lane->head, lane->end))
            return queue->turn++;
        if (!open_file(queue, lane))
            *lane = queue->lane[--queue->nlanes];
    }
    return none;
}

static bool neighbour(const struct queue *queue, const struct trail *trail,
                      uint32_t window, uint32_t *segment)
{
    const struct lane *lane;

    if (trail->segment == none || trail->lane >= queue->nlanes)
        return false;
    lane = &queue->lane[trail->lane];
    *segment = trail->segment + 1;
    return *segment >= lane->head && *segment < lane->end &&
           *segment - lane->head <= window && queue->list[*segment] == LIST_LANE;
}

/* Where a rank that was in another file begins: behind what others are about to take, if
 * that is not too far ahead, else at the first pending segment. */
static uint32_t begin(struct queue *queue, struct lane *lane, uint32_t takers,
                      uint32_t window)
{
    uint32_t chunk = (lane->end - lane->head) / (4 * (takers > 0 ? takers : 1));
    uint32_t segment;

    if (lane->fresh < lane->head)
        lane->fresh = lane->head;
    if (!skip_taken(queue, &lane->fresh, lane->end) || lane->fresh - lane->head > window)
        return lane->head;
    segment = lane->fresh;
    chunk = chunk < 1 ? 1 : chunk > CHUNK ? CHUNK : chunk;
    lane->fresh = lane->end - segment > chunk ? segment + chunk : lane->end;
    return segment;
}

static uint32_t take_large(struct queue *queue, int rank, uint32_t takers, uint32_t *out)
{
    struct trail *trail = &queue->trail[rank];
    uint32_t window = WINDOW_PER_RANK * takers;
    struct lane *lane;

    if (window < LEAST_WINDOW)
        window = LEAST_WINDOW;
    if (!neighbour(queue, trail, window, &trail->segment)) {
        trail->lane = next_lane(queue);
        trail->segment = none;
        if (trail->lane == none)
            return 0;
        trail->segment = begin(queue, &queue->lane[trail->lane], takers, window);
    }
    out[0] = trail->segment;
    leave_queue(queue, out[0]);
    lane = &queue->lane[trail->lane];
    skip_taken(queue, &lane->head, lane->end);
    return 1;
}

uint32_t queue_take(struct queue *queue, double now, int rank, uint32_t takers,
                    uint32_t *out, uint32_t most)
{
    uint32_t n = 0;

    if (heap_due(queue) <= now)
        return take_back(queue, now, rank, batch_size(queue->nheap, takers, most), out);
    n = take_large(queue, rank, takers, out);
    if (n == 0)
        n = take_little(queue, batch_size(queue->little_left, takers, most), out);
    return n;
}
