/* core/plan/plan_order.c -- the files of a plan in the order of their paths, and what lies
 * side by side in it. */
#include "core/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/plan/path_rules.h"

enum {
    CHUNK = 8,    /* bytes of a text that are compared at once */
    DEEPEST = 256 /* chunks; what is equal up to there is compared as a whole */
};

/* A million paths lie in a hundred megabytes. Comparing texts anew at each step of a sort
 * would fetch them from memory twenty times; the next bytes of each beside its number are
 * in the cache. */
struct order {
    uint64_t chunk; /* so that numbers compare as the bytes do; NUL from the end on */
    uint32_t at;    /* of the text */
    uint32_t file;
};

struct sorting {
    const char *text; /* the arena */
    bool folded;      /* A to Z as a to z */
};

static uint64_t load_chunk(const struct sorting *sorting, const char *text)
{
    uint64_t chunk = 0;
    size_t i = 0;

    for (; i < CHUNK && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];

        if (sorting->folded && c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        chunk = chunk << 8 | c;
    }
    return i == 0 ? 0 : chunk << 8 * (CHUNK - i);
}

static int by_chunk(const void *a, const void *b)
{
    const struct order *left = a, *right = b;

    return (left->chunk > right->chunk) - (left->chunk < right->chunk);
}

static int by_text(const void *a, const void *b, void *arg)
{
    const struct sorting *sorting = arg;
    const char *left = sorting->text + ((const struct order *)a)->at;
    const char *right = sorting->text + ((const struct order *)b)->at;

    return sorting->folded ? plan_path_compare(left, right) : strcmp(left, right);
}

/* All of them are equal in the chunks before. Each step is a sort of numbers, so no choice
 * of paths makes it slow. */
static void sort_orders(const struct sorting *sorting, struct order *orders, size_t count,
                        size_t depth)
{
    bool sorted = true;

    if (depth == DEEPEST) {
        qsort_r(orders, count, sizeof(*orders), by_text, (void *)(uintptr_t)sorting);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        orders[i].chunk = load_chunk(sorting, sorting->text + orders[i].at);
        sorted = sorted && (i == 0 || orders[i - 1].chunk <= orders[i].chunk);
    }
    if (!sorted)
        qsort(orders, count, sizeof(*orders), by_chunk);
    for (size_t begin = 0, end; begin < count; begin = end) {
        uint64_t chunk = orders[begin].chunk;

        for (end = begin; end < count && orders[end].chunk == chunk; end++)
            orders[end].at += CHUNK;
        if (end - begin > 1 && (chunk & 0xff) != 0)
            sort_orders(sorting, orders + begin, end - begin, depth + 1);
    }
}

/* Numbers of files in the order of their paths, to be freed; NULL: out of memory. */
static struct order *order_files(const struct plan *plan, bool folded)
{
    const struct sorting sorting = { plan->text.data, folded };
    struct order *orders = malloc((plan->nfiles + 1) * sizeof(*orders));

    for (uint32_t i = 0; orders && i < plan->nfiles; i++) {
        orders[i].at = plan->files[i].path;
        orders[i].file = i;
    }
    if (orders)
        sort_orders(&sorting, orders, plan->nfiles, 0);
    return orders;
}

/* Each cycle of the permutation needs room for one file. */
static void move_files(struct plan *plan, struct order *orders)
{
    for (uint32_t i = 0; i < plan->nfiles; i++) {
        struct plan_file first = plan->files[i];
        uint32_t to = i;

        while (orders[to].file != i) {
            uint32_t from = orders[to].file;

            plan->files[to] = plan->files[from];
            orders[to].file = to;
            to = from;
        }
        plan->files[to] = first;
        orders[to].file = to;
    }
}

int plan_sort(struct plan *plan, struct err *err)
{
    struct order *orders;
    size_t i = 1;

    while (i < plan->nfiles && strcmp(plan_path(plan, i - 1), plan_path(plan, i)) <= 0)
        i++;
    if (i >= plan->nfiles)
        return 0;
    orders = order_files(plan, false);
    if (!orders)
        return err_memory(err, "plan");
    move_files(plan, orders);
    free(orders);
    return plan_gather(plan, err);
}

bool plan_twins(const struct plan *plan, size_t *one, size_t *other)
{
    struct order *orders;
    bool found = false;
    size_t i = 1;

    /* mostly the two orders are the same */
    while (i < plan->nfiles &&
           plan_path_compare(plan_path(plan, i - 1), plan_path(plan, i)) < 0)
        i++;
    if (i >= plan->nfiles)
        return false;
    orders = order_files(plan, true);
    for (i = 1; orders && !found && i < plan->nfiles; i++) {
        *one = orders[i - 1].file;
        *other = orders[i].file;
        found = plan_path_compare(plan_path(plan, *one), plan_path(plan, *other)) == 0;
    }
    free(orders);
    return found;
}

static bool is_same_place(const struct plan *plan, size_t a, size_t b, bool *failed)
{
    const char *left = plan_text(plan, plan->files[a].key);
    const char *right = plan_text(plan, plan->files[b].key);
    struct strbuf one = { 0 }, other = { 0 };
    bool same;

    if ((plan->files[a].flags ^ plan->files[b].flags) & PLAN_SIGNED)
        return false;
    if (strcmp(left, right) == 0)
        return true;
    plan_place(plan, a, &one);
    plan_place(plan, b, &other);
    *failed = one.failed || other.failed;
    same = !*failed && strcmp(one.data, other.data) == 0;
    strbuf_release(&one);
    strbuf_release(&other);
    return same;
}

/* Whether b is a once more; what a does not know is taken from b. */
static bool is_repeat(struct plan *plan, size_t a, size_t b, bool *failed)
{
    struct plan_file *file = &plan->files[a];
    const struct plan_file *more = &plan->files[b];
    bool sized = !(file->flags & PLAN_UNSIZED),
         more_sized = !(more->flags & PLAN_UNSIZED);

    if (strcmp(plan_path(plan, a), plan_path(plan, b)) != 0 ||
        (sized && more_sized && file->size != more->size) ||
        memcmp(&file->want, &more->want, sizeof(file->want)) != 0 ||
        !is_same_place(plan, a, b, failed))
        return false;
    if (!sized && more_sized) {
        file->size = more->size;
        file->flags = more->flags;
    }
    return true;
}

int plan_drop_repeats(struct plan *plan, struct err *err)
{
    bool failed = false;
    size_t kept = 0;

    if (plan_sort(plan, err) < 0)
        return -1;
    for (size_t i = 0; i < plan->nfiles && !failed; i++)
        if (kept == 0 || !is_repeat(plan, kept - 1, i, &failed))
            plan->files[kept++] = plan->files[i];
    if (failed)
        return err_memory(err, "plan");
    if (kept == plan->nfiles)
        return 0;
    plan->nfiles = kept;
    return plan_gather(plan, err);
}
