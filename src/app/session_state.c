#include "app/session_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "fetch/engine.h"
#include "io/clock.h"
#include "ranks/background.h"
#include "resume/resume.h"

bool session_has_both(const struct session *s)
{
    bool publishes = s->task == SESSION_GET || s->task == SESSION_PLAN;

    return publishes && s->options->per_node && s->options->dest;
}

void session_end_phase(struct session *s, enum report_phase phase)
{
    double now = clock_now();

    s->report.seconds[phase] += now - s->phase_began;
    s->phase_began = now;
}

void session_settle(struct session *s)
{
    if (!s->part)
        agree_settle(&s->run.ranks);
}

/* Symbolic links that lead to DEST may lead elsewhere tomorrow. */
const char *session_show(struct session *s)
{
    struct run *run = &s->run;
    struct strbuf path = { 0 };

    free(run->shown);
    run->shown = NULL;
    if (!run->published)
        return "";
    if (s->named && s->dest && text_starts(run->published, s->dest))
        strbuf_addf(&path, "%s%s", s->named, run->published + strlen(s->dest));
    else
        strbuf_adds(&path, run->published);
    run->shown = strbuf_steal(&path);
    return run->shown ? run->shown : run->published;
}

const char *session_source(const struct mpifetch_options *options, char *out, size_t size)
{
    const char *name = options->source     ? options->source
                       : options->manifest ? options->manifest
                       : options->dest     ? options->dest
                                           : "";

    return url_redact(out, size, name);
}

struct glob_list session_globs(const char *const *list)
{
    struct glob_list patterns = { .pattern = list };

    while (list && list[patterns.count])
        patterns.count++;
    return patterns;
}

int session_cut(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    uint64_t missing = run->plan.nbytes, size = s->options->segment_size;
    uint64_t least = SEGMENT_WHOLE;
    uint32_t slots = 0, ranks = 0;

    if (size > 0 && size % SEGMENT_ALIGN == 0)
        size = segment_size_bounded(size, run->plan.nbytes);
    if (size > 0)
        return segments_cut(&run->segments, &run->plan, size, err);
    if (s->target.existing && run->mode != RUN_REHASH)
        missing -= s->target.existing->bytes;
    for (int i = 0; i < run->ranks.size; i++) {
        slots += s->slots[i];
        ranks += s->slots[i] > 0;
    }
    size = segment_unit(run->plan.nbytes);
    if (run->mode != RUN_REHASH)
        resume_fit(run->staging.resume, &size, &least);
    return segments_cut_finely(&run->segments, &run->plan, size, least,
                               segment_together(size, missing, slots, ranks), err);
}

struct opening {
    struct session *s;
    struct existing_file *existing;
};

/* From source to source the same, so that their connections serve again. */
static int open_transfers(struct session *s, struct err *err)
{
    unsigned most = s->run.slots_most ? s->run.slots_most : 1;

    if (s->transfers && s->transfers_most >= most)
        return 0;
    http_destroy(s->transfers);
    s->transfers = NULL;
    s->transfers_most = most;
    return engine_open(&s->transfers, &s->run, most, err);
}

static int open_worker(void *arg, struct err *err)
{
    struct opening *opening = arg;
    struct session *s = opening->s;

    return open_transfers(s, err) < 0
               ? -1
               : worker_create(&s->worker, &s->run, s->coordinator, s->transfers,
                               opening->existing, err);
}

int session_make_parts(struct session *s, struct existing_file *existing, struct err *err)
{
    struct opening opening = { s, existing };
    struct run *run = &s->run;

    if (run->ranks.rank == 0 &&
        coordinator_create(&s->coordinator, run, s->http, existing, s->slots, err) < 0)
        return -1;
    return background_run(&run->ranks, open_worker, &opening, err);
}
