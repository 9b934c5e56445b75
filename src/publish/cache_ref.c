#include "publish/cache_ref.h"

#include <stdlib.h>
#include <string.h>

#include "core/hub/hub_cache.h"
#include "core/hub/hub_name.h"
#include "core/plan/path_rules.h"
#include "io/fs/fs.h"

/* No line end is allowed, as in the library. */
bool cache_ref_read(const char *path, char *commit)
{
    char *text = NULL;
    size_t len = 0;
    bool good = fs_read_regular(NULL, path, 64, &text, &len, NULL) == 0 && len == 40 &&
                hub_name_is_commit(text);

    if (good)
        memcpy(commit, text, len + 1);
    free(text);
    return good;
}

int cache_ref_commit(const char *folder, const char *revision, char *commit,
                     struct err *err)
{
    const char *fault = path_rules_fault(revision);
    char path[FS_NAME];

    if (fault)
        return err_set(err, ERR_SOURCE, "revision '%.200s': %s", revision, fault);
    if (hub_name_is_commit(revision)) {
        memcpy(commit, revision, strlen(revision) + 1);
        return 0;
    }
    fs_format(path, "%s/refs/%s", folder, revision);
    return cache_ref_read(path, commit)
               ? 0
               : err_set(err, ERR_SOURCE, "'%s' does not contain a commit id", path);
}

bool cache_ref_peek(const struct run *run, char *out)
{
    char shown[41], path[FS_NAME];
    struct fs_info info;
    size_t folder = 0;

    if (fs_look_through(NULL, run->published, &info, NULL) < 0 ||
        info.kind != FS_DIRECTORY ||
        !hub_cache_is_snapshot(run->published, &folder, shown))
        return false;
    fs_format(path, "%.*s", (int)folder, run->published);
    return cache_ref_commit(path, plan_text(&run->plan, run->plan.ref), out, NULL) == 0;
}
