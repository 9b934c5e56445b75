#include "app/sharing.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/plan/layout.h"
#include "io/fs/fs.h"
#include "ranks/background.h"
#include "staging/staging.h"

enum sight { SEEN = '+', UNSEEN = '-', ELSEWHERE = '?' };

enum { HOSTS_MOST = 8 }; /* that are named */

struct sharing {
    struct session *s;
    enum sight sight; /* of this rank */
    struct strbuf unseen, elsewhere;
    unsigned unseens, elsewheres;
};

/* What is staged by the path that the user named, as this rank resolves it. */
static bool leads_there(const struct session *s)
{
    const struct run *run = &s->run;
    size_t cut = run->opt.cache ? strlen(run->opt.dest)
                                : (size_t)(layout_name(run->opt.dest) - run->opt.dest);
    size_t mine =
        run->opt.cache ? strlen(s->dest) : (size_t)(layout_name(s->dest) - s->dest);
    const char *given = s->options->into ? s->options->into : s->options->dest;
    char path[FS_NAME];

    /* A relative one is that of rank 0: others may have been started elsewhere. */
    if (!given || *given != '/' || strcmp(s->dest, run->opt.dest) == 0)
        return true;
    fs_format(path, "%.*s%s", (int)mine, s->dest, run->staging.path + cut);
    return fs_is_there(NULL, path);
}

static int look(void *arg, struct err *err)
{
    struct sharing *sharing = arg;
    struct session *s = sharing->s;

    if (staging_open(&s->run, err) < 0) {
        /* Somebody else's is not a matter of nodes. */
        if (s->run.staging.parent.path && fs_is_there(&s->run.staging.parent, ".") &&
            fs_is_there(NULL, s->run.staging.path))
            return -1;
        err_clear(err);
        sharing->sight = UNSEEN;
        return 0;
    }
    sharing->sight = leads_there(s) ? SEEN : ELSEWHERE;
    return 0;
}

static void add_host(const struct sharing *sharing, int rank, struct strbuf *hosts,
                     unsigned *count)
{
    struct comm *comm = sharing->s->run.ranks.comm;

    if (++*count <= HOSTS_MOST)
        strbuf_addf(hosts, "%s%s", *count > 1 ? ", " : "", comm_host(comm, rank));
}

static int take(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct sharing *sharing = arg;
    char sight = len == 1 ? *(const char *)bytes : SEEN;

    (void)err;
    if (sight == UNSEEN)
        add_host(sharing, rank, &sharing->unseen, &sharing->unseens);
    if (sight == ELSEWHERE)
        add_host(sharing, rank, &sharing->elsewhere, &sharing->elsewheres);
    return 0;
}

static int judge(const struct sharing *sharing, struct err *err)
{
    const struct session *s = sharing->s;
    const char *first = comm_host(s->run.ranks.comm, 0);
    char more[40] = "";

    if (sharing->unseens > HOSTS_MOST)
        snprintf(more, sizeof(more), " and %u more", sharing->unseens - HOSTS_MOST);
    if (sharing->unseens > 0)
        return err_set(
            err, ERR_DEST,
            "'%s' on %s is not seen by %s%s: choose a DEST in a directory that "
            "all nodes share",
            s->run.opt.dest, first, sharing->unseen.data, more);
    if (sharing->elsewheres > HOSTS_MOST)
        snprintf(more, sizeof(more), " and %u more", sharing->elsewheres - HOSTS_MOST);
    if (sharing->elsewheres > 0)
        return err_set(
            err, ERR_DEST,
            "'%s' is '%s' on %s, but leads elsewhere on %s%s: name a path that "
            "is the same on all nodes",
            s->named, s->run.opt.dest, first, sharing->elsewhere.data, more);
    return 0;
}

int sharing_check(struct session *s, struct err *err)
{
    struct ranks *ranks = &s->run.ranks;
    struct sharing sharing = { .s = s, .sight = SEEN };
    bool asks = ranks->rank != 0 && comm_node_first(ranks->comm);
    int rc = asks ? background_run(ranks, look, &sharing, err) : 0;
    char sight = (char)sharing.sight;

    if (agree_gather(ranks, MSG_SEEN, &sight, asks ? 1 : 0, take, &sharing, err) < 0)
        rc = -1;
    if (rc == 0 && ranks->rank == 0)
        rc = judge(&sharing, err);
    strbuf_release(&sharing.unseen);
    strbuf_release(&sharing.elsewhere);
    return agree_step(ranks, rc, err);
}
