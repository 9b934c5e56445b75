#include "core/plan/segment.h"

#include <stdlib.h>

uint64_t segment_unit(uint64_t nbytes)
{
    uint64_t size = SEGMENT_ALIGN;

    while (nbytes / size > SEGMENTS_FINE)
        size *= 2;
    return size;
}

static uint64_t longest_request(uint32_t slots, uint32_t ranks)
{
    uint64_t kept = (uint64_t)SEGMENT_KEPT * ranks / slots;

    return kept < SEGMENT_WHOLE     ? SEGMENT_WHOLE
           : kept > SEGMENT_REQUEST ? SEGMENT_REQUEST
                                    : kept;
}

uint32_t segment_together(uint64_t size, uint64_t missing, uint32_t slots, uint32_t ranks)
{
    uint32_t some = slots > 0 ? slots : 1;
    uint64_t bytes = missing / ((uint64_t)SEGMENT_TURNS * some);
    uint64_t most = longest_request(some, ranks);

    if (bytes > most)
        bytes = most;
    return bytes > size ? (uint32_t)(bytes / size) : 1;
}

uint64_t segment_size_bounded(uint64_t size, uint64_t nbytes)
{
    uint64_t least = nbytes / SEGMENTS_MOST + (nbytes % SEGMENTS_MOST > 0);

    if (size >= least)
        return size;
    return (least + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN * SEGMENT_ALIGN;
}

/* How many segments a file has. */
static uint64_t pieces(const struct segments *segments, const struct plan_file *file)
{
    if (file->size == 0)
        return 0;
    if (file->size <= segments->least || file->flags & PLAN_WHOLE ||
        file->want.kind == DIGEST_GIT_BLOB)
        return 1;
    return (file->size - 1) / segments->size + 1;
}

static int count_pieces(struct segments *segments, struct err *err)
{
    const struct plan *plan = segments->plan;
    uint64_t count = 0;

    for (size_t i = 0; i < plan->nfiles; i++) {
        segments->first[i] = (uint32_t)count;
        count += pieces(segments, &plan->files[i]);
        /* UINT32_MAX is used for "no segment" */
        if (count >= UINT32_MAX)
            return err_set(err, ERR_USAGE,
                           "segment size %llu: more than 4294967294 segments, choose a "
                           "larger segment size",
                           (unsigned long long)segments->size);
    }
    segments->first[plan->nfiles] = segments->count = (uint32_t)count;
    return 0;
}

int segments_cut(struct segments *segments, const struct plan *plan, uint64_t size,
                 struct err *err)
{
    return segments_cut_finely(segments, plan, size, size, 1, err);
}

int segments_cut_finely(struct segments *segments, const struct plan *plan, uint64_t size,
                        uint64_t least, uint32_t together, struct err *err)
{
    int rc = -1;

    *segments = (struct segments){
        .plan = plan, .size = size, .least = least, .together = together
    };
    if (size == 0 || size % SEGMENT_ALIGN != 0)
        return err_set(err, ERR_USAGE,
                       "segment size %llu: it must be a multiple of 1 MiB, and not 0",
                       (unsigned long long)size);
    segments->first = calloc(plan->nfiles + 1, sizeof(*segments->first));
    if (!segments->first) {
        err_memory(err, "segments");
        goto out;
    }
    if (count_pieces(segments, err) < 0)
        goto out;
    segments->file = malloc(((size_t)segments->count + 1) * sizeof(*segments->file));
    if (!segments->file) {
        err_memory(err, "segments");
        goto out;
    }
    for (uint32_t file = 0; file < plan->nfiles; file++)
        for (uint32_t k = segments->first[file]; k < segments->first[file + 1]; k++)
            segments->file[k] = file;
    rc = 0;
out:
    if (rc < 0)
        segments_release(segments);
    return rc;
}

void segments_release(struct segments *segments)
{
    if (!segments)
        return;
    free(segments->first);
    free(segments->file);
    *segments = (struct segments){ 0 };
}

struct range segment_range(const struct segments *segments, uint32_t segment)
{
    uint32_t file = segments->file[segment], nth = segment - segments->first[file];
    uint32_t count = segments_of(segments, file);
    uint64_t begin = nth * segments->size, end = segments->plan->files[file].size;

    if (nth >= count)
        begin = end;
    if (nth + 1 < count)
        end = begin + segments->size;
    return (struct range){ .begin = begin, .end = end };
}

uint64_t segment_bytes(const struct segments *segments, uint32_t segment)
{
    struct range range = segment_range(segments, segment);

    return range.end - range.begin;
}

struct range segments_range(const struct segments *segments, uint32_t first,
                            uint32_t count)
{
    return (struct range){ .begin = segment_range(segments, first).begin,
                           .end = segment_range(segments, first + count - 1).end };
}

uint64_t segments_bytes(const struct segments *segments, uint32_t first, uint32_t count)
{
    struct range range = segments_range(segments, first, count);

    return range.end - range.begin;
}

uint32_t segments_of(const struct segments *segments, uint32_t file)
{
    uint32_t count = segments->first[file + 1] - segments->first[file];

    return count > 1 && segments->plan->files[file].flags & PLAN_WHOLE ? 1 : count;
}

bool segments_small(const struct segments *segments, uint32_t file)
{
    return segments_of(segments, file) == 1 &&
           segments->plan->files[file].size <= SEGMENT_SMALL;
}
