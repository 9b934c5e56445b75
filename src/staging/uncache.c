#include "staging/uncache.h"

#include "io/fs/fs.h"
#include "ranks/wants.h"
#include "staging/staging.h"

void uncache_tree(const struct run *run, const struct existing_file *existing)
{
    if (!run->opt.per_node || run->opt.per_node_cached)
        return;
    for (uint32_t file = 0; file < run->plan.nfiles; file++)
        if (wants_file(run, file) && (run->opt.no_links || !existing[file].there))
            fs_direct_drop(&run->staging.tree, staging_name(run, file));
}
