#include "fetch/stow.h"

#include <errno.h>

#include "io/fs/blocks.h"
#include "io/fs/fs.h"
#include "io/sha256.h"
#include "resume/journal.h"
#include "staging/local_metadata.h"

/* Neighbours of one file, in a piece one behind the other. */
struct stretch {
    uint32_t place; /* in the parcel */
    uint32_t first, count, file;
    struct range range; /* in the file */
};

/* The one that begins at that place, or the part of a segment that the piece is. */
static struct stretch stretch_at(const struct run *run, const struct parcel *parcel,
                                 const struct piece *piece, uint32_t place)
{
    const struct segments *segments = &run->segments;
    uint32_t first = piece_segment(parcel, place);
    struct stretch stretch = { place, first, 1, segments->file[first], { 0, 0 } };
    uint32_t end = piece->place + piece->segments;

    while (place + stretch.count < end &&
           piece_segment(parcel, place + stretch.count) == first + stretch.count &&
           segments->file[first + stretch.count] == stretch.file)
        stretch.count++;
    stretch.range = segments_range(segments, first, stretch.count);
    if (piece_is_part(piece)) {
        stretch.range.begin += piece->from;
        stretch.range.end = stretch.range.begin + piece->len;
    }
    return stretch;
}

static size_t stretch_bytes(const struct stretch *stretch)
{
    return (size_t)(stretch->range.end - stretch->range.begin);
}

static bool are_right(const struct run *run, const struct parcel *parcel,
                      const struct piece *piece, const char *bytes)
{
    for (uint32_t i = 0; i < piece->segments; i++) {
        uint32_t place = piece->place + i;
        size_t len = (size_t)segment_bytes(&run->segments, piece_segment(parcel, place));

        if (checksum_bytes(bytes, len) != parcel->sum[place])
            return false;
        bytes += len;
    }
    return true;
}

static int write_stretch(const struct stow *stow, const struct stretch *stretch,
                         const char *bytes, struct err *err)
{
    struct store_place final;
    bool direct, refused = false;
    int fd, rc;

    store_final(stow->store, stretch->file, &final);
    fd = store_open_final(stow->store, stretch->file, &final, err);
    if (fd < 0)
        return -1;
    direct = store_direct(stow->store, stretch->first) && fs_direct_begin(fd);
    rc = fs_direct_pwrite(fd, &direct, &refused, final.dir, final.name, bytes,
                          stretch_bytes(stretch), stretch->range.begin, err);
    if (refused)
        store_refused(stow->store, &final);
    return fs_close(fd, final.dir, final.name, err) < 0 ? -1 : rc;
}

/* Last of all, since any write changes the time again. */
static int finish_file(const struct stow *stow, uint32_t file, struct err *err)
{
    const struct run *run = stow->run;
    struct store_place final;

    if (segments_of(&run->segments, file) > 1)
        return 0;
    store_final(stow->store, file, &final);
    if (fs_set_mtime(final.dir, final.name, run->mtime * 1000000000, err) < 0)
        return -1;
    return local_metadata_write_file(run, file, err);
}

/* Each segment for itself: of those together nobody knows the sum. */
static void note(const struct stow *stow, const struct parcel *parcel,
                 const struct stretch *stretch)
{
    struct strbuf lines = { 0 };

    for (uint32_t i = 0; i < stretch->count; i++)
        journal_collect(&lines, stow->run, stretch->first + i, 1,
                        parcel->sum[stretch->place + i]);
    journal_put(stow->store->journal, &lines);
    strbuf_release(&lines);
}

static int put_stretch(const struct stow *stow, const struct parcel *parcel,
                       const struct stretch *stretch, const char *bytes, struct err *err)
{
    if (write_stretch(stow, stretch, bytes, err) < 0 ||
        finish_file(stow, stretch->file, err) < 0)
        return -1;
    syncing_touch(stow->syncing, stretch->file, stretch_bytes(stretch));
    note(stow, parcel, stretch);
    return 0;
}

static int put_part(const struct stow *stow, const struct parcel *parcel,
                    const struct piece *piece, const char *bytes, struct checksum *sum,
                    bool *wrong, struct err *err)
{
    struct stretch stretch = stretch_at(stow->run, parcel, piece, piece->place);

    if (piece->from == 0)
        checksum_restart(sum);
    checksum_feed(sum, bytes, (size_t)piece->len);
    if (write_stretch(stow, &stretch, bytes, err) < 0)
        return -1;
    syncing_touch(stow->syncing, stretch.file, piece->len);
    if (!piece->ends)
        return 0;
    *wrong = checksum_value(sum) != parcel->sum[piece->place];
    if (*wrong)
        return 0;
    if (finish_file(stow, stretch.file, err) < 0)
        return -1;
    note(stow, parcel, &stretch);
    return 0;
}

int stow_put(const struct stow *stow, const struct parcel *parcel,
             const struct piece *piece, const char *bytes, struct checksum *sum,
             bool *wrong, struct err *err)
{
    uint32_t place = piece->place;

    *wrong = false;
    if (fs_dir_same(&stow->run->staging.dir, err) < 0)
        return -1;
    if (piece_is_part(piece))
        return put_part(stow, parcel, piece, bytes, sum, wrong, err);
    *wrong = !are_right(stow->run, parcel, piece, bytes);
    while (!*wrong && place < piece->place + piece->segments) {
        struct stretch stretch = stretch_at(stow->run, parcel, piece, place);

        if (put_stretch(stow, parcel, &stretch, bytes, err) < 0)
            return -1;
        bytes += stretch_bytes(&stretch);
        place += stretch.count;
    }
    return 0;
}

static int read_stretch(const struct stow *stow, const struct stretch *stretch,
                        char *bytes, struct err *err)
{
    struct store_place final;
    bool direct;
    int fd, rc;

    store_final(stow->store, stretch->file, &final);
    fd = fs_open_read(final.dir, final.name, err);
    if (fd < 0)
        return -1;
    direct = store_direct(stow->store, stretch->first) && fs_direct_begin(fd);
    rc = fs_direct_pread(fd, &direct, final.dir, final.name, bytes,
                         stretch_bytes(stretch), stretch->range.begin, err);
    fs_close(fd, final.dir, final.name, NULL);
    return rc;
}

int stow_get(const struct stow *stow, const struct parcel *parcel,
             const struct piece *piece, char *bytes, bool *wrong, struct err *err)
{
    uint32_t place = piece->place;
    char *at = bytes;
    bool lost = false;

    while (place < piece->place + piece->segments) {
        struct stretch stretch = stretch_at(stow->run, parcel, piece, place);

        struct err why = { 0 };

        if (read_stretch(stow, &stretch, at, &why) < 0) {
            if (errno != ENOENT)
                return err_copy(err, &why);
            lost = true;
        }
        at += stretch_bytes(&stretch);
        place += stretch.count;
    }
    *wrong =
        lost || (!piece_is_part(piece) && !are_right(stow->run, parcel, piece, bytes));
    return 0;
}

int stow_sum(const struct stow *stow, struct parcel *parcel, const struct pool *pool,
             struct err *err)
{
    const struct segments *segments = &stow->run->segments;

    for (uint32_t i = 0; i < parcel->nsums; i++) {
        uint32_t segment = piece_segment(parcel, i);
        struct range range = segment_range(segments, segment);
        struct blocks in = { .next = range.begin,
                             .end = range.end,
                             .pool = pool,
                             .direct = store_direct(stow->store, segment) };
        struct store_place final;

        if (parcel->sum[i] != 0)
            continue;
        store_final(stow->store, segments->file[segment], &final);
        in.dir = final.dir;
        in.name = final.name;
        if (blocks_sum(&in, &parcel->sum[i], err) < 0)
            return -1;
    }
    return 0;
}
