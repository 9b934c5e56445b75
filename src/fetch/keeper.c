#include "fetch/keeper.h"

#include "ranks/nodes.h"

static int hear_got(void *arg, uint32_t first, uint32_t count, struct err *err)
{
    struct keeper *keeper = arg;

    return proof_got(&keeper->proof, first, count, err);
}

static int hear_forgot(void *arg, uint32_t segment, struct err *err)
{
    struct keeper *keeper = arg;

    return proof_forgot(&keeper->proof, segment, err);
}

/* What former runs left was verified, but only segment by segment. */
static int prove_holdings(struct keeper *keeper, struct err *err)
{
    const struct run *run = keeper->run;
    uint32_t mine = (uint32_t)nodes_of(&run->ranks, run->ranks.rank);

    for (size_t i = 0; i < run->nodes.holdings; i++) {
        const struct run_holding *holding = &run->nodes.holding[i];

        if (holding->node == mine &&
            proof_got(&keeper->proof, holding->first, holding->count, err) < 0)
            return -1;
    }
    return 0;
}

int keeper_open(struct keeper *keeper, const struct stow *stow, struct pool *pool,
                struct existing_file *existing, struct err *err)
{
    struct run *run = stow->run;

    *keeper = (struct keeper){ .run = run };
    if (!run->keeper || run->nodes.out || run->mode != RUN_FETCH || !nodes_spread(run))
        return 0;
    keeper->open = true;
    if (proof_open(&keeper->proof, run, stow->store, pool, existing, err) < 0 ||
        spreader_open(&keeper->spreader, stow, pool,
                      &(struct carrier_told){ hear_got, hear_forgot, keeper }, err) < 0)
        return -1;
    return prove_holdings(keeper, err);
}

void keeper_close(struct keeper *keeper)
{
    if (!keeper->open)
        return;
    spreader_close(&keeper->spreader);
    proof_release(&keeper->proof);
    *keeper = (struct keeper){ 0 };
}

/* Of the ranks of its node; on rank 0 of others as well. */
static int hear_landed(struct keeper *keeper, int from, const struct msg *msg,
                       struct err *err)
{
    const struct ranks *ranks = &keeper->run->ranks;

    if (nodes_of(ranks, from) == nodes_of(ranks, ranks->rank) &&
        proof_landed(&keeper->proof, msg, err) < 0)
        return -1;
    return ranks->rank != 0;
}

/* By whoever has asked. */
static int hear_hashed(struct keeper *keeper, int from, const struct msg *msg,
                       struct err *err)
{
    const struct segments *segments = &keeper->run->segments;

    if (msg->segment >= segments->count ||
        !nodes_prove(keeper->run, segments->file[msg->segment]))
        return 0;
    return proof_hashed(&keeper->proof, from, msg, err) < 0 ? -1 : 1;
}

int keeper_hear(struct keeper *keeper, int from, const struct msg *msg, struct err *err)
{
    if (!keeper->open)
        return 0;
    switch (msg->kind) {
    case MSG_LANDED:
        return hear_landed(keeper, from, msg, err);
    case MSG_HASHED:
        return hear_hashed(keeper, from, msg, err);
    case MSG_LACK:
        return proof_lack(&keeper->proof, msg, err) < 0 ? -1 : 1;
    case MSG_TICKET:
    case MSG_OFFER:
    case MSG_TAKE:
    case MSG_FENCE:
        return spreader_hear(&keeper->spreader, from, msg, err) < 0 ? -1 : 1;
    default:
        return 0;
    }
}

int keeper_step(struct keeper *keeper, bool *moved, struct err *err)
{
    if (!keeper->open)
        return 0;
    if (spreader_step(&keeper->spreader, moved, err) < 0)
        return -1;
    return keeper->failed ? 0 : proof_step(&keeper->proof, err);
}

bool keeper_is_busy(const struct keeper *keeper)
{
    return keeper->open && spreader_is_busy(&keeper->spreader);
}

void keeper_fail(struct keeper *keeper)
{
    keeper->failed = true;
    if (keeper->open)
        spreader_fail(&keeper->spreader);
}

struct traffic keeper_traffic(struct keeper *keeper)
{
    return keeper->open ? passages_traffic(&keeper->spreader.carrier.passages)
                        : (struct traffic){ 0 };
}
