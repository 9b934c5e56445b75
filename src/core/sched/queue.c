#include "core/sched/queue.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum list { LIST_OUT, LIST_LANE, LIST_LITTLE, LIST_BACK };

/* Beside the list: comes with the one before it; never does. */
enum { TIE_TIED = 4, TIE_EDGE = 8, TIES = TIE_TIED | TIE_EDGE };

static const uint32_t none = UINT32_MAX; /* no segment, no lane */

enum {
    LEAST_LANES = 4,
    LANES_PER_RANK = 2,
    CHUNK = 4,          /* most grants that a rank finds reserved in front of it */
    LEAST_WINDOW = 16,  /* how many grants ahead of the first pending segment of a file */
    WINDOW_PER_RANK = 4 /* ranks begin, at least, and for each rank: its hash chain waits
                         * for the first */
};

static enum list list_of(const struct queue *queue, uint32_t segment)
{
    return queue->list[segment] & ~(unsigned)TIES;
}

static void set_list(struct queue *queue, uint32_t segment, enum list list)
{
    queue->list[segment] = (uint8_t)((queue->list[segment] & TIES) | list);
}

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

static int sort_large(struct queue *queue, const uint32_t *files, uint32_t nfiles,
                      struct err *err)
{
    const struct plan *plan = queue->segments->plan;
    struct sized *sized = malloc(((size_t)queue->nlarge + 1) * sizeof(*sized));
    uint32_t n = 0;

    if (!sized)
        return err_memory(err, "order of the files");
    for (uint32_t i = 0; i < nfiles; i++)
        if (segments_of(queue->segments, files[i]) > 0 &&
            !is_little(queue, queue->segments->first[files[i]]))
            sized[n++] = (struct sized){ plan->files[files[i]].size, files[i] };
    qsort(sized, n, sizeof(*sized), larger_first);
    for (uint32_t i = 0; i < n; i++)
        queue->large[i] = sized[i].file;
    free(sized);
    return 0;
}

static void add_file(struct queue *queue, uint32_t file)
{
    const uint32_t *first = queue->segments->first;
    uint32_t count = first[file + 1] - first[file];
    bool little = count > 0 && is_little(queue, first[file]);

    memset(queue->list + first[file], little ? LIST_LITTLE : LIST_LANE, count);
    if (little)
        queue->little[queue->nlittle++] = first[file];
    else
        queue->nlarge += count > 0;
    queue->pending += count;
}

static uint32_t count_segments(const struct segments *segments, const uint32_t *files,
                               uint32_t nfiles)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < nfiles; i++)
        count += segments_of(segments, files[i]);
    return count;
}

int queue_init(struct queue *queue, const struct queue_policy *policy,
               const uint32_t *files, uint32_t nfiles, struct err *err)
{
    size_t n = (size_t)count_segments(policy->segments, files, nfiles) + 1;
    uint32_t lanes = LANES_PER_RANK * (uint32_t)policy->nranks;

    *queue = (struct queue){ .segments = policy->segments,
                             .small = policy->small,
                             .batch_bytes = policy->batch_bytes,
                             .slots = policy->slots > 0 ? policy->slots : 1,
                             .list = policy->list,
                             .most_lanes = lanes > LEAST_LANES ? lanes : LEAST_LANES };
    queue->large = malloc(((size_t)nfiles + 1) * sizeof(*queue->large));
    queue->little = malloc(((size_t)nfiles + 1) * sizeof(*queue->little));
    /* Room for all to come back one by one, but the memory is touched only as far as they do. */
    queue->heap = malloc(n * sizeof(*queue->heap));
    queue->trail = malloc((size_t)policy->nranks * sizeof(*queue->trail));
    if (!queue->large || !queue->little || !queue->heap || !queue->trail) {
        err_memory(err, "queue of segments");
        goto out;
    }
    for (int rank = 0; rank < policy->nranks; rank++)
        queue->trail[rank] = (struct trail){ none, none };
    for (uint32_t i = 0; i < nfiles; i++)
        add_file(queue, files[i]);
    queue->little_left = queue->nlittle;
    if (queue->most_lanes > queue->nlarge)
        queue->most_lanes = queue->nlarge;
    queue->lane = calloc((size_t)queue->most_lanes + 1, sizeof(*queue->lane));
    if (!queue->lane)
        err_memory(err, "queue of segments");
    else if (sort_large(queue, files, nfiles, err) == 0)
        return 0;
out:
    queue_release(queue);
    return -1;
}

void queue_release(struct queue *queue)
{
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
    queue->little_left -= list_of(queue, segment) == LIST_LITTLE;
    queue->nback -= list_of(queue, segment) == LIST_BACK;
    set_list(queue, segment, LIST_OUT);
    queue->pending--;
}

void queue_tie(struct queue *queue, uint32_t first, uint32_t count)
{
    queue->list[first] |= TIE_EDGE;
    for (uint32_t i = 1; i < count; i++)
        queue->list[first + i] |= TIE_TIED;
    if (first + count < queue->segments->count)
        queue->list[first + count] |= TIE_EDGE;
}

void queue_untie(struct queue *queue, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        queue->list[i] &= (uint8_t)~TIES;
}

/* The first of those that came back together. */
static void drop_returned(struct queue *queue, uint32_t segment)
{
    uint32_t i = 0;

    while (queue->heap[i].segment != segment)
        i++;
    assert(i < queue->nheap);
    queue->heap[i].segment++;
    if (--queue->heap[i].count == 0)
        heap_remove(queue, i);
}

void queue_drop(struct queue *queue, uint32_t segment)
{
    if (list_of(queue, segment) == LIST_BACK)
        drop_returned(queue, segment);
    if (list_of(queue, segment) != LIST_OUT)
        leave_queue(queue, segment);
}

void queue_again(struct queue *queue, struct returned back)
{
    for (uint32_t i = 0; i < back.count; i++)
        set_list(queue, back.segment + i, LIST_BACK);
    queue->pending += back.count;
    queue->nback += back.count;
    queue->heap[queue->nheap] = back;
    heap_up(queue, queue->nheap++);
}

/* The earliest time at which a returned segment may be granted; or infinity. */
static double heap_due(const struct queue *queue)
{
    return queue->nheap > 0 ? queue->heap[0].not_before : (double)INFINITY;
}

bool queue_ready(const struct queue *queue, double now, int *heir, int *avoid)
{
    bool back = heap_due(queue) <= now;

    *heir = back ? queue->heap[0].heir : -1;
    *avoid = back ? queue->heap[0].avoid : -1;
    return back || queue->pending > queue->nback;
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

/* How many neighbours are granted at once now. */
static uint32_t share(const struct queue *queue)
{
    uint32_t most = queue->segments->together;
    uint64_t turns = (uint64_t)SEGMENT_TURNS * queue->slots;
    uint32_t size = (uint32_t)(queue->pending / turns);

    return size < 1 ? 1 : size < most ? size : most;
}

/* So many from the first on as belong together, at least one, out of [first, end). */
static uint32_t take_together(struct queue *queue, uint32_t first, uint32_t end)
{
    enum list list = list_of(queue, first);
    uint32_t size = share(queue), n = 0;

    do {
        leave_queue(queue, first + n++);
    } while (first + n < end && list_of(queue, first + n) == list &&
             (n < size || queue->list[first + n] & TIE_TIED) &&
             !(queue->list[first + n] & TIE_EDGE));
    return n;
}

static void take_returned(struct queue *queue, struct taken *taken)
{
    struct returned *top = &queue->heap[0];

    taken->segment[taken->count++] = top->segment;
    taken->together = take_together(queue, top->segment, top->segment + top->count);
    top->segment += taken->together;
    top->count -= taken->together;
    if (top->count == 0)
        heap_remove(queue, 0);
}

static void take_back(struct queue *queue, double now, int rank, uint32_t size,
                      struct taken *taken)
{
    uint64_t bytes = 0;
    uint32_t segment;

    do {
        segment = queue->heap[0].segment;
        bytes += segment_bytes(queue->segments, segment);
        take_returned(queue, taken);
    } while (is_little(queue, segment) && taken->count < size && heap_due(queue) <= now &&
             queue->heap[0].avoid != rank && is_little(queue, queue->heap[0].segment) &&
             bytes + segment_bytes(queue->segments, queue->heap[0].segment) <=
                 queue->batch_bytes);
}

static void take_little(struct queue *queue, uint32_t size, struct taken *taken)
{
    uint64_t bytes = 0;

    while (taken->count < size && queue->next_little < queue->nlittle) {
        uint32_t segment = queue->little[queue->next_little];

        if (list_of(queue, segment) == LIST_LITTLE) {
            bytes += segment_bytes(queue->segments, segment);
            if (taken->count > 0 && bytes > queue->batch_bytes)
                break;
            taken->segment[taken->count++] = segment;
            leave_queue(queue, segment);
        }
        queue->next_little++;
    }
}

static bool skip_taken(const struct queue *queue, uint32_t *segment, uint32_t end)
{
    while (*segment < end && list_of(queue, *segment) != LIST_LANE)
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
    *segment = trail->segment;
    return *segment >= lane->head && *segment < lane->end &&
           *segment - lane->head <= window && list_of(queue, *segment) == LIST_LANE &&
           !(queue->list[*segment] & TIE_TIED);
}

/* Where a rank that was in another file begins: behind what others are about to take, if
 * that is not too far ahead, else at the first pending segment. */
static uint32_t begin(struct queue *queue, struct lane *lane, uint32_t takers,
                      uint32_t window)
{
    uint32_t size = share(queue), most = CHUNK * size;
    uint32_t chunk = (lane->end - lane->head) / (4 * (takers > 0 ? takers : 1));
    uint32_t segment;

    if (lane->fresh < lane->head)
        lane->fresh = lane->head;
    while (skip_taken(queue, &lane->fresh, lane->end) &&
           queue->list[lane->fresh] & TIE_TIED)
        lane->fresh++;
    if (lane->fresh == lane->end || lane->fresh - lane->head > window)
        return lane->head;
    segment = lane->fresh;
    chunk = chunk < size ? size : chunk > most ? most : chunk;
    lane->fresh = lane->end - segment > chunk ? segment + chunk : lane->end;
    return segment;
}

static bool take_large(struct queue *queue, int rank, uint32_t takers,
                       struct taken *taken)
{
    struct trail *trail = &queue->trail[rank];
    uint32_t grants = WINDOW_PER_RANK * takers, window, segment;
    struct lane *lane;

    window = (grants < LEAST_WINDOW ? LEAST_WINDOW : grants) * share(queue);
    if (!neighbour(queue, trail, window, &segment)) {
        trail->lane = next_lane(queue);
        trail->segment = none;
        if (trail->lane == none)
            return false;
        segment = begin(queue, &queue->lane[trail->lane], takers, window);
    }
    lane = &queue->lane[trail->lane];
    taken->segment[taken->count++] = segment;
    taken->together = take_together(queue, segment, lane->end);
    trail->segment = segment + taken->together;
    skip_taken(queue, &lane->head, lane->end);
    return true;
}

void queue_take(struct queue *queue, double now, int rank, uint32_t takers,
                struct taken *taken)
{
    taken->count = 0;
    taken->together = 1;
    if (heap_due(queue) <= now)
        take_back(queue, now, rank, batch_size(queue->nheap, takers, taken->most), taken);
    else if (!take_large(queue, rank, takers, taken))
        take_little(queue, batch_size(queue->little_left, takers, taken->most), taken);
}
