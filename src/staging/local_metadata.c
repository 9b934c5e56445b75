#include "staging/local_metadata.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/hub/hub_cache.h"
#include "io/fs/fs.h"
#include "ranks/wants.h"

enum { HUBMETA_NAME = 255 }; /* bytes of a file name, on every file system we know */

bool local_metadata_is_one(const char *path)
{
    static const char *const names[] = { ".gitignore", ".gitignore.lock",
                                         "CACHEDIR.TAG" };
    static const char *const ends[] = { ".metadata", ".lock", ".incomplete" };
    static const char folder[] = ".cache/huggingface/";

    if (!text_starts(path, folder))
        return false;
    path += sizeof(folder) - 1;
    for (size_t i = 0; i < countof(names); i++)
        if (strcmp(path, names[i]) == 0)
            return true;
    for (size_t i = 0; i < countof(ends); i++)
        if (text_starts(path, "download/") && text_ends(path, ends[i]))
            return true;
    return text_starts(path, "trees/") && text_ends(path, ".json") &&
           !strchr(path + strlen("trees/"), '/');
}

bool local_metadata_wanted(const struct run *run)
{
    return *plan_text(&run->plan, run->plan.repo) != '\0' && !run->opt.cache;
}

/* The library cannot write metadata for a long name either. */
bool local_metadata_fits(const struct run *run, uint32_t file)
{
    const char *path = plan_path(&run->plan, file);
    const char *slash = strrchr(path, '/');

    return wants_file(run, file) &&
           strlen(slash ? slash + 1 : path) + strlen(".metadata") <= HUBMETA_NAME;
}

const char *local_metadata_name(const struct run *run, uint32_t file, char name[FS_NAME])
{
    return fs_format(name, ".cache/huggingface/download/%s.metadata",
                     plan_path(&run->plan, file));
}

int local_metadata_write_file(const struct run *run, uint32_t file, struct err *err)
{
    const struct plan *plan = &run->plan;
    struct strbuf text = { 0 };
    char name[FS_NAME];
    int rc;

    if (!local_metadata_wanted(run) || !local_metadata_fits(run, file))
        return 0;
    strbuf_addf(&text, "%s\n%s\n%lld.0\n", plan_text(plan, plan->revision),
                plan_text(plan, plan->files[file].etag), (long long)run->mtime);
    if (text.failed)
        rc = err_memory(err, "metadata");
    else
        rc = fs_write_all(&run->staging.tree, local_metadata_name(run, file, name),
                          text.data, text.len, true, false, err);
    /* A folder "F.metadata" beside a file F: the library cannot write its
     * metadata either. */
    if (rc < 0 && errno == EISDIR) {
        err_clear(err);
        rc = 0;
    }
    strbuf_release(&text);
    return rc;
}

static int write_fixed(const struct run *run, const char *name, const char *text,
                       struct err *err)
{
    return fs_write_all(&run->staging.tree, name, text, strlen(text), true, false, err);
}

int local_metadata_write_fixed(const struct run *run, struct err *err)
{
    if (!local_metadata_wanted(run))
        return 0;
    if (write_fixed(run, ".cache/huggingface/.gitignore", "*", err) < 0)
        return -1;
    return write_fixed(run, ".cache/huggingface/CACHEDIR.TAG", hub_cache_tag, err);
}
