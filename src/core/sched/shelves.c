#include "core/sched/shelves.h"

#include <stdlib.h>

static bool suits(const struct shelf *shelf, int rank)
{
    return !shelf->suits || shelf->suits[rank / 8] & 1u << rank % 8;
}

static bool may(const struct shelf *shelf, int rank)
{
    return shelf->able == 0 || suits(shelf, rank);
}

/* All files in the order of their groups. end: of each group the place behind its last
 * file. */
static uint32_t *sort_files(const struct segments *segments,
                            const struct shelf_groups *groups, uint32_t *end)
{
    size_t nfiles = segments->plan->nfiles;
    uint32_t *files = malloc((nfiles + 1) * sizeof(*files));

    if (!files)
        return NULL;
    for (size_t i = 0; i < nfiles; i++)
        end[groups ? groups->of_file[i] + 1 : 1]++;
    for (uint32_t i = 1; groups && i <= groups->count; i++)
        end[i] += end[i - 1];
    for (uint32_t i = 0; i < nfiles; i++)
        files[end[groups ? groups->of_file[i] : 0]++] = i;
    return files;
}

static int find_ranks(struct shelf *shelf, const struct shelf_groups *groups,
                      uint32_t group, int nranks, struct err *err)
{
    shelf->suits = calloc((size_t)nranks / 8 + 1, 1);
    if (!shelf->suits)
        return err_memory(err, "queue of segments");
    for (int rank = 0; rank < nranks; rank++)
        if (groups->suits(groups->arg, group, rank)) {
            shelf->suits[rank / 8] |= (uint8_t)(1u << rank % 8);
            shelf->most++;
        }
    shelf->able = shelf->most;
    return 0;
}

static uint32_t share_of(const struct shelves *shelves, const struct shelf *shelf,
                         uint32_t slots)
{
    uint64_t share = (uint64_t)slots * shelf->most / (uint64_t)shelves->nranks;

    return share > 0 ? (uint32_t)share : 1;
}

static int init_one(struct shelves *shelves, uint32_t i, struct queue_policy policy,
                    const struct shelf_groups *groups, const uint32_t *files,
                    uint32_t nfiles, struct err *err)
{
    struct shelf *shelf = &shelves->shelf[i];

    shelf->able = shelf->most = (uint32_t)policy.nranks;
    if (groups) {
        shelf->most = 0;
        if (find_ranks(shelf, groups, i, policy.nranks, err) < 0)
            return -1;
    }
    policy.slots = share_of(shelves, shelf, policy.slots);
    policy.list = shelves->list;
    return queue_init(&shelf->queue, &policy, files, nfiles, err);
}

int shelves_init(struct shelves *shelves, const struct queue_policy *policy,
                 const struct shelf_groups *groups, struct err *err)
{
    uint32_t count = groups ? groups->count : 1;
    uint32_t *end = calloc((size_t)count + 1, sizeof(*end));
    uint32_t *files = end ? sort_files(policy->segments, groups, end) : NULL;
    int rc = -1;

    *shelves = (struct shelves){ .segments = policy->segments,
                                 .of_file = groups ? groups->of_file : NULL,
                                 .nranks = policy->nranks };
    shelves->list = malloc((size_t)policy->segments->count + 1);
    shelves->shelf = calloc((size_t)count + 1, sizeof(*shelves->shelf));
    if (!files || !shelves->list || !shelves->shelf) {
        err_memory(err, "queue of segments");
        goto out;
    }
    for (; shelves->count < count; shelves->count++) {
        uint32_t i = shelves->count, first = i > 0 ? end[i - 1] : 0;

        if (init_one(shelves, i, *policy, groups, files + first, end[i] - first, err) < 0)
            goto out;
    }
    rc = 0;
out:
    free(end);
    free(files);
    if (rc < 0)
        shelves_release(shelves);
    return rc;
}

void shelves_release(struct shelves *shelves)
{
    for (uint32_t i = 0; i < shelves->count; i++) {
        queue_release(&shelves->shelf[i].queue);
        free(shelves->shelf[i].suits);
    }
    free(shelves->shelf);
    free(shelves->list);
    *shelves = (struct shelves){ 0 };
}

static struct shelf *shelf_of(const struct shelves *shelves, uint32_t segment)
{
    return &shelves->shelf[shelves->of_file
                               ? shelves->of_file[shelves->segments->file[segment]]
                               : 0];
}

struct queue *shelves_of(const struct shelves *shelves, uint32_t segment)
{
    return &shelf_of(shelves, segment)->queue;
}

void shelves_slots(struct shelves *shelves, uint32_t slots)
{
    for (uint32_t i = 0; i < shelves->count; i++)
        shelves->shelf[i].queue.slots = share_of(shelves, &shelves->shelf[i], slots);
}

void shelves_mute(struct shelves *shelves, int rank, bool mute)
{
    for (uint32_t i = 0; i < shelves->count; i++)
        if (suits(&shelves->shelf[i], rank))
            shelves->shelf[i].able += mute ? UINT32_MAX : 1;
}

bool shelves_may(const struct shelves *shelves, uint32_t segment, int rank)
{
    return may(shelf_of(shelves, segment), rank);
}

static int taker(const struct shelf *shelf, const struct credit *credit, int heir,
                 int avoid)
{
    if (heir >= 0 && credit->units[heir] > 0 && may(shelf, heir))
        return heir;
    for (int i = 0; i < credit->waiting; i++) {
        int rank = credit_at(credit, i);

        if (rank != avoid && may(shelf, rank))
            return rank;
    }
    return avoid >= 0 && credit->units[avoid] > 0 && may(shelf, avoid) ? avoid
                                                                       : CREDIT_NOBODY;
}

int shelves_take(struct shelves *shelves, const struct credit *credit, double now,
                 struct taken *taken)
{
    for (uint32_t i = 0; i < shelves->count; i++) {
        uint32_t at = (shelves->turn + i) % shelves->count;
        struct shelf *shelf = &shelves->shelf[at];
        uint32_t takers = credit->takers;
        int heir, avoid, rank;

        if (!queue_ready(&shelf->queue, now, &heir, &avoid))
            continue;
        rank = taker(shelf, credit, heir, avoid);
        if (rank == CREDIT_NOBODY)
            continue;
        if (shelf->able > 0 && takers > shelf->able)
            takers = shelf->able;
        queue_take(&shelf->queue, now, rank, takers, taken);
        shelves->turn = (at + 1) % shelves->count;
        return rank;
    }
    return CREDIT_NOBODY;
}
