#include "staging/staging.h"

#include <string.h>

#include "base/text.h"
#include "io/fs/fs.h"

/* A small file takes a block on most file systems, and an entry in the manifest. */
enum { STAGING_FILE_COST = 4096 };

int staging_check_space(const struct run *run, const char *dir, uint64_t bytes,
                        uint64_t files, struct err *err)
{
    struct fs_space space;
    char need[32], have[32];

    bytes += files * STAGING_FILE_COST;
    if (fs_space(dir, &space, err) < 0)
        return -1;
    if (space.bytes < bytes)
        return err_set(err, ERR_DEST,
                       "not enough space in '%s': %s free, %s needed for '%s'", dir,
                       text_bytes(have, sizeof(have), space.bytes),
                       text_bytes(need, sizeof(need), bytes), run->opt.dest);
    if (space.inodes < files)
        return err_set(err, ERR_DEST,
                       "not enough inodes in '%s': %llu free, %llu needed for '%s'", dir,
                       (unsigned long long)space.inodes, (unsigned long long)files,
                       run->opt.dest);
    return 0;
}

const char *staging_name(const struct run *run, uint32_t file)
{
    const struct plan *plan = &run->plan;

    return run->layout == RUN_BLOBS ? plan_text(plan, plan->files[file].etag)
                                    : plan_path(plan, file);
}

void staging_kept_path(const struct run *run, uint32_t where, uint32_t file,
                       struct strbuf *path)
{
    strbuf_addf(path, "%s/kept/", run->staging.path);
    if (where == STAGING_KEPT)
        strbuf_adds(path, "tree");
    else
        strbuf_addf(path, "more/%u", (unsigned)(where - STAGING_KEPT));
    strbuf_addf(path, "/%s", staging_name(run, file));
}

/* Files are sorted: a directory that the path before had too needs no second mkdir. */
int staging_make_directories(const struct run *run, const char *dir, struct err *err)
{
    const char *before = "";
    struct strbuf path = { 0 };
    int rc = 0;

    for (size_t i = 0; i < run->plan.nfiles && rc == 0; i++) {
        const char *file = plan_path(&run->plan, i);
        size_t same = 0;

        while (file[same] && file[same] == before[same])
            same++;
        for (const char *slash = strchr(file, '/'); slash && rc == 0;
             slash = strchr(slash + 1, '/')) {
            size_t len = (size_t)(slash - file);

            if (len < same)
                continue;
            strbuf_clear(&path);
            strbuf_addf(&path, "%s%.*s", dir, (int)len, file);
            rc = path.failed ? err_memory(err, "a path") : fs_mkdir(path.data, 0777, err);
        }
        before = file;
    }
    strbuf_release(&path);
    return rc;
}

int staging_check_names(const struct run *run, struct err *err)
{
    struct strbuf path = { 0 };
    struct fs_info info = { .kind = FS_MISSING };
    size_t one, other;
    int rc = -1;

    if (!plan_twins(&run->plan, &one, &other))
        return 0;
    strbuf_addf(&path, "%s/SPARE", run->staging.path);
    if (path.failed)
        err_memory(err, "a path");
    else if (fs_look(path.data, &info, err) == 0 && info.kind == FS_MISSING)
        rc = 0;
    else if (info.kind != FS_MISSING)
        err_set(
            err, ERR_DEST,
            "'%s' and '%s' would be the same file: the file system of '%s' ignores case",
            plan_path(&run->plan, one), plan_path(&run->plan, other), run->opt.dest);
    strbuf_release(&path);
    return rc;
}

int staging_place_large(const char *path, uint64_t size, struct err *err)
{
    int fd = fs_open_write(path, err);
    int rc = fd < 0 ? -1 : fs_set_size(fd, path, size, err);

    if (fd >= 0 && fs_close(fd, path, err) < 0)
        rc = -1;
    return rc;
}
