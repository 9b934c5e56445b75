#include "coordinate/recovery.h"

#include <stdlib.h>

#include "io/clock.h"
#include "resume/resume.h"

static bool is_gone(void *arg, uint32_t file)
{
    return spreading_empties(arg, file);
}

int recovery_init(struct recovery *recovery, struct dispatch *dispatch,
                  struct spreading *spreading, struct err *err)
{
    const struct run *run = dispatch->run;

    recovery->dispatch = dispatch;
    recovery->spreading = spreading;
    recovery->pause.dispatch = dispatch;
    if (spreading)
        recovery->whole = (struct whole){ .is_gone = is_gone, .arg = spreading };
    recovery->attempts =
        calloc(run->segments.count + (size_t)1, sizeof(*recovery->attempts));
    recovery->cut = calloc(run->plan.nfiles + 1, 1);
    if (!recovery->attempts || !recovery->cut)
        return err_memory(err, "the attempts of all segments");
    return 0;
}

void recovery_release(struct recovery *recovery)
{
    whole_release(&recovery->whole);
    free(recovery->attempts);
    free(recovery->cut);
    *recovery = (struct recovery){ 0 };
}

void recovery_stored(struct recovery *recovery, uint32_t first, uint32_t count)
{
    const struct segments *segments = &recovery->dispatch->run->segments;
    uint32_t file = segments->file[first];

    recovery->pause.refusals = 0;
    for (uint32_t i = 0; i < count; i++)
        recovery->attempts[first + i] = 0;
    if (segments_of(segments, file) > 1)
        recovery->cut[file] = 1;
}

void recovery_restart(struct recovery *recovery, uint32_t file)
{
    const struct run *run = recovery->dispatch->run;
    const uint32_t *first = run->segments.first;

    for (uint32_t s = first[file]; s < first[file + 1]; s++) {
        recovery->attempts[s] = 0;
        resume_forget(recovery->dispatch->resume, s);
    }
}

struct outcome recovery_outcome(struct recovery *recovery, const struct msg *msg)
{
    struct outcome outcome = msg->outcome;
    uint8_t *cut = &recovery->cut[recovery->dispatch->run->segments.file[msg->segment]];

    if (outcome.ranged && outcome.progressed && outcome.status == 206)
        *cut = 1;
    outcome.cuts = *cut != 0;
    return outcome;
}

/* Refusals with a pause count for the job, other failures for the segment, but a signed
 * URL is refused to all segments of its file. */
static unsigned count_attempt(struct recovery *recovery, uint32_t segment,
                              const struct outcome *outcome, double now)
{
    const struct dispatch *dispatch = recovery->dispatch;
    unsigned renewals, attempts;

    if (retry_asks_pause(outcome))
        return pause_count(&recovery->pause, now);
    attempts = ++recovery->attempts[segment];
    renewals = locator_renewals(dispatch->locator, dispatch->run->segments.file[segment]);
    return outcome->located && outcome->ranged && renewals > attempts ? renewals
                                                                      : attempts;
}

/* A server that cuts no ranges may still have the file. */
static int fetch_whole(struct recovery *recovery, uint32_t file,
                       const struct outcome *outcome, struct err *err)
{
    const struct dispatch *dispatch = recovery->dispatch;

    if (whole_has(&recovery->whole, file))
        return 0;
    log_line(&dispatch->run->ranks.log, LOG_WARN,
             "'%s': the server %s ranges (HTTP %d): fetching the file whole",
             plan_path(&dispatch->run->plan, file),
             outcome->status < 300 ? "ignores" : "refuses", (int)outcome->status);
    return whole_begin(&recovery->whole, dispatch->sched, dispatch->relay, file, err);
}

static void tell_retry(struct log *log, int rank, const char *what, unsigned attempt,
                       const struct retry_decision *decision)
{
    log_line(log, LOG_INFO,
             "rank %d: %s: attempt %u of %u failed, next attempt in %.1f s", rank, what,
             attempt, decision->most, decision->delay);
}

int recovery_failed(struct recovery *recovery, int from, const struct msg *msg,
                    const struct outcome *outcome, double now, struct err *err)
{
    struct dispatch *dispatch = recovery->dispatch;
    struct run *run = dispatch->run;
    uint32_t file = run->segments.file[msg->segment];
    unsigned attempt = count_attempt(recovery, msg->segment, outcome, now);
    struct retry_decision decision =
        retry_decide(&run->opt.retry, outcome, attempt, clock_random());

    if (decision.remedy == REMEDY_GIVE_UP)
        return err_set_why(err, decision.code, msg_reason(msg), "%s", msg->text);
    if (decision.remedy == REMEDY_WHOLE) {
        if (fetch_whole(recovery, file, outcome, err) < 0)
            return -1;
    } else {
        tell_retry(&run->ranks.log, from, msg->text, attempt, &decision);
    }
    run->stats.value[STAT_RETRIED]++;
    if (decision.remedy == REMEDY_NEW_URL)
        locator_renew(dispatch->locator, file, msg->generation);
    sched_failed(dispatch->sched, from, msg->segment, now + decision.delay);
    if (decision.remedy == REMEDY_SLOW_DOWN)
        pause_all(&recovery->pause, decision.delay, outcome);
    return 0;
}

void recovery_step(struct recovery *recovery)
{
    const struct dispatch *dispatch = recovery->dispatch;

    for (uint32_t file; whole_next(&recovery->whole, dispatch->sched, dispatch->relay,
                                   &dispatch->run->plan, &file);) {
        recovery_restart(recovery, file);
        if (recovery->spreading)
            spreading_whole(recovery->spreading, file);
    }
}
