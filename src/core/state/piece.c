#include "core/state/piece.h"

uint32_t piece_segment(const struct parcel *parcel, uint32_t place)
{
    const struct parcel_run *run = parcel->run;

    while (place >= run->count)
        place -= run++->count;
    return run->first + place;
}

static uint64_t bytes_at(const struct parcel *parcel, const struct segments *segments,
                         uint32_t place)
{
    return segment_bytes(segments, piece_segment(parcel, place));
}

static void begin_where_ended(struct piece *piece)
{
    uint64_t from = piece->ends ? 0 : piece->from + piece->len;
    uint32_t place = piece->place + (piece->ends ? piece->segments : 0);
    uint32_t number = piece->segments > 0 ? piece->number + 1 : 0;

    *piece = (struct piece){ .number = number, .place = place, .from = from };
}

bool piece_next(const struct parcel *parcel, const struct segments *segments,
                uint64_t most, struct piece *piece)
{
    uint64_t bytes;

    begin_where_ended(piece);
    if (piece->place >= parcel->nsums)
        return false;
    bytes = bytes_at(parcel, segments, piece->place) - piece->from;
    piece->segments = 1;
    piece->len = bytes < most ? bytes : most;
    piece->ends = bytes <= most;
    while (piece->from == 0 && piece->ends &&
           piece->place + piece->segments < parcel->nsums) {
        bytes = bytes_at(parcel, segments, piece->place + piece->segments);
        if (bytes > most - piece->len)
            break;
        piece->len += bytes;
        piece->segments++;
    }
    return true;
}

bool piece_is_part(const struct piece *piece)
{
    return !piece->ends || piece->from > 0;
}
