#include "core/sched/whole.h"

#include <stdlib.h>

bool whole_has(const struct whole *whole, uint32_t file)
{
    for (uint32_t i = 0; i < whole->count; i++)
        if (whole->file[i] == file)
            return true;
    return false;
}

int whole_begin(struct whole *whole, struct sched *sched, struct relay *relay,
                uint32_t file, struct err *err)
{
    if (whole->count == whole->room) {
        uint32_t room = whole->room ? 2 * whole->room : 16;
        uint32_t *files = realloc(whole->file, room * sizeof(*files));

        if (!files)
            return err_memory(err, "the list of files without ranges");
        whole->file = files;
        whole->room = room;
    }
    whole->file[whole->count++] = file;
    sched_withdraw(sched, file);
    relay_skip(relay, file);
    return 0;
}

static bool is_free(const struct whole *whole, const struct sched *sched,
                    const struct relay *relay, uint32_t file)
{
    return sched_is_free(sched, file) && !relay_is_busy(relay, file) &&
           (!whole->is_gone || whole->is_gone(whole->arg, file));
}

bool whole_next(struct whole *whole, struct sched *sched, const struct relay *relay,
                struct plan *plan, uint32_t *file)
{
    for (uint32_t i = 0; i < whole->count; i++) {
        *file = whole->file[i];
        if (!is_free(whole, sched, relay, *file))
            continue;
        whole->file[i] = whole->file[--whole->count];
        plan->files[*file].flags |= PLAN_WHOLE;
        sched_return(sched, *file);
        return true;
    }
    return false;
}

void whole_release(struct whole *whole)
{
    free(whole->file);
    *whole = (struct whole){ 0 };
}
