#include "core/sched/proofs.h"

#include <stdlib.h>
#include <string.h>

/* Of a node with a file that was wrong there. */
enum trouble_state {
    TROUBLE_NONE,     /* it is, or will be, as good as any */
    TROUBLE_ASKED,    /* to forget what is wrong */
    TROUBLE_SOUND,    /* nothing was; its digest is to come once more */
    TROUBLE_STEADY,   /* and was as wrong as before */
    TROUBLE_RECALLED, /* to forget all, as all nodes are */
};

struct trouble {
    struct trouble *next; /* of the same file */
    int node;
    unsigned mends;
    enum trouble_state state;
    uint8_t sha256[32]; /* as it was reported last */
};

struct proof {
    uint32_t wanted, good; /* nodes */
    bool known, sure;      /* the digest; by segments that were compared */
    bool told, refused;    /* known once; the source was wrong once */
    bool trusted;          /* nobody reports it */
    uint8_t sha256[32];
    struct trouble *trouble;
};

struct proofs {
    const struct segments *segments; /* borrowed */
    int nodes;
    struct proof *file;
    uint8_t *good, *wanted; /* bits, node by node */
    uint8_t *dropped;       /* of each node */
    uint64_t missing;       /* reports */
    struct proofs_action *queue;
    size_t begin, end, room;
};

static size_t place(const struct proofs *p, int node, uint32_t file)
{
    return (size_t)node * p->segments->plan->nfiles + file;
}

static bool bit(const uint8_t *bits, size_t at)
{
    return bits[at / 8] >> at % 8 & 1;
}

static void set_bit(uint8_t *bits, size_t at, bool value)
{
    uint8_t mask = (uint8_t)(1u << at % 8);

    bits[at / 8] = (uint8_t)(value ? bits[at / 8] | mask : bits[at / 8] & ~mask);
}

static bool wants(const struct proofs *p, int node, uint32_t file)
{
    return !p->dropped[node] && bit(p->wanted, place(p, node, file));
}

static const struct digest *announced(const struct proofs *p, uint32_t file)
{
    return &p->segments->plan->files[file].want;
}

int proofs_create(struct proofs **out, const struct segments *segments, int nodes,
                  struct err *err)
{
    size_t files = segments->plan->nfiles;
    size_t bytes = (size_t)nodes * files / 8 + 1;
    struct proofs *p = calloc(1, sizeof(*p));

    *out = p;
    if (!p)
        return err_memory(err, "the digests of all nodes");
    p->segments = segments;
    p->nodes = nodes;
    p->file = calloc(files + 1, sizeof(*p->file));
    p->good = calloc(bytes, 1);
    p->wanted = calloc(bytes, 1);
    p->dropped = calloc((size_t)nodes, 1);
    if (!p->file || !p->good || !p->wanted || !p->dropped) {
        proofs_destroy(p);
        *out = NULL;
        return err_memory(err, "the digests of all nodes");
    }
    for (uint32_t f = 0; f < segments->plan->nfiles; f++) {
        if (segments_of(segments, f) == 0)
            continue;
        p->file[f].wanted = (uint32_t)nodes;
        p->missing += (uint64_t)nodes;
        for (int node = 0; node < nodes; node++)
            set_bit(p->wanted, place(p, node, f), true);
    }
    return 0;
}

void proofs_destroy(struct proofs *p)
{
    if (!p)
        return;
    for (uint32_t f = 0; p->file && f < p->segments->plan->nfiles; f++)
        while (p->file[f].trouble) {
            struct trouble *trouble = p->file[f].trouble;

            p->file[f].trouble = trouble->next;
            free(trouble);
        }
    free(p->file);
    free(p->good);
    free(p->wanted);
    free(p->dropped);
    free(p->queue);
    free(p);
}

static int add_action(struct proofs *p, const struct proofs_action *action,
                      struct err *err)
{
    if (p->begin == p->end)
        p->begin = p->end = 0;
    if (p->end == p->room) {
        size_t room = p->room ? 2 * p->room : 64;
        struct proofs_action *queue = realloc(p->queue, room * sizeof(*queue));

        if (!queue)
            return err_memory(err, "what is to be done about digests");
        p->queue = queue;
        p->room = room;
    }
    p->queue[p->end++] = *action;
    return 0;
}

bool proofs_next(struct proofs *p, struct proofs_action *action)
{
    if (p->begin == p->end)
        return false;
    *action = p->queue[p->begin++];
    return true;
}

bool proofs_finished(const struct proofs *p)
{
    return p->missing == 0;
}

/* No more of it is wanted there. */
static void unwant(struct proofs *p, int node, uint32_t file)
{
    size_t at = place(p, node, file);

    if (!bit(p->wanted, at))
        return;
    p->file[file].wanted--;
    if (bit(p->good, at))
        p->file[file].good--;
    else
        p->missing--;
    set_bit(p->wanted, at, false);
    set_bit(p->good, at, false);
}

void proofs_skip(struct proofs *p, int node, uint32_t file)
{
    unwant(p, node, file);
}

static void set_good(struct proofs *p, int node, uint32_t file, bool good)
{
    size_t at = place(p, node, file);

    if (bit(p->good, at) == good)
        return;
    set_bit(p->good, at, good);
    p->file[file].good += good ? 1 : UINT32_MAX;
    p->missing += good ? UINT64_MAX : 1;
}

static void set_all_good(struct proofs *p, uint32_t file)
{
    for (int node = 0; node < p->nodes; node++)
        if (wants(p, node, file))
            set_good(p, node, file, true);
}

void proofs_trust(struct proofs *p, uint32_t file)
{
    p->file[file].trusted = true;
    set_all_good(p, file);
}

static struct trouble *find_trouble(const struct proofs *p, int node, uint32_t file)
{
    struct trouble *trouble = p->file[file].trouble;

    while (trouble && trouble->node != node)
        trouble = trouble->next;
    return trouble;
}

static struct trouble *get_trouble(struct proofs *p, int node, uint32_t file,
                                   struct err *err)
{
    struct trouble *trouble = find_trouble(p, node, file);

    if (trouble)
        return trouble;
    trouble = calloc(1, sizeof(*trouble));
    if (!trouble) {
        err_memory(err, "what is to be done about digests");
        return NULL;
    }
    trouble->node = node;
    trouble->next = p->file[file].trouble;
    p->file[file].trouble = trouble;
    return trouble;
}

static int ask(struct proofs *p, uint32_t file, struct trouble *trouble, bool all,
               struct err *err)
{
    struct proofs_action action = {
        .kind = PROOFS_LACK, .node = trouble->node, .file = file, .all = all
    };

    set_good(p, trouble->node, file, false);
    trouble->state = TROUBLE_ASKED;
    if (++trouble->mends > PROOFS_MENDS)
        action.kind = PROOFS_FAIL;
    return add_action(p, &action, err);
}

static int accept(struct proofs *p, uint32_t file, const uint8_t *sha256, struct err *err)
{
    struct proof *proof = &p->file[file];
    struct proofs_action action = { .kind = PROOFS_KNOWN,
                                    .file = file,
                                    .again = proof->told };

    memcpy(proof->sha256, sha256, sizeof(proof->sha256));
    memcpy(action.sha256, sha256, sizeof(action.sha256));
    proof->known = proof->told = true;
    return add_action(p, &action, err);
}

static uint32_t count_in(const struct proof *proof, enum trouble_state state)
{
    uint32_t n = 0;

    for (const struct trouble *t = proof->trouble; t; t = t->next)
        n += t->state == state;
    return n;
}

static bool is_right(const struct proof *proof, const struct trouble *trouble)
{
    return memcmp(proof->sha256, trouble->sha256, sizeof(proof->sha256)) == 0;
}

/* Nobody has announced the digest, and what one node reported first is not what this one
 * reports of segments that it has compared. All who agreed with the first compare theirs. */
static int turn_over(struct proofs *p, uint32_t file, struct trouble *steady,
                     struct err *err)
{
    struct proof *proof = &p->file[file];

    proof->sure = true;
    if (accept(p, file, steady->sha256, err) < 0)
        return -1;
    for (int node = 0; node < p->nodes; node++) {
        struct trouble *trouble;

        if (!wants(p, node, file) || !bit(p->good, place(p, node, file)))
            continue;
        trouble = get_trouble(p, node, file, err);
        if (!trouble || ask(p, file, trouble, false, err) < 0)
            return -1;
    }
    for (struct trouble *t = proof->trouble; t; t = t->next)
        if (t->state == TROUBLE_STEADY && is_right(proof, t)) {
            t->state = TROUBLE_NONE;
            set_good(p, t->node, file, true);
        }
    return 0;
}

/* What is to be done about nodes whose segments are as they came, and yet the digest is
 * wrong. */
static int judge(struct proofs *p, uint32_t file, struct err *err)
{
    struct proof *proof = &p->file[file];
    uint32_t steady = count_in(proof, TROUBLE_STEADY);
    struct proofs_action wrong = { .kind = PROOFS_WRONG,
                                   .file = file,
                                   .again = proof->refused };

    for (struct trouble *t = proof->trouble; t; t = t->next) {
        if (t->state != TROUBLE_STEADY)
            continue;
        if (announced(p, file)->kind == DIGEST_NONE && !proof->sure)
            return turn_over(p, file, t, err);
        if (proof->good > 0 && ask(p, file, t, true, err) < 0)
            return -1;
        memcpy(wrong.sha256, t->sha256, sizeof(wrong.sha256));
    }
    if (steady == 0 || proof->good > 0 || steady < proof->wanted)
        return 0;
    proof->refused = true;
    return add_action(p, &wrong, err);
}

static int hear_bad(struct proofs *p, int node, uint32_t file, const uint8_t *sha256,
                    struct err *err)
{
    struct trouble *trouble = get_trouble(p, node, file, err);

    if (!trouble)
        return -1;
    if (sha256)
        memcpy(trouble->sha256, sha256, sizeof(trouble->sha256));
    if (trouble->state != TROUBLE_SOUND)
        return ask(p, file, trouble, false, err);
    trouble->state = TROUBLE_STEADY;
    return judge(p, file, err);
}

int proofs_hear(struct proofs *p, int node, uint32_t file, const uint8_t *sha256,
                bool bad, struct err *err)
{
    struct proof *proof = &p->file[file];
    struct trouble *trouble = find_trouble(p, node, file);

    /* What was on its way as the node was asked to look again does not count. */
    if (!wants(p, node, file) || (trouble && (trouble->state == TROUBLE_ASKED ||
                                              trouble->state == TROUBLE_RECALLED)))
        return 0;
    if (!sha256)
        sha256 = announced(p, file)->bytes;
    if (announced(p, file)->kind == DIGEST_NONE)
        bad = proof->known && memcmp(proof->sha256, sha256, 32) != 0;
    if (bad)
        return hear_bad(p, node, file, sha256, err);
    if (trouble)
        trouble->state = TROUBLE_NONE;
    set_good(p, node, file, true);
    if (!proof->known && accept(p, file, sha256, err) < 0)
        return -1;
    return judge(p, file, err);
}

static int forgotten_by_all(struct proofs *p, uint32_t file, struct err *err)
{
    struct proofs_action action = { .kind = PROOFS_ANEW, .file = file };

    if (count_in(&p->file[file], TROUBLE_RECALLED) > 0)
        return 0;
    if (p->file[file].trusted)
        set_all_good(p, file);
    return add_action(p, &action, err);
}

int proofs_forgot(struct proofs *p, int node, uint32_t file, bool any, struct err *err)
{
    struct trouble *trouble = find_trouble(p, node, file);

    if (!trouble || !wants(p, node, file))
        return 0;
    if (trouble->state == TROUBLE_RECALLED) {
        trouble->state = TROUBLE_NONE;
        return forgotten_by_all(p, file, err);
    }
    if (trouble->state == TROUBLE_ASKED)
        trouble->state = any ? TROUBLE_NONE : TROUBLE_SOUND;
    return 0;
}

int proofs_void(struct proofs *p, int node, uint32_t file, struct err *err)
{
    struct proofs_action fail = { .kind = PROOFS_FAIL, .node = node, .file = file };
    struct trouble *trouble;

    if (!wants(p, node, file))
        return 0;
    trouble = get_trouble(p, node, file, err);
    if (!trouble)
        return -1;
    set_good(p, node, file, false);
    return ++trouble->mends > PROOFS_MENDS ? add_action(p, &fail, err) : 0;
}

int proofs_recall(struct proofs *p, uint32_t file, struct err *err)
{
    struct proofs_action lack = { .kind = PROOFS_LACK, .file = file, .all = true };

    p->file[file].known = false;
    for (lack.node = 0; lack.node < p->nodes; lack.node++) {
        struct trouble *trouble;

        if (!wants(p, lack.node, file))
            continue;
        trouble = get_trouble(p, lack.node, file, err);
        if (!trouble)
            return -1;
        trouble->state = TROUBLE_RECALLED;
        set_good(p, lack.node, file, false);
        if (add_action(p, &lack, err) < 0)
            return -1;
    }
    return 0;
}

bool proofs_recalls(const struct proofs *p, uint32_t file)
{
    return count_in(&p->file[file], TROUBLE_RECALLED) > 0;
}

/* Others may have waited for what it would say. */
int proofs_drop(struct proofs *p, int node, struct err *err)
{
    if (p->dropped[node])
        return 0;
    for (uint32_t f = 0; f < p->segments->plan->nfiles; f++) {
        struct trouble *trouble = find_trouble(p, node, f);
        bool recalled = trouble && trouble->state == TROUBLE_RECALLED;

        unwant(p, node, f);
        if (trouble)
            trouble->state = TROUBLE_NONE;
        if (recalled && forgotten_by_all(p, f, err) < 0)
            return -1;
        if (p->file[f].trouble && judge(p, f, err) < 0)
            return -1;
    }
    p->dropped[node] = 1;
    return 0;
}
