#include "ranks/wants.h"

static bool has_file(const struct node_wants *of, int node, size_t file)
{
    return !of->bits || node_wants_file(of, (uint32_t)node, file);
}

static struct node_part part(const struct run *run, const struct node_wants *of, int node)
{
    return of->bits ? node_wants_part(of, (uint32_t)node)
                    : (struct node_part){ run->plan.nfiles, run->plan.nbytes };
}

bool wants_file(const struct run *run, size_t file)
{
    return has_file(&run->nodes.mine, 0, file);
}

struct node_part wants_part(const struct run *run)
{
    return part(run, &run->nodes.mine, 0);
}

bool wants_nothing(const struct run *run)
{
    return run->nodes.mine.bits && wants_part(run).files == 0;
}

bool wants_of(const struct run *run, int node, size_t file)
{
    return has_file(&run->nodes.all, node, file);
}

struct node_part wants_part_of(const struct run *run, int node)
{
    return part(run, &run->nodes.all, node);
}
