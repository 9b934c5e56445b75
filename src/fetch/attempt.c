#include "fetch/attempt.h"

#include "source/source.h"

enum {
    ATTEMPT_PROGRESS = 64 << 10, /* bytes that make a try worth the name */
    ATTEMPT_SHORT = 1000,        /* worthless tries in a row, of replies good but short */
    ATTEMPT_FUTILE = 2, /* the same, of others, before the coordinator is asked */
};

bool attempt_is_whole(const struct task *task, const struct http_response *response)
{
    const struct outcome *outcome = &response->outcome;
    bool ended = outcome->fault == NET_OK || outcome->fault == NET_CUT ||
                 outcome->fault == NET_TIMEOUT;

    return ended && outcome->status >= 200 && outcome->status < 300 &&
           task->got == task_size(task);
}

/* Replies that are good but shorter than asked may be small for longer: some proxies cut
 * like that. A file that comes only whole begins again from its start, and that is for
 * the coordinator to decide. */
bool attempt_goes_on(struct task *task, const struct http_response *response)
{
    const struct outcome *outcome = &response->outcome;
    const struct plan_file *file = &task->world->run->plan.files[task->file];
    bool good = outcome->fault == NET_OK && task->got > task->got_before;
    bool cut = outcome->fault == NET_CUT || outcome->fault == NET_TIMEOUT;

    if ((file->flags & PLAN_WHOLE) || outcome->status >= 300 || (!good && !cut) ||
        (task->small && !good))
        return false;
    if (task->got - task->got_before >= ATTEMPT_PROGRESS)
        task->futile = 0;
    else
        task->futile++;
    return task->got > 0 && task->futile <= (good ? ATTEMPT_SHORT : ATTEMPT_FUTILE);
}

/* What the Hub itself refuses it explains in its headers: a token, a licence, a name. */
void attempt_explain(const struct task *task, const struct http_response *response,
                     struct err *why)
{
    const struct run *run = task->world->run;
    const char *path = plan_path(&run->plan, task->file);

    if (run->access.endpoint && !task->url && response->outcome.status >= 400) {
        source_refusal(path, response, run->access.bearer != NULL, why);
        return;
    }
    *why = response->err;
    if (why->code == ERR_NONE)
        err_set(why, ERR_NETWORK, "%s", retry_meaning(&response->outcome));
    err_wrap(why, "'%s'", path);
}
