#include "fetch/scratch.h"

#include <stdlib.h>

#include "base/text.h"
#include "io/fs/fs.h"
#include "io/process.h"

enum { SCRATCH_INODES = 16 }; /* beside the segments: directories */

/* What so many transfers bring at most, and as much on its way into staging. */
static uint64_t room_of(const struct run *run, unsigned slots)
{
    return 2 * (uint64_t)slots * run->segments.size * run->segments.together;
}

/* What a rank needs at the least. */
static uint64_t least_room(const struct run *run)
{
    return room_of(run, run->slots);
}

static bool none(const char *scratch)
{
    return text_starts(scratch, "none") && scratch[4] == '\0';
}

/* The first directory of the usual ones that exists, or NULL. Not one in memory, which
 * programs of the node need themselves. */
static const char *default_scratch(void)
{
    const char *const candidates[] = { getenv("SLURM_TMPDIR"), getenv("TMPDIR"), "/tmp" };
    struct fs_info info;

    for (size_t i = 0; i < countof(candidates); i++)
        if (candidates[i] && *candidates[i] &&
            fs_look(NULL, candidates[i], &info, NULL) == 0 && info.kind == FS_DIRECTORY &&
            !fs_is_memory(NULL, candidates[i]))
            return candidates[i];
    return NULL;
}

static bool same_file_system(const char *a, const char *b)
{
    struct fs_info left, right;

    return fs_look(NULL, a, &left, NULL) == 0 && fs_look(NULL, b, &right, NULL) == 0 &&
           left.device == right.device;
}

/* The room that this rank may count on: scratch is shared with the others of its node. */
static int measure(struct scratch *scratch, struct run *run, const char *dir,
                   struct err *err)
{
    int node = comm_node(run->ranks.comm, run->ranks.rank);
    unsigned local = (unsigned)comm_node_size(run->ranks.comm, node);
    char need[32], have[32];
    struct fs_space space;

    if (fs_space(NULL, dir, &space, err) < 0)
        return -1;
    if (space.bytes / local < least_room(run))
        return err_set_why(
            err, ERR_DEST, REASON_DISK_FULL,
            "not enough space in scratch '%s': %s free, %u ranks of this node "
            "need %s; free some space, or use --scratch none",
            dir, text_bytes(have, sizeof(have), space.bytes), local,
            text_bytes(need, sizeof(need), local * least_room(run)));
    if (space.inodes / local < 4 * (uint64_t)run->slots + SCRATCH_INODES)
        return err_set_why(err, ERR_DEST, REASON_DISK_FULL,
                           "not enough inodes in scratch '%s': %llu free, too few for %u "
                           "ranks of this node; free some, or use --scratch none",
                           dir, (unsigned long long)space.inodes, local);
    while (run->slots_most > run->slots &&
           space.bytes / local / 2 < room_of(run, run->slots_most))
        run->slots_most--;
    /* Scratch may be memory, and only what waits for its turn to be hashed need stay. */
    scratch->budget = 2 * least_room(run);
    if (scratch->budget > (space.bytes / local - least_room(run)) / 2)
        scratch->budget = (space.bytes / local - least_room(run)) / 2;
    return 0;
}

static int make(struct scratch *scratch, struct run *run, const char *dir,
                struct err *err)
{
    struct strbuf path = { 0 };
    int rc = measure(scratch, run, dir, err);

    if (rc == 0)
        rc = fs_private_dir(NULL, dir, "mpifetch-", &path, err);
    if (rc == 0) {
        rc = process_sign(NULL, path.data, false, err);
        if (rc == 0)
            rc = fs_dir_open(&scratch->dir, NULL, path.data, err);
        if (rc < 0)
            fs_remove_tree(NULL, path.data, NULL);
    }
    strbuf_release(&path);
    return rc;
}

int scratch_open(struct scratch *scratch, struct run *run, struct err *err)
{
    const char *asked = run->opt.scratch;
    /* A disk of this node needs none in front of it. */
    const char *dir = asked || run->opt.per_node ? asked : default_scratch();

    if (run->slots == 0 || !dir || none(dir))
        return 0;
    if (asked)
        return make(scratch, run, dir, err);
    if (!same_file_system(dir, run->staging.path) && make(scratch, run, dir, NULL) < 0)
        log_line(&run->ranks.log, LOG_INFO,
                 "cannot use scratch '%s': writing directly to staging", dir);
    return 0;
}

void scratch_close(struct scratch *scratch)
{
    if (scratch->dir.path)
        fs_remove_tree(NULL, scratch->dir.path, NULL);
    fs_dir_close(&scratch->dir);
    *scratch = (struct scratch){ 0 };
}
