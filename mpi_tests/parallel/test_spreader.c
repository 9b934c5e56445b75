/* fetch/spreader.h over real MPI: each rank is a node with a directory of its own. All send to
 * all at once through the least memory that is possible, and every node ends with every
 * byte; what is wrong on a disk is found and told, and comes from another node; a node that
 * cannot write says so, and the others do not mind. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "fetch/spreader.h"
#include "io/clock.h"
#include "io/fs/fs.h"
#include "io/mpi/comm_mpi.h"
#include "ranks/mail.h"
#include "ranks/nodes.h"
#include "resume/journal.h"

enum {
    PATIENCE = 400,
    SMALL = 40,
    FILES = SMALL + 3,
    PARTS = 10,              /* segments of the large file, ... */
    RUN = 3,                 /* so many go together */
    WHOLE = (3 << 20) + 777, /* two files that come whole, and go together */
    LARGE = ((PARTS - 1) << 20) + 4321,
    SEGMENTS = PARTS + 2 + SMALL,
    WRONG = 1 /* the node with a bad disk */
};

static const char *now_testing = "";

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "test_spreader: %s: %s\n", now_testing, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Instead of ranks/nodes.c: all ranks of the test are on one machine. */
int nodes_count(const struct ranks *ranks)
{
    return ranks->size;
}

int nodes_of(const struct ranks *ranks, int rank)
{
    (void)ranks;
    return rank;
}

int nodes_keeper(const struct ranks *ranks, int node)
{
    (void)ranks;
    return node;
}

int nodes_share(struct ranks *ranks, struct strbuf *bytes, struct err *err)
{
    (void)ranks;
    (void)bytes;
    return err_set(err, ERR_DEFECT, "not here");
}

/* What this node's disk is to have, and what rank 0 has heard. */
struct scene {
    struct run run;
    struct store store;
    struct syncing syncing;
    struct pool *pool;
    struct spreader spreader;
    char dir[64];
    uint32_t tickets;
    unsigned got, missed, forgot, failed, fenced,
        told;  /* told: segments, by the spreader itself */
    int giver; /* of what may be missed */
    bool *has; /* rank 0: of each node and segment */
    bool stopped;
    uint64_t sum[SEGMENTS]; /* of each segment, as it should be */
};

static char content(uint32_t file, uint64_t at)
{
    return (char)(file * 37 + at * 11 + at / 4099);
}

static void wake(void *arg)
{
    (void)arg;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void make_plan(struct run *run)
{
    for (uint32_t i = 0; i < FILES; i++) {
        char path[32], key[32];
        struct plan_entry entry = { .path = path, .key = key, .etag = "\"tag\"" };

        snprintf(path, sizeof(path),
                 i == 0   ? "large"
                 : i == 1 ? "middle"
                          : "small/%03u",
                 (unsigned)i);
        snprintf(key, sizeof(key), "key-%u", (unsigned)i);
        entry.size = i == 0 ? LARGE : i < 3 ? WHOLE + i : 1000 + 13 * i;
        entry.flags = i == 1 || i == 2 ? PLAN_WHOLE : 0;
        require(plan_add(&run->plan, &entry, NULL) == 0, "plan_add");
    }
    require(plan_seal(&run->plan, NULL) == 0, "plan_seal");
    require(segments_cut(&run->segments, &run->plan, SEGMENT_ALIGN, NULL) == 0 &&
                run->segments.count == SEGMENTS,
            "the segments are others");
}

/* Made once, since all scenes have the same plan and a sanitizer looks at each byte that is made. */
static const char *bytes_of(const struct run *run, uint32_t segment)
{
    static char *made[SEGMENTS];
    struct range range = segment_range(&run->segments, segment);

    if (made[segment])
        return made[segment];
    made[segment] = malloc((size_t)(range.end - range.begin));
    require(made[segment] != NULL, "out of memory");
    for (uint64_t at = range.begin; at < range.end; at++)
        made[segment][at - range.begin] = content(run->segments.file[segment], at);
    return made[segment];
}

static uint64_t sum_of(const struct run *run, uint32_t segment)
{
    return checksum_bytes(bytes_of(run, segment),
                          (size_t)segment_bytes(&run->segments, segment));
}

static void put_segment(struct scene *scene, uint32_t segment)
{
    const struct run *run = &scene->run;
    const char *path = plan_path(&run->plan, run->segments.file[segment]);
    const char *bytes = bytes_of(run, segment);
    int fd = fs_open_write(&run->staging.tree, path, NULL);

    require(fd >= 0 && fs_pwrite(fd, &run->staging.tree, path, bytes,
                                 (size_t)segment_bytes(&run->segments, segment),
                                 segment_range(&run->segments, segment).begin, NULL) == 0,
            "the disk of the test is full");
    fs_close(fd, &run->staging.tree, path, NULL);
}

static bool is_there(struct scene *scene, uint32_t segment)
{
    const struct run *run = &scene->run;
    const char *path = plan_path(&run->plan, run->segments.file[segment]);
    size_t len = (size_t)segment_bytes(&run->segments, segment);
    const char *want = bytes_of(run, segment);
    char *have = malloc(len);
    int fd = fs_open_read(&run->staging.tree, path, NULL);
    bool is = have && fd >= 0 &&
              fs_pread(fd, &run->staging.tree, path, have, len,
                       segment_range(&run->segments, segment).begin, NULL) == 0 &&
              memcmp(have, want, len) == 0;

    if (fd >= 0)
        fs_close(fd, NULL, path, NULL);
    free(have);
    return is;
}

static int hear_got(void *arg, uint32_t first, uint32_t count, struct err *err)
{
    struct scene *scene = arg;

    (void)err;
    require(scene->run.segments.file[first] ==
                scene->run.segments.file[first + count - 1],
            "neighbours of several files");
    scene->told += count;
    return 0;
}

static void open_places(struct scene *scene)
{
    struct run_staging *staging = &scene->run.staging;
    struct fs_dir parent = { 0 };

    snprintf(scene->dir, sizeof(scene->dir), "/tmp/mpifetch-spreader-XXXXXX");
    require(mkdtemp(scene->dir) != NULL, "no directory");
    require(fs_dir_open(&parent, NULL, scene->dir, NULL) == 0 &&
                fs_mkdir(&parent, "run", 0700, NULL) == 0 &&
                fs_dir_below(&staging->dir, &parent, "run", NULL) == 0 &&
                fs_mkdir(&staging->dir, "tree", 0700, NULL) == 0 &&
                fs_mkdir(&staging->dir, "journal", 0700, NULL) == 0 &&
                fs_dir_below(&staging->tree, &staging->dir, "tree", NULL) == 0 &&
                fs_mkdir(&staging->tree, "small", 0700, NULL) == 0,
            "no directories");
    staging->path = strdup(scene->dir);
    fs_dir_close(&parent);
    require(fs_close(fs_open_write(&staging->tree, "large", NULL), NULL, "large", NULL) ==
                0,
            "no large file");
}

/* Everything but comm. */
static void scene_open(struct scene *scene, struct comm *comm, const char *name)
{
    struct run *run = &scene->run;
    struct err err = { 0 };

    now_testing = name;
    *scene = (struct scene){ .giver = WRONG };
    run->ranks = (struct ranks){ .comm = comm,
                                 .rank = comm_rank(comm),
                                 .size = comm_size(comm),
                                 .interrupted = never };
    run->mtime = 1000000000;
    run->opt.per_node_memory = 4 << 20;
    make_plan(run);
    for (uint32_t i = 0; i < SEGMENTS; i++)
        scene->sum[i] = sum_of(run, i);
    open_places(scene);
    scene->store = (struct store){ .run = run,
                                   .at = calloc(SEGMENTS + 1, 1),
                                   .kept_with = calloc(SEGMENTS + 1, sizeof(uint32_t)),
                                   .scratched = calloc(SEGMENTS + 1, sizeof(bool)) };
    scene->has = calloc((size_t)run->ranks.size * SEGMENTS, sizeof(bool));
    require(journal_open(&scene->store.journal, run, &err) == 0 &&
                pool_create(&scene->pool, 4, 0, wake, NULL, &err) == 0 &&
                syncing_open(&scene->syncing, run, &scene->store, scene->pool, &err) == 0,
            "opening");
    require(spreader_open(
                &scene->spreader, &(struct stow){ run, &scene->store, &scene->syncing },
                scene->pool, &(struct carrier_told){ hear_got, NULL, scene }, &err) == 0,
            "spreader_open");
}

static void scene_close(struct scene *scene)
{
    char command[96];

    pool_destroy(scene->pool);
    spreader_close(&scene->spreader);
    syncing_release(&scene->syncing);
    journal_close(scene->store.journal);
    free(scene->store.at);
    free(scene->store.kept_with);
    free(scene->store.scratched);
    free(scene->has);
    fs_dir_close(&scene->run.staging.tree);
    fs_dir_close(&scene->run.staging.dir);
    free(scene->run.staging.path);
    segments_release(&scene->run.segments);
    plan_release(&scene->run.plan);
    snprintf(command, sizeof(command), "rm -rf %s", scene->dir);
    require(system(command) == 0, "removing");
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Rank 0: neighbours go from one node to those of a tree in preorder. */
static void ticket(struct scene *scene, uint32_t first, uint32_t count, bool sums,
                   struct parcel_node *tree, uint32_t nodes)
{
    struct parcel parcel = { .ticket = scene->tickets++,
                             .nruns = 1,
                             .nnodes = nodes,
                             .nsums = count,
                             .run = { { .first = first, .count = count } },
                             .tree = tree,
                             .sum = calloc(count, sizeof(uint64_t)) };
    struct strbuf blob = { 0 };
    struct msg msg = { .kind = MSG_TICKET };

    for (uint32_t i = 0; i < count && sums; i++)
        parcel.sum[i] = scene->sum[first + i];
    parcel_write(&parcel, 0, MSG_TICKET, &msg, &blob);
    require(mail_send(&scene->run.ranks, tree[0].node, &msg, NULL) == 0, "sending");
    strbuf_release(&blob);
    free(parcel.sum);
}

static void hear_items(struct scene *scene, int from, const struct msg *msg, bool has)
{
    for (uint32_t i = 0; i < msg->nitems; i++)
        for (uint32_t k = 0; k < msg->item[i].segments; k++) {
            bool *one = &scene->has[(uint32_t)from * SEGMENTS + msg->item[i].segment + k];

            require(*one != has, "a segment came twice, or was not there");
            *one = has;
        }
}

/* The next ticket of what was missed is from rank 0 itself. */
static void hear_missed(struct scene *scene, int from, const struct msg *msg)
{
    struct parcel_node tree[] = { { 0, 2 }, { (uint16_t)from, 1 } };

    require((int)msg->node == scene->giver && *msg->text, "another node has a bad disk");
    scene->missed += msg->segments;
    ticket(scene, msg->segment, msg->segments, true, tree, 2);
}

static void hear(struct scene *scene, int from, const struct msg *msg)
{
    struct err err = { 0 };

    switch (msg->kind) {
    case MSG_GOT:
        for (uint32_t i = 0; i < msg->nitems; i++)
            scene->got += msg->item[i].segments;
        hear_items(scene, from, msg, true);
        break;
    case MSG_FORGOT:
        scene->forgot += msg->nitems;
        require(from == WRONG, "a good disk is suspected");
        break;
    case MSG_MISSED:
        hear_missed(scene, from, msg);
        break;
    case MSG_NODE_FAILED:
        require(msg->code == ERR_DEST && strstr(msg->text, "small") && from == WRONG,
                "another failure");
        scene->failed++;
        break;
    case MSG_FENCED:
        require(scene->got == 0, "what is out of date was taken");
        scene->fenced++;
        break;
    case MSG_STOP:
        scene->stopped = true;
        break;
    default:
        require(spreader_hear(&scene->spreader, from, msg, &err) == 0, err.text);
    }
}

static void stop_all(struct ranks *ranks)
{
    const struct msg stop = { .kind = MSG_STOP };

    for (int i = 0; i < ranks->size; i++)
        require(mail_send(ranks, i, &stop, NULL) == 0, "sending");
}

/* Until rank 0 has heard of so many segments, and of a failure where one is due. */
static void spread(struct scene *scene, unsigned got, unsigned failed)
{
    struct ranks *ranks = &scene->run.ranks;
    struct strbuf bytes = { 0 };
    struct err err = { 0 };
    bool over = false;

    while (!scene->stopped) {
        bool moved = false;
        struct msg msg;
        int from;

        while (mail_take(ranks, &bytes, &msg, &from, &err) > 0)
            hear(scene, from, &msg);
        require(spreader_step(&scene->spreader, &moved, &err) == 0, err.text);
        while (pool_reap(scene->pool, &err) > 0)
            moved = true;
        if (!moved)
            clock_sleep(0.0002);
        if (!over && ranks->rank == 0 && scene->got >= got && scene->failed >= failed) {
            over = true;
            stop_all(ranks);
        }
    }
    strbuf_release(&bytes);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* What came from others is in the journal, with its sum. */
static void journal_must_have(struct scene *scene, unsigned count)
{
    struct journal_entry *entry = NULL;
    size_t n = 0;

    require(journal_read(&scene->run.staging.dir, &entry, &n, NULL) == 0, "no journal");
    require(n == count, "the journal does not have what came");
    for (size_t i = 0; i < n; i++) {
        bool found = false;

        for (uint32_t k = 0; k < SEGMENTS && !found; k++) {
            struct range range = segment_range(&scene->run.segments, k);

            found = entry[i].sum == scene->sum[k] && entry[i].offset == range.begin &&
                    entry[i].len == range.end - range.begin;
        }
        require(found, "a line of the journal is wrong");
    }
    free(entry);
}

static void all_must_be_there(struct scene *scene)
{
    struct fs_info info;

    for (uint32_t i = 0; i < SEGMENTS; i++)
        require(is_there(scene, i), "a byte is wrong, or missing");
    for (uint32_t i = 1; i < FILES; i++)
        require(fs_look(&scene->run.staging.tree, plan_path(&scene->run.plan, i), &info,
                        NULL) == 0 &&
                    info.size == scene->run.plan.files[i].size,
                "a file has another size");
}

/* A chain or a star, from a node to all others. */
static uint32_t make_tree(struct parcel_node *tree, int size, int root, bool chain)
{
    for (int i = 0; i < size; i++)
        tree[i] = (struct parcel_node){ (uint16_t)((root + i) % size),
                                        (uint16_t)(chain ? size - i : 1) };
    tree[0].nodes = (uint16_t)size;
    return (uint32_t)size;
}

static uint32_t run_at(uint32_t segment)
{
    if (segment < PARTS)
        return segment - segment % RUN;
    return segment < PARTS + 2 ? PARTS : PARTS + 2;
}

/* The small files go together; each run lies on one node at first. */
static int owner_of(uint32_t segment, int size)
{
    return (int)(run_at(segment) % (uint32_t)size);
}

static void all_to_all(struct comm *comm)
{
    struct scene scene;
    struct parcel_node tree[8];
    unsigned mine = 0;
    int size = comm_size(comm), rank = comm_rank(comm);

    scene_open(&scene, comm, "all to all");
    for (uint32_t i = 0; i < SEGMENTS; i++)
        if (owner_of(i, size) == rank) {
            put_segment(&scene, i);
            mine++;
        }
    MPI_Barrier(MPI_COMM_WORLD);
    for (uint32_t first = 0, end; first < SEGMENTS && rank == 0; first = end) {
        for (end = first + 1; end < SEGMENTS && run_at(end) == run_at(first);)
            end++;
        make_tree(tree, size, owner_of(first, size), first % 2);
        /* Of some nobody knows the sums. */
        ticket(&scene, first, end - first, first != RUN, tree, (uint32_t)size);
    }
    spread(&scene, SEGMENTS * (unsigned)(size - 1), 0);
    all_must_be_there(&scene);
    journal_must_have(&scene, SEGMENTS - mine);
    require(scene.told == SEGMENTS - mine, "others of this node were not told");
    scene_close(&scene);
}

static void spoil(struct scene *scene, uint32_t segment)
{
    const char *path = plan_path(&scene->run.plan, scene->run.segments.file[segment]);
    int fd = fs_open_write(&scene->run.staging.tree, path, NULL);

    require(fd >= 0 && fs_pwrite(fd, &scene->run.staging.tree, path, "\xff", 1,
                                 segment_range(&scene->run.segments, segment).begin + 17,
                                 NULL) == 0,
            "spoiling");
    fs_close(fd, NULL, path, NULL);
}

/* One segment of several that go together, and one that goes in parts. */
static void a_bad_disk(struct comm *comm)
{
    struct parcel_node tree[] = { { WRONG, 3 }, { 2, 2 }, { 0, 1 } };
    struct scene scene;
    int rank = comm_rank(comm);

    scene_open(&scene, comm, "a bad disk");
    for (uint32_t i = 0; i < SEGMENTS && rank < 2; i++)
        put_segment(&scene, i);
    if (rank == WRONG) {
        spoil(&scene, RUN);
        spoil(&scene, PARTS);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    tree[0].nodes = 2; /* rank 0 has all */
    tree[1].nodes = 1;
    for (uint32_t first = 0, end; first < SEGMENTS && rank == 0; first = end) {
        for (end = first + 1; end < SEGMENTS && run_at(end) == run_at(first);)
            end++;
        ticket(&scene, first, end - first, true, tree, 2);
    }
    spread(&scene, SEGMENTS, 0);
    if (rank == 0)
        require(scene.missed == RUN + 2 && scene.forgot > 0 && scene.forgot <= RUN,
                "what is wrong was not told as such");
    if (rank == 2) {
        all_must_be_there(&scene);
        journal_must_have(&scene, SEGMENTS);
    }
    scene_close(&scene);
}

/* One of the segments that are offered was fetched anew after the ticket: nothing of it is taken,
 * and all of it by the next one. */
static void an_offer_that_is_out_of_date(struct comm *comm)
{
    struct msg fence = { .kind = MSG_FENCE, .ticket = 1, .nitems = 1 };
    struct parcel_node tree[] = { { 0, 2 }, { 2, 1 } };
    struct scene scene;
    int rank = comm_rank(comm);

    scene_open(&scene, comm, "an offer that is out of date");
    scene.giver = 0;
    for (uint32_t i = 0; i < SEGMENTS && rank == 0; i++)
        put_segment(&scene, i);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        fence.item[0] = (struct msg_item){ .segment = PARTS + 3, .segments = 1 };
        require(mail_send(&scene.run.ranks, 2, &fence, NULL) == 0, "sending");
        ticket(&scene, PARTS + 2, SMALL, true, tree, 2);
    }
    spread(&scene, SMALL, 0);
    if (rank == 0)
        require(scene.fenced == 1 && scene.missed == SMALL, "it was not refused");
    if (rank == 2)
        journal_must_have(&scene, SMALL);
    scene_close(&scene);
}

/* Until a piece is being written; nobody hears yet that it was. */
static void begin_to_write(struct scene *scene)
{
    struct ranks *ranks = &scene->run.ranks;
    struct strbuf bytes = { 0 };
    struct err err = { 0 };

    while (!scene->spreader.carrier.first || !scene->spreader.carrier.first->working) {
        bool moved = false;
        struct msg msg;
        int from;

        while (mail_take(ranks, &bytes, &msg, &from, &err) > 0)
            hear(scene, from, &msg);
        require(spreader_step(&scene->spreader, &moved, &err) == 0, err.text);
    }
    strbuf_release(&bytes);
}

/* It says so once that is written. */
static void a_fence_while_it_is_written(struct comm *comm)
{
    struct msg fence = { .kind = MSG_FENCE, .ticket = 1, .nitems = 1 };
    struct parcel_node tree[] = { { 0, 2 }, { 2, 1 } };
    struct scene scene;
    bool moved = false;
    int rank = comm_rank(comm);

    scene_open(&scene, comm, "a fence while it is written");
    scene.giver = 0;
    for (uint32_t i = 0; i < RUN && rank == 0; i++)
        put_segment(&scene, i);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        ticket(&scene, 0, RUN, true, tree, 2);
    if (rank == 2) {
        begin_to_write(&scene);
        fence.item[0] = (struct msg_item){ .segment = 0, .segments = RUN };
        require(spreader_hear(&scene.spreader, 0, &fence, NULL) == 0 &&
                    spreader_step(&scene.spreader, &moved, NULL) == 0 &&
                    scene.spreader.carrier.fences == 1,
                "it says so too early");
    }
    spread(&scene, RUN, 0);
    if (rank == 0)
        require(scene.fenced == 1 && scene.missed == RUN, "it was not refused");
    scene_close(&scene);
}

/* Its disk is not at fault if other bytes are there than an old ticket says. */
static void a_giver_with_other_bytes(struct comm *comm)
{
    struct msg fence = { .kind = MSG_FENCE, .ticket = 1, .nitems = 1 };
    struct parcel_node tree[] = { { WRONG, 2 }, { 2, 1 } };
    struct scene scene;
    int rank = comm_rank(comm);

    scene_open(&scene, comm, "a giver with other bytes");
    for (uint32_t i = 0; i < RUN && rank < 2; i++)
        put_segment(&scene, i);
    if (rank == WRONG)
        spoil(&scene, 1);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        fence.item[0] = (struct msg_item){ .segment = 0, .segments = RUN };
        require(mail_send(&scene.run.ranks, WRONG, &fence, NULL) == 0, "sending");
        ticket(&scene, 0, RUN, true, tree, 2);
    }
    spread(&scene, RUN, 0);
    if (rank == 0)
        require(scene.fenced == 1 && scene.missed == RUN && scene.forgot == 0,
                "a good disk is suspected");
    scene_close(&scene);
}

/* Nothing can be written to where the small files are to be. */
static void a_node_that_cannot_write(struct comm *comm)
{
    struct parcel_node tree[8];
    struct scene scene;
    int rank = comm_rank(comm), size = comm_size(comm);

    scene_open(&scene, comm, "a node that cannot write");
    for (uint32_t i = 0; i < SEGMENTS && rank == 0; i++)
        put_segment(&scene, i);
    if (rank == WRONG)
        require(fs_remove_tree(&scene.run.staging.tree, "small", NULL) == 0 &&
                    fs_write_all(&scene.run.staging.tree, "small", "", 0, true, false,
                                 NULL) == 0,
                "spoiling");
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        make_tree(tree, size, 0, false);
        ticket(&scene, PARTS + 2, SMALL, true, tree, (uint32_t)size);
        ticket(&scene, PARTS, 2, true, tree, (uint32_t)size);
    }
    spread(&scene, (SMALL + 2) * (unsigned)(size - 2), 1);
    if (rank > WRONG)
        journal_must_have(&scene, SMALL + 2);
    scene_close(&scene);
}

int main(int argc, char **argv)
{
    struct comm *comm;
    int provided;

    alarm(PATIENCE);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    require(comm_open(&comm, MPI_COMM_WORLD, NULL) == 0, "comm_open");
    require(comm_size(comm) <= 8, "made for few ranks");
    all_to_all(comm);
    if (comm_size(comm) > 2) {
        a_bad_disk(comm);
        an_offer_that_is_out_of_date(comm);
        a_fence_while_it_is_written(comm);
        a_giver_with_other_bytes(comm);
        a_node_that_cannot_write(comm);
    }
    require(comm_close(comm, PATIENCE), "a message did not leave");
    MPI_Finalize();
    return 0;
}
