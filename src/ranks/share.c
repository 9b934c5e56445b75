#include "ranks/share.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ranks/nodes.h"

/* Counts of MPI are ints, and the head of a message needs some. */
enum { SHARE_MOST = INT_MAX - 4096 };

/* Fixed part of the bytes, as it lies in memory: all ranks run the same build on machines
 * of one kind. */
struct head {
    uint64_t segment_size, segment_least;
    int64_t mtime;
    uint32_t segment_together;
    uint32_t cache, mode, layout;
    uint32_t len[7]; /* of the texts, without NUL; UINT32_MAX: NULL */
};

enum { STAGING, HASHED, DEST, ENDPOINT, BEARER, HEADERS, PUBLISHED, TEXTS };

static void texts_of(struct run *run, char **text[TEXTS])
{
    text[STAGING] = &run->staging.path;
    text[HASHED] = &run->staging.hashed;
    text[DEST] = &run->dest;
    text[ENDPOINT] = &run->access.endpoint;
    text[BEARER] = &run->access.bearer;
    text[HEADERS] = &run->access.headers;
    text[PUBLISHED] = &run->published;
}

/* A source is not contacted if files are only hashed. */
static bool is_secret(int text)
{
    return text == BEARER || text == HEADERS;
}

/* Joined by line ends, which no header contains. */
static int join_headers(struct run *run, struct err *err)
{
    struct strbuf lines = { 0 };

    for (const char *const *header = run->opt.headers; header && *header; header++)
        strbuf_addf(&lines, "%s\n", *header);
    run->access.headers = strbuf_steal(&lines);
    return run->access.headers ? 0 : err_memory(err, "the plan");
}

static int split_headers(struct run *run, struct err *err)
{
    size_t count = 0;
    char *rest;

    for (const char *p = run->access.headers; *p; p++)
        count += *p == '\n';
    free(run->access.header_list);
    run->access.header_list = calloc(count + 1, sizeof(*run->access.header_list));
    if (!run->access.header_list)
        return err_memory(err, "the plan");
    count = 0;
    for (char *line = strtok_r(run->access.headers, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
        run->access.header_list[count++] = line;
    run->opt.headers = run->access.header_list;
    return 0;
}

static int pack(struct run *run, struct strbuf *bytes, struct err *err)
{
    struct head head = { .segment_size = run->segments.size,
                         .segment_least = run->segments.least,
                         .segment_together = run->segments.together,
                         .mtime = run->mtime,
                         .cache = run->opt.cache,
                         .mode = run->mode,
                         .layout = run->layout };
    char **text[TEXTS];

    /* Of a node's own each keeper has resolved the path. */
    free(run->dest);
    run->dest = nodes_spread(run) ? NULL : strdup(run->opt.dest);
    if (!run->dest && !nodes_spread(run))
        return err_memory(err, "the plan");
    if (run->mode != RUN_REHASH && join_headers(run, err) < 0)
        return -1;
    texts_of(run, text);
    for (int i = 0; i < TEXTS; i++)
        head.len[i] = *text[i] && !(run->mode == RUN_REHASH && is_secret(i))
                          ? (uint32_t)strlen(*text[i])
                          : UINT32_MAX;
    strbuf_add(bytes, &head, sizeof(head));
    for (int i = 0; i < TEXTS; i++)
        if (head.len[i] != UINT32_MAX)
            strbuf_add(bytes, *text[i], head.len[i]);
    if (plan_encode(&run->plan, bytes, err) < 0)
        return -1;
    if (bytes->len > SHARE_MOST)
        return err_set(err, ERR_SOURCE,
                       "a plan of %zu files and %zu bytes does not fit into one message: "
                       "fetch it in parts, with --include",
                       run->plan.nfiles, bytes->len);
    return 0;
}

static int unpack(struct run *run, const struct strbuf *bytes, struct err *err)
{
    const char *at = bytes->data, *end = at + bytes->len;
    char **text[TEXTS];
    struct head head;

    if (bytes->len < sizeof(head))
        return err_set(err, ERR_DEFECT, "the plan from rank 0 is truncated");
    memcpy(&head, at, sizeof(head));
    at += sizeof(head);
    texts_of(run, text);
    for (int i = 0; i < TEXTS; i++) {
        free(*text[i]);
        *text[i] = NULL;
        if (head.len[i] == UINT32_MAX)
            continue;
        if (head.len[i] > (size_t)(end - at))
            return err_set(err, ERR_DEFECT, "the plan from rank 0 is truncated");
        *text[i] = strndup(at, head.len[i]);
        if (!*text[i])
            return err_memory(err, "the plan");
        at += head.len[i];
    }
    if (!nodes_spread(run))
        run->opt.dest = run->dest;
    if (run->access.headers && split_headers(run, err) < 0)
        return -1;
    run->mtime = head.mtime;
    run->opt.cache = head.cache;
    run->mode = head.mode;
    run->layout = head.layout;
    segments_release(&run->segments);
    plan_release(&run->plan);
    if (plan_decode(&run->plan, at, (size_t)(end - at), err) < 0)
        return -1;
    if (head.segment_size == 0)
        return 0;
    return segments_cut_finely(&run->segments, &run->plan, head.segment_size,
                               head.segment_least, head.segment_together, err);
}

int share_run(struct run *run, struct err *err)
{
    struct strbuf bytes = { 0 };
    int rc = run->ranks.rank == 0 ? pack(run, &bytes, err) : 0;

    rc = agree_step(&run->ranks, rc, err);
    if (rc == 0)
        rc = agree_share(&run->ranks, &bytes, err);
    if (rc == 0 && run->ranks.rank != 0)
        rc = unpack(run, &bytes, err);
    /* It contains the token. */
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.cap);
    strbuf_release(&bytes);
    return agree_step(&run->ranks, rc, err);
}

int share_staging(struct run *run, struct err *err)
{
    struct strbuf bytes = { 0 };
    int rc;

    if (run->keeper && run->staging.path && !run->nodes.out)
        strbuf_adds(&bytes, run->staging.path);
    rc = nodes_share(&run->ranks, &bytes, err);
    if (rc == 0 && !run->keeper && bytes.len > 0) {
        free(run->staging.path);
        run->staging.path = strbuf_steal(&bytes);
        rc = run->staging.path ? 0 : err_memory(err, "a path");
    }
    strbuf_release(&bytes);
    return agree_step(&run->ranks, rc, err);
}
