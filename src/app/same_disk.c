#include "app/same_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "io/fs/fs_make.h"
#include "ranks/background.h"
#include "ranks/nodes.h"
#include "staging/staging.h"

enum { MARK = 300, NAMED = 8 /* hosts */ };

struct same_disk {
    struct session *s;
    struct strbuf mark;  /* of this keeper; a name beside DEST */
    char (*marks)[MARK]; /* of each node; "": none */
    int32_t *with;       /* of each node the first that has the same disk */
    int32_t first;       /* of those that this keeper sees */
};

/* Like a staging that has just begun, so that a later run removes what a kill has left. */
static int make_mark(void *arg, struct err *err)
{
    struct same_disk *same = arg;
    struct run *run = &same->s->run;
    char prefix[FS_NAME];
    struct strbuf parent = { 0 };
    struct err why = { 0 };

    layout_parent(run->opt.dest, &parent);
    if (parent.failed)
        return err_memory(err, "a path");
    fs_format(prefix, ".%s.mpifetch-", layout_name(run->opt.dest));
    if (staging_open_parent(run, parent.data, &why) < 0 ||
        fs_private_dir(&run->staging.parent, ".", prefix, &same->mark, &why) < 0)
        strbuf_clear(&same->mark);
    strbuf_release(&parent);
    return 0;
}

static int take_mark(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct same_disk *same = arg;

    (void)err;
    if (len > 0 && len < MARK)
        memcpy(same->marks[nodes_of(&same->s->run.ranks, rank)], bytes, len);
    return 0;
}

/* The first node whose mark is beside this one's DEST. */
static int look_for_marks(void *arg, struct err *err)
{
    struct same_disk *same = arg;
    struct run *run = &same->s->run;
    int mine = nodes_of(&run->ranks, run->ranks.rank);

    if (same->mark.len == 0) /* there may be no place to look in */
        return 0;
    for (int node = 0; node < mine; node++) {
        if (!*same->marks[node])
            continue;
        fs_refresh(&run->staging.parent, same->marks[node]);
        if (fs_is_there(&run->staging.parent, same->marks[node])) {
            same->first = node;
            return 0;
        }
        if (background_poll(&run->ranks, err) < 0)
            return -1;
    }
    return 0;
}

static int take_first(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct same_disk *same = arg;
    int node = nodes_of(&same->s->run.ranks, rank);
    int32_t first = node;

    (void)err;
    if (len == sizeof(first))
        memcpy(&first, bytes, sizeof(first));
    same->with[node] = first;
    return 0;
}

/* From rank 0 to all. */
static int share_list(struct ranks *ranks, void *list, size_t size, struct err *err)
{
    struct strbuf bytes = { 0 };
    int rc;

    if (ranks->rank == 0)
        strbuf_add(&bytes, list, size);
    rc = agree_share(ranks, &bytes, err);
    if (rc == 0 && bytes.len != size)
        rc = err_set(err, ERR_DEFECT, "the list of nodes from rank 0 is truncated");
    if (rc == 0)
        memcpy(list, bytes.data, size);
    strbuf_release(&bytes);
    return agree_step(ranks, rc, err);
}

static void say_joined(const struct same_disk *same, int nodes)
{
    const struct run *run = &same->s->run;
    struct strbuf hosts = { 0 };
    int others = 0;

    for (int node = 0; node < nodes; node++)
        if (same->with[node] < node && ++others <= NAMED)
            strbuf_addf(&hosts, "%s%s", others > 1 ? ", " : "",
                        comm_host(run->ranks.comm, nodes_keeper(&run->ranks, node)));
    if (others > 0)
        log_line(&run->ranks.log, LOG_WARN,
                 "'%s' on %s%s is that of another node: one copy is published there for "
                 "all of them",
                 run->opt.dest, hosts.data ? hosts.data : "",
                 others > NAMED ? " and more" : "");
    strbuf_release(&hosts);
}

static int join(struct same_disk *same, int nodes, struct err *err)
{
    struct run *run = &same->s->run;
    bool any = false;

    for (int node = 0; node < nodes; node++)
        any |= same->with[node] < node;
    if (!any)
        return 0;
    if (run->ranks.rank == 0)
        say_joined(same, nodes);
    if (nodes_join(&run->ranks, same->with, err) < 0)
        return -1;
    run->keeper = nodes_keeper(&run->ranks, nodes_of(&run->ranks, run->ranks.rank)) ==
                  run->ranks.rank;
    return 0;
}

static int remove_mark(void *arg, struct err *err)
{
    struct same_disk *same = arg;
    struct run *run = &same->s->run;

    (void)err;
    if (same->mark.len > 0)
        fs_remove_empty(&run->staging.parent, same->mark.data, NULL);
    staging_close(run);
    return 0;
}

static int find(struct same_disk *same, int nodes, struct err *err)
{
    struct run *run = &same->s->run;
    struct ranks *ranks = &run->ranks;
    bool keeper = run->keeper;
    int rc = keeper ? background_run(ranks, make_mark, same, err) : 0;

    if (agree_gather(ranks, MSG_SEEN, same->mark.data, same->mark.len, take_mark, same,
                     err) < 0)
        rc = -1;
    if (agree_step(ranks, rc, err) == 0 &&
        share_list(ranks, same->marks, (size_t)nodes * MARK, err) == 0) {
        same->first = nodes_of(ranks, ranks->rank);
        rc = keeper ? background_run(ranks, look_for_marks, same, err) : 0;
        if (agree_gather(ranks, MSG_SEEN, &same->first, keeper ? sizeof(same->first) : 0,
                         take_first, same, err) < 0)
            rc = -1;
        rc = agree_step(ranks, rc, err);
        if (rc == 0)
            rc = share_list(ranks, same->with, (size_t)nodes * sizeof(*same->with), err);
    } else
        rc = -1;
    if (keeper)
        background_run(ranks, remove_mark, same, NULL);
    return rc;
}

int same_disk_find(struct session *s, struct err *err)
{
    struct run *run = &s->run;
    struct same_disk same = { .s = s };
    int nodes = nodes_count(&run->ranks);
    int rc = 0;

    same.marks = calloc((size_t)nodes, sizeof(*same.marks));
    same.with = calloc((size_t)nodes, sizeof(*same.with));
    if (!same.marks || !same.with)
        rc = err_memory(err, "the list of nodes");
    rc = agree_step(&run->ranks, rc, err);
    if (rc == 0)
        rc = find(&same, nodes, err);
    if (rc == 0)
        rc = agree_step(&run->ranks, join(&same, nodes, err), err);
    strbuf_release(&same.mark);
    free(same.marks);
    free(same.with);
    return rc;
}
