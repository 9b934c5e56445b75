#include "base/text.h"
#include "doctor/probe.h"

static bool is_held(const struct probe_node *node)
{
    return node->holds && node->lock.hold == 0;
}

static void give_lock(struct probe *probe, int node, unsigned helper,
                      enum order_command command, const char *method, const char *dir)
{
    orders_give(&probe->orders, node, helper, command, method, "%s/lock-%s", dir, method);
}

/* The holders make the file, then take the lock. */
static int hold_lock(struct probe *probe, const char *method, const char *dir,
                     struct err *err)
{
    for (int i = 0; i < probe->nodes; i++)
        if (probe->node[i].holds)
            give_lock(probe, i, 0, ORDER_CREATE, method, dir);
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes; i++)
        if (orders_answer(&probe->orders, i, 0)->outcome == 0)
            give_lock(probe, i, 0, ORDER_LOCK, method, dir);
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes; i++)
        probe->node[i].lock.hold = orders_answer(&probe->orders, i, 0)->outcome;
    return 0;
}

/* To those who may have it now, and their neighbours. */
static void give_others(struct probe *probe, enum order_command command,
                        const char *method, const char *dir)
{
    bool any = false;

    for (int i = 0; i < probe->nodes; i++) {
        any |= is_held(&probe->node[i]);
        if (is_held(&probe->node[i]))
            give_lock(probe, i, 1, command, method, dir);
    }
    for (int i = 0; any && i < probe->nodes; i++)
        if (probe->node[i].tries)
            give_lock(probe, i, 0, command, method, dir);
}

int probe_lock(struct probe *probe, const char *method, const char *dir, struct err *err)
{
    if (hold_lock(probe, method, dir, err) < 0)
        return -1;
    give_others(probe, ORDER_LOCK, method, dir);
    if (orders_carry_out(&probe->orders, err) < 0)
        return -1;
    for (int i = 0; i < probe->nodes; i++) {
        struct probe_node *node = &probe->node[i];

        node->lock.near = orders_answer(&probe->orders, i, 1)->outcome;
        node->lock.far =
            node->tries ? orders_answer(&probe->orders, i, 0)->outcome : OUTCOME_NONE;
    }
    give_others(probe, ORDER_UNLOCK, method, dir);
    for (int i = 0; i < probe->nodes; i++)
        if (is_held(&probe->node[i]))
            give_lock(probe, i, 0, ORDER_UNLOCK, method, dir);
    return orders_carry_out(&probe->orders, err);
}

/* What it is worth where node 0 holds it, and the host of the worst of the others. */
static enum lock_verdict judge_lock(struct probe *probe, struct lock_outcomes *lock,
                                    const char **worst)
{
    *lock = probe->node[0].lock;
    *worst = NULL;
    for (int i = 1; i < probe->nodes; i++) {
        const struct probe_node *node = &probe->node[i];

        if (!node->tries || verdict_worse(lock->far, node->lock.far) == lock->far)
            continue;
        lock->far = node->lock.far;
        *worst = node->host;
    }
    return verdict_lock(lock);
}

static enum lock_verdict lock_row(struct probe *probe, const char *method,
                                  const char *name)
{
    struct results *results = &probe->results;
    char reason[PROBE_REASON];
    struct lock_outcomes lock;
    const char *worst;
    enum lock_verdict verdict = judge_lock(probe, &lock, &worst);
    const char *word = verdict_lock_word(verdict), *words = verdict_lock_words(verdict);

    if (verdict == LOCK_REFUSED)
        results_row(results, method, name, word, "%s: %s", words,
                    verdict_reason(reason, sizeof(reason), lock.hold));
    else if (worst && verdict != LOCK_EVERYWHERE)
        results_row(results, method, name, word, "%s (%s: %s)", words, worst,
                    lock.far == 0 ? "got it while it was held"
                                  : verdict_reason(reason, sizeof(reason), lock.far));
    else
        results_row(results, method, name, word, "%s", words);
    return verdict;
}

int probe_locks(struct probe *probe, struct err *err)
{
    static const struct {
        const char *method, *name;
    } rows[] = {
        { "flock", "flock" },
        { "fcntl", "fcntl (F_SETLK)" },
        { "ofd", "fcntl (F_OFD_SETLK)" },
    };

    results_section(&probe->results, "locks", "locks");
    for (int i = 0; i < probe->nodes; i++) {
        probe->node[i].holds = i == 0;
        probe->node[i].tries = i > 0 && !probe->node[i].blind;
    }
    for (size_t i = 0; i < countof(rows); i++) {
        enum lock_verdict verdict;

        if (probe_lock(probe, rows[i].method, probe->own, err) < 0)
            return -1;
        verdict = lock_row(probe, rows[i].method, rows[i].name);
        if (i == 0) {
            probe->facts.flock = verdict;
            probe->facts.flock_outcome = probe->node[0].lock.hold;
        }
    }
    return 0;
}
