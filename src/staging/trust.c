#include "staging/trust.h"

#include <stdlib.h>

#include "core/plan/layout.h"
#include "io/account.h"
#include "io/fs/fs.h"

static size_t names_in(const char *const *list)
{
    size_t count = 0;

    while (list && list[count])
        count++;
    return count;
}

/* A directory that is still missing will be this user's. */
static void add_owner(struct trust *trust, const char *place)
{
    struct fs_info info;

    if (fs_look_through(NULL, place, &info, NULL) == 0 && info.kind == FS_DIRECTORY)
        trust->uid[trust->count++] = info.uid;
}

static void add_parent(struct trust *trust, const char *path)
{
    struct strbuf parent = { 0 };

    layout_parent(path, &parent);
    if (!parent.failed)
        add_owner(trust, parent.data);
    strbuf_release(&parent);
}

int trust_start(struct trust *trust, const struct run *run, const char *path,
                struct err *err)
{
    const char *const *name = run->opt.trust;
    size_t named = names_in(name);

    *trust = (struct trust){ .uid = calloc(named + 4, sizeof(*trust->uid)) };
    if (!trust->uid)
        return err_memory(err, "a list of users");
    trust->uid[trust->count++] = account_mine();
    trust->uid[trust->count++] = 0;
    if (path)
        add_parent(trust, path);
    if (run->opt.cache)
        add_owner(trust, run->opt.dest);
    for (size_t i = 0; i < named; i++) {
        if (!account_find(name[i], &trust->uid[trust->count]))
            return err_set(err, ERR_USAGE, "--trust '%s': there is no such user",
                           name[i]);
        trust->count++;
    }
    return 0;
}

bool trust_has(const struct trust *trust, uint32_t uid)
{
    for (size_t i = 0; i < trust->count; i++)
        if (trust->uid[i] == uid)
            return true;
    return false;
}

void trust_release(struct trust *trust)
{
    free(trust->uid);
    *trust = (struct trust){ 0 };
}
