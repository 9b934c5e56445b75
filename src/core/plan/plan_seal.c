/* core/plan/plan_seal.c -- the end of a list: sorted, and found to be one that can lie in a
 * tree. */
#include "core/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/plan/path_rules.h"

/* Return unused memory. A failure to shrink is not an error. */
static void trim(struct plan *plan)
{
    void *files =
        plan->nfiles ? realloc(plan->files, plan->nfiles * sizeof(*plan->files)) : NULL;
    char *text = realloc(plan->text.data, plan->text.len + 1);

    if (files) {
        plan->files = files;
        plan->room = plan->nfiles;
    }
    if (text) {
        plan->text.data = text;
        plan->text.cap = plan->text.len + 1;
    }
}

/* If neither a digest nor a validator can tell two versions apart, the bytes must come
 * from one reply. */
static void keep_whole(struct plan *plan)
{
    for (size_t i = 0; i < plan->nfiles; i++)
        if (plan->files[i].want.kind == DIGEST_NONE &&
            !*plan_text(plan, plan->files[i].etag))
            plan->files[i].flags |= PLAN_WHOLE;
}

int plan_seal(struct plan *plan, struct err *err)
{
    uint32_t none; /* a plan without files has the "" of empty texts as well */

    if (plan_set(plan, &none, "", err) < 0 || plan_sort(plan, err) < 0)
        return -1;
    trim(plan);
    keep_whole(plan);
    return plan_check(plan, ERR_SOURCE, err);
}

/* Paths of which each is a prefix of the next and of the current one. In byte order all
 * paths that begin with "a" follow "a" without a gap, even if "a-b" sorts between "a" and
 * "a/c". Lengths grow, so there are no more than a path has bytes. */
struct nest {
    size_t len[4096];
    const char *path[4096];
    size_t depth;
};

/* The file that this path would have as a parent, or NULL; the path is then inside. */
static const char *nest_enter(struct nest *nest, const char *path)
{
    while (nest->depth > 0 &&
           strncmp(path, nest->path[nest->depth - 1], nest->len[nest->depth - 1]) != 0)
        nest->depth--;
    if (nest->depth > 0) {
        char next = path[nest->len[nest->depth - 1]];

        if (next == '/' || next == '\0')
            return nest->path[nest->depth - 1];
    }
    nest->path[nest->depth] = path;
    nest->len[nest->depth] = strlen(path);
    nest->depth++;
    return NULL;
}

static int refuse_path(struct err *err, enum err_code code, const char *path,
                       const char *reason)
{
    /* a path may be thousands of bytes long: leave room for the reason */
    return err_set(err, code, "path '%.200s%s': %s", path,
                   strlen(path) > 200 ? "..." : "", reason);
}

static const char *reserved(const struct plan *plan, const char *path)
{
    if (plan->bare)
        return NULL;
    return path_rules_reserved(path, *plan_text(plan, plan->repo) != '\0');
}

static int check_file(struct plan *plan, size_t i, struct nest *nest, enum err_code code,
                      struct err *err)
{
    const uint64_t most = (uint64_t)1 << 63;
    const char *path = plan_path(plan, i), *before, *reason = path_rules_fault(path);

    if (!reason)
        reason = reserved(plan, path);
    if (reason)
        return refuse_path(err, code, path, reason);
    before = nest_enter(nest, path);
    if (before && strcmp(before, path) == 0)
        return refuse_path(err, code, path, "two files have the same path");
    if (before)
        return refuse_path(err, code, before, "it is both a file and a directory");
    if (i > 0 && strcmp(plan_path(plan, i - 1), path) > 0)
        return refuse_path(err, code, path, "out of order");
    if (plan->files[i].size > most - plan->nbytes)
        return refuse_path(err, code, path, "sizes add up to more than 2^63 bytes");
    plan->nbytes += plan->files[i].size;
    return 0;
}

int plan_check(struct plan *plan, enum err_code code, struct err *err)
{
    struct nest *nest = calloc(1, sizeof(*nest));
    int rc = 0;

    if (!nest)
        return err_memory(err, "plan");
    plan->nbytes = 0;
    for (size_t i = 0; rc == 0 && i < plan->nfiles; i++)
        rc = check_file(plan, i, nest, code, err);
    free(nest);
    return rc;
}
