/* app/node_listing.c -- per_node_show: a plan for several nodes with a DEST each, as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/per_node.h"
#include "app/printout.h"
#include "base/text.h"
#include "ranks/nodes.h"
#include "ranks/wants.h"

enum { PART_BYTES = 64 << 10 }; /* of the text: that of a million files is never whole */

struct lack {
    uint64_t files, bytes;
    bool looked;
};

struct node_listing {
    struct session *s;
    /* A bit for each file: there on some node, on all that want it; may be. */
    uint8_t *some, *all, *unsure;
    struct lack *lack;           /* of each node */
    struct lack fetch;           /* what no node has, and no DEST beside them */
    const struct existing *dest; /* rank 0: or NULL */
    const struct err *failed;    /* why that cannot be had; NULL: there is none */
    size_t file;                 /* the next one */
    int node;                    /* the same */
};

static bool has_bit(const uint8_t *bits, size_t i)
{
    return (bits[i / 8] >> (i % 8)) & 1;
}

static size_t bits_of(const struct node_listing *listing)
{
    return (listing->s->run.plan.nfiles + 7) / 8;
}

static void count(struct lack *lack, const struct plan *plan, size_t file)
{
    lack->files++;
    lack->bytes += plan->files[file].size;
}

/* Two sets of bits: there, and unsure. */
static int take_node(void *arg, int rank, const void *bytes, size_t len, struct err *err)
{
    struct node_listing *listing = arg;
    const struct run *run = &listing->s->run;
    size_t size = bits_of(listing);
    const uint8_t *there = bytes;
    int node = nodes_of(&run->ranks, rank);
    struct lack *lack = &listing->lack[node];

    if (len != 2 * size)
        return len == 0 ? 0
                        : err_set(err, ERR_DEFECT,
                                  "rank %d runs a different build of mpifetch", rank);
    lack->looked = true;
    for (size_t i = 0; i < size; i++) {
        listing->some[i] |= there[i];
        listing->unsure[i] |= there[size + i];
    }
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        if (has_bit(there, i) || !wants_of(run, node, i))
            continue;
        listing->all[i / 8] &= (uint8_t) ~(1u << (i % 8));
        if (!has_bit(there + size, i))
            count(lack, &run->plan, i);
    }
    return 0;
}

static int gather(struct node_listing *listing, struct err *err)
{
    struct session *s = listing->s;
    size_t size = bits_of(listing);
    uint8_t *mine = calloc(2 * size + 1, 1);
    bool looked = s->run.keeper && !s->run.nodes.out;
    int rc = mine ? 0 : err_memory(err, "the list of files");

    for (size_t i = 0; mine && looked && i < s->run.plan.nfiles; i++) {
        const struct existing_file *known = &s->target.existing->file[i];

        mine[i / 8] |= (uint8_t)((unsigned)known->there << (i % 8));
        mine[size + i / 8] |= (uint8_t)((unsigned)known->unsure << (i % 8));
    }
    if (agree_gather(&s->run.ranks, MSG_SEEN, mine, mine && looked ? 2 * size : 0,
                     take_node, listing, err) < 0)
        rc = -1;
    free(mine);
    return rc;
}

/* Rank 0, once all nodes have said what they have. */
static void take_dest(struct node_listing *listing)
{
    const struct run *run = &listing->s->run;

    if (run->ranks.rank != 0 || !listing->dest || !listing->dest->file)
        return;
    for (size_t i = 0; i < run->plan.nfiles; i++) {
        const struct existing_file *known = &listing->dest->file[i];
        unsigned bit = 1u << (i % 8);

        if (known->there)
            listing->some[i / 8] |= (uint8_t)bit;
        else
            listing->all[i / 8] &= (uint8_t)~bit;
        if (known->unsure)
            listing->unsure[i / 8] |= (uint8_t)bit;
    }
}

static const char *fate_of(const struct node_listing *listing, size_t file)
{
    return has_bit(listing->all, file)      ? "there"
           : has_bit(listing->some, file)   ? "share"
           : has_bit(listing->unsure, file) ? "check"
                                            : "fetch";
}

static void add_file(struct node_listing *listing, size_t file, struct strbuf *text)
{
    const struct plan *plan = &listing->s->run.plan;
    const char *fate = fate_of(listing, file);

    strbuf_addf(text, "%s %12llu %s\n", fate, (unsigned long long)plan->files[file].size,
                plan_path(plan, file));
    if (*fate == 'f')
        count(&listing->fetch, plan, file);
}

static void add_node(struct node_listing *listing, int node, struct strbuf *text)
{
    const struct ranks *ranks = &listing->s->run.ranks;
    const struct lack *lack = &listing->lack[node];
    const char *host = comm_host(ranks->comm, nodes_keeper(ranks, node));
    const struct node_part part = wants_part_of(&listing->s->run, node);
    char bytes[32], of[40] = "";

    if (listing->s->run.opt.per_node_parts)
        snprintf(of, sizeof(of), " of its %llu", (unsigned long long)part.files);
    if (!lack->looked)
        strbuf_addf(text, "%s cannot have it: %s\n", host,
                    listing->s->run.nodes.err[node].text);
    else
        strbuf_addf(text, "%s lacks %llu%s files, %s\n", host,
                    (unsigned long long)lack->files, of,
                    text_bytes(bytes, sizeof(bytes), lack->bytes));
}

static void add_dest(const struct node_listing *listing, struct strbuf *text)
{
    const struct run *run = &listing->s->run;
    struct lack lack = { 0 };
    char bytes[32];

    if (!listing->failed)
        return;
    for (size_t i = 0; listing->dest && listing->dest->file && i < run->plan.nfiles; i++)
        if (!listing->dest->file[i].there && !listing->dest->file[i].unsure)
            count(&lack, &run->plan, i);
    if (listing->failed->code != ERR_NONE)
        strbuf_addf(text, "DEST cannot have it: %s\n", listing->failed->text);
    else
        strbuf_addf(text, "DEST lacks %llu files, %s\n", (unsigned long long)lack.files,
                    text_bytes(bytes, sizeof(bytes), lack.bytes));
}

static bool add_part(void *arg, struct strbuf *text)
{
    struct node_listing *listing = arg;
    const struct run *run = &listing->s->run;
    char all[32], fetch[32];

    while (listing->file < run->plan.nfiles && text->len < PART_BYTES && !text->failed)
        add_file(listing, listing->file++, text);
    if (listing->file < run->plan.nfiles)
        return true;
    while (listing->node < nodes_count(&run->ranks) && text->len < PART_BYTES &&
           !text->failed)
        add_node(listing, listing->node++, text);
    if (listing->node < nodes_count(&run->ranks))
        return true;
    add_dest(listing, text);
    strbuf_addf(text, "%zu files, %s; to fetch: %llu files, %s\n", run->plan.nfiles,
                text_bytes(all, sizeof(all), run->plan.nbytes),
                (unsigned long long)listing->fetch.files,
                text_bytes(fetch, sizeof(fetch), listing->fetch.bytes));
    return false;
}

int per_node_show(struct session *s, const struct existing *dest,
                  const struct err *failed, struct err *err)
{
    struct run *run = &s->run;
    struct node_listing listing = { .s = s, .dest = dest, .failed = failed };
    size_t size = bits_of(&listing) + 1;
    int rc = 0;

    listing.some = calloc(size, 1);
    listing.all = malloc(size);
    listing.unsure = calloc(size, 1);
    listing.lack = calloc((size_t)nodes_count(&run->ranks), sizeof(*listing.lack));
    if (!listing.some || !listing.all || !listing.unsure || !listing.lack)
        rc = err_memory(err, "the list of files");
    else
        memset(listing.all, 0xff, size);
    rc = agree_step(&run->ranks, rc, err);
    if (rc == 0)
        rc = agree_step(&run->ranks, gather(&listing, err), err);
    if (rc == 0) {
        take_dest(&listing);
        rc = agree_step(
            &run->ranks,
            run->ranks.rank == 0 ? printout(&run->ranks, add_part, &listing, err) : 0,
            err);
    }
    free(listing.some);
    free(listing.all);
    free(listing.unsure);
    free(listing.lack);
    return rc;
}
