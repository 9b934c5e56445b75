#include "coordinate/nearby.h"

#include <string.h>

#include "staging/existing.h"

bool nearby_has(const struct run *run, uint32_t file)
{
    return run->mode == RUN_FETCH && run->nearby.has && run->nearby.has[file];
}

bool nearby_drop(struct run *run, uint32_t file)
{
    if (!nearby_has(run, file))
        return false;
    run->nearby.has[file] = false;
    log_line(&run->ranks.log, LOG_WARN,
             "'%s' in '%s' cannot be read or has other content: asking the source for it",
             plan_path(&run->plan, file), run->nearby.path);
    return true;
}

bool nearby_differs(const struct run *run, uint32_t file, const uint8_t sha256[32])
{
    static const uint8_t unknown[32];
    const uint8_t *known;

    if (!nearby_has(run, file))
        return false;
    known = run->nearby.known[file].sha256;
    return memcmp(known, unknown, 32) != 0 && memcmp(known, sha256, 32) != 0;
}
