/* A keeper whose node gets a copy of its own: the digests are those of what lies on its disk,
 * in whatever order segments come, whoever of the node hashes them, and whatever of it has to
 * come again. */
#include "fetch/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/state/sums.h"
#include "fetch/readback.h"
#include "io/mpi/comm.h"
#include "io/pool.h"
#include "run_case.h"

enum { BIG, GIT, ONE, SILENT, FILES };
enum { MIB = 1 << 20, RANK = 1, MATE = 3, RANKS = 4 };

/* BIG has segments 0 to 2, GIT 3, ONE 4, SILENT 5 and 6. */
enum { GIT_AT = 3, ONE_AT, SILENT_AT, SEGMENTS = 7 };

static const struct run_file files[FILES] = { { "a/big", "0123456789abcdef",
                                                3 * 65536 - 7 },
                                              { "git", "some text\n", 1 },
                                              { "one", "x", 1000 },
                                              { "silent", "fedcba9876543210", 70000 } };

static struct run run;
static struct store store;
static struct pool *pool;
static struct existing_file existing[FILES];
static struct proof proof;

/* What was sent: to rank 0, and HASH orders. */
static struct {
    unsigned proved[FILES]; /* times */
    unsigned bad[FILES], digests[FILES];
    uint8_t sha256[FILES][32];
    unsigned items; /* of PROVED */
    unsigned forgot[SEGMENTS], answers;
    uint32_t asked_first, asked_count; /* of the last answer */
} told;
static struct order {
    int rank;
    struct msg msg;
} orders[64];
static unsigned norders;

int comm_nodes(const struct comm *comm)
{
    (void)comm;
    return 2;
}

int comm_node(const struct comm *comm, int rank)
{
    (void)comm;
    return rank % 2;
}

int comm_node_lowest(const struct comm *comm, int node)
{
    (void)comm;
    return node;
}

int comm_node_size(const struct comm *comm, int node)
{
    (void)comm;
    (void)node;
    return 2;
}

bool comm_node_first(const struct comm *comm)
{
    (void)comm;
    return true;
}

const char *comm_host(const struct comm *comm, int rank)
{
    (void)comm;
    (void)rank;
    return "n2";
}

int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    (void)comm;
    (void)buf;
    (void)from;
    (void)err;
    return 0;
}

static void hear_proved(const struct msg *msg)
{
    const struct segments *segments = &run.segments;

    told.items += msg->nitems;
    for (uint32_t i = 0; i < msg->nitems; i++) {
        const struct msg_item *item = &msg->item[i];
        uint32_t at = item->segment, end = at + item->segments;

        while (at < end) {
            uint32_t file = segments->file[at];

            assert_int_equal(at, segments->first[file]); /* whole files alone */
            at = segments->first[file + 1];
            told.proved[file]++;
            told.bad[file] += (item->flags & MSG_ITEM_BAD) != 0;
            memcpy(told.sha256[file], run.plan.files[file].want.bytes, 32);
            if (!(item->flags & MSG_ITEM_DIGEST))
                continue;
            assert_int_equal(at, end); /* of one file */
            told.digests[file]++;
            memcpy(told.sha256[file], item->sha256, 32);
        }
        assert_int_equal(at, end);
    }
}

static void hear_forgot(const struct msg *msg)
{
    told.answers++;
    told.asked_first = msg->segment;
    told.asked_count = msg->segments;
    for (uint32_t i = 0; i < msg->nitems; i++)
        for (uint32_t k = 0; k < msg->item[i].segments; k++)
            told.forgot[msg->item[i].segment + k]++;
}

int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err)
{
    struct msg msg;

    (void)comm;
    (void)err;
    assert_int_equal(msg_decode(&msg, bytes, len, NULL), 0);
    switch (msg.kind) {
    case MSG_PROVED:
        assert_int_equal(to, 0);
        hear_proved(&msg);
        break;
    case MSG_FORGOT:
        assert_int_equal(to, 0);
        hear_forgot(&msg);
        break;
    default:
        assert_int_equal(msg.kind, MSG_HASH);
        assert_true(to == RANK || to == MATE);
        orders[norders++] = (struct order){ to, msg };
    }
    return 0;
}

static void wake(void *arg)
{
    (void)arg;
}

static void put_files(void)
{
    for (size_t i = 0; i < FILES; i++) {
        const char *bytes = run_file_bytes(&files[i]);
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "tree/%s", files[i].path);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes, run_file_size(&files[i])),
                         run_file_size(&files[i]));
        close(fd);
    }
}

static void damage(const char *path, off_t at)
{
    int fd = open(path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "!", 1, at), 1);
    close(fd);
}

static int set_up(void **state)
{
    if (scratch_enter(state) < 0 || mkdir("tree", 0700) < 0 || mkdir("tree/a", 0700) < 0)
        return -1;
    run_case_open(&run, "out", 0, files, FILES);
    run.ranks.size = RANKS;
    run.ranks.rank = RANK;
    run.keeper = true;
    run.opt.per_node = "out";
    run.plan.files[SILENT].want.kind = DIGEST_NONE;
    run.plan.files[GIT].want.kind = DIGEST_GIT_BLOB;
    if (git_blob_sha1("some text\n", 10, run.plan.files[GIT].want.bytes, NULL) < 0)
        return -1;
    store = (struct store){ .run = &run };
    assert_int_equal(run.segments.count, SEGMENTS);
    return fs_dir_open(&run.staging.tree, NULL, "tree", NULL);
}

static int tear_down(void **state)
{
    fs_dir_close(&run.staging.tree);
    run_case_close(&run);
    return scratch_leave(state);
}

static int begin(void **state)
{
    (void)state;
    put_files();
    memset(&told, 0, sizeof(told));
    memset(existing, 0, sizeof(existing));
    norders = 0;
    run.opt.per_node_segments = false;
    return pool_create(&pool, 2, 0, wake, NULL, NULL) == 0
               ? proof_open(&proof, &run, &store, pool, existing, NULL)
               : -1;
}

static int end(void **state)
{
    (void)state;
    pool_destroy(pool);
    proof_release(&proof);
    return 0;
}

static void open_again(void)
{
    proof_release(&proof);
    assert_int_equal(proof_open(&proof, &run, &store, pool, existing, NULL), 0);
}

static void got(uint32_t first, uint32_t count)
{
    assert_int_equal(proof_got(&proof, first, count, NULL), 0);
}

/* The rank that has the order hashes what lies on the disk. */
static void obey(const struct order *order)
{
    const struct msg *msg = &order->msg;
    uint32_t file = run.segments.file[msg->segment];
    bool last = msg->segment + msg->segments == run.segments.first[file + 1];
    struct msg answer = { .kind = MSG_HASHED,
                          .segment = msg->segment,
                          .segments = msg->segments,
                          .whole = last,
                          .midstate = msg->midstate };

    assert_int_equal(readback_segments(&store, pool, msg->segment, msg->segments,
                                       &answer.midstate, last ? answer.sha256 : NULL,
                                       NULL),
                     0);
    assert_int_equal(proof_hashed(&proof, order->rank, &answer, NULL), 0);
}

static void step(void)
{
    assert_int_equal(proof_step(&proof, NULL), 0);
}

/* Until nothing happens any more. */
static void settle(void)
{
    unsigned obeyed = 0;

    for (;;) {
        step();
        if (obeyed < norders) {
            obey(&orders[obeyed++]);
            continue;
        }
        if (pool_unfinished(pool) == 0)
            break;
        pool_wait(pool, 1);
        while (pool_reap(pool, NULL) > 0)
            ;
    }
    norders = 0;
}

static void assert_digest(size_t file)
{
    uint8_t sha256[32];

    run_file_digest(&files[file], sha256);
    assert_memory_equal(existing[file].sha256, sha256, 32);
    if (told.proved[file])
        assert_memory_equal(told.sha256[file], sha256, 32);
}

static void assert_told(size_t file, unsigned proved, unsigned bad)
{
    assert_int_equal(told.proved[file], proved);
    assert_int_equal(told.bad[file], bad);
}

static void test_all_comes_from_other_nodes(void **state)
{
    (void)state;
    got(2, 3); /* the end of one file, and two more */
    settle();
    assert_told(BIG, 0, 0);
    got(SILENT_AT, 2);
    got(0, 1);
    settle();
    assert_told(BIG, 0, 0);
    got(1, 1);
    settle();
    for (size_t i = 0; i < FILES; i++) {
        assert_told(i, 1, 0);
        assert_digest(i);
    }
    /* Where there is nothing to compare with, the digest itself is told. */
    assert_int_equal(told.digests[BIG], 0);
    assert_int_equal(told.digests[ONE], 0);
    assert_int_equal(told.digests[GIT], 1);
    assert_int_equal(told.digests[SILENT], 1);
}

static void test_files_that_are_as_announced_are_told_together(void **state)
{
    (void)state;
    run.plan.files[GIT].want.kind = DIGEST_SHA256;
    run_file_digest(&files[GIT], run.plan.files[GIT].want.bytes);
    got(GIT_AT, 2);
    settle();
    assert_int_equal(told.items, 1);
    assert_told(GIT, 1, 0);
    assert_told(ONE, 1, 0);
    run.plan.files[GIT].want.kind = DIGEST_GIT_BLOB;
    assert_int_equal(
        git_blob_sha1("some text\n", 10, run.plan.files[GIT].want.bytes, NULL), 0);
}

/* All ranks of a node hash, and none of another node. */
static void test_orders_go_to_all_ranks_of_the_node(void **state)
{
    (void)state;
    got(0, 3);
    got(SILENT_AT, 2);
    step();
    assert_int_equal(norders, 2);
    assert_int_not_equal(orders[0].rank, orders[1].rank);
    settle();
    assert_told(BIG, 1, 0);
    assert_told(SILENT, 1, 0);
}

static void landed(uint32_t segment, uint32_t count, uint32_t flags, size_t digest_of)
{
    struct msg msg = { .kind = MSG_LANDED,
                       .nitems = 1,
                       .item = {
                           { .segment = segment, .segments = count, .flags = flags } } };

    run_file_digest(&files[digest_of], msg.item[0].sha256);
    assert_int_equal(proof_landed(&proof, &msg, NULL), 0);
}

static void test_a_digest_that_was_made_at_landing_is_not_made_again(void **state)
{
    (void)state;
    landed(ONE_AT, 1, MSG_ITEM_DIGEST, ONE);
    assert_int_equal(pool_unfinished(pool), 0);
    settle();
    assert_told(ONE, 1, 0);
    assert_digest(ONE);
    landed(ONE_AT, 1, MSG_ITEM_DIGEST, ONE);
    settle();
    assert_told(ONE, 1, 0);
}

/* Rank 0 has it fetched again. */
static void test_a_wrong_one_that_landed_is_not_here(void **state)
{
    (void)state;
    landed(ONE_AT, 1, MSG_ITEM_DIGEST | MSG_ITEM_BAD, BIG);
    settle();
    assert_told(ONE, 0, 0);
    got(ONE_AT, 1);
    settle();
    assert_told(ONE, 1, 0);
}

static void test_a_file_that_came_in_one_piece_after_all(void **state)
{
    (void)state;
    landed(0, 1, MSG_ITEM_DIGEST, BIG);
    settle();
    assert_told(BIG, 1, 0);
    assert_digest(BIG);
    run.plan.files[BIG].flags = 0;
}

static void test_wrong_bytes_are_told(void **state)
{
    static const char *const paths[] = { "tree/a/big", "tree/git", "tree/one" };

    (void)state;
    for (size_t i = 0; i < countof(paths); i++)
        damage(paths[i], 5);
    got(0, SEGMENTS);
    settle();
    for (size_t i = BIG; i <= ONE; i++) {
        assert_told(i, 1, 1);
        assert_int_equal(told.digests[i], 1);
    }
    assert_told(SILENT, 1, 0);
}

static void put_sums(struct strbuf *sums, uint32_t first, uint32_t count)
{
    const struct run_file *file = &files[run.segments.file[first]];
    const char *bytes = run_file_bytes(file);

    for (uint32_t i = 0; i < count; i++) {
        struct range range = segment_range(&run.segments, first + i);

        sums_add(sums,
                 checksum_bytes(bytes + range.begin, (size_t)(range.end - range.begin)));
    }
}

static void lack(uint32_t first, uint32_t count, bool with_sums)
{
    struct strbuf sums = { 0 };
    struct msg msg = { .kind = MSG_LACK, .segment = first, .segments = count };

    if (with_sums)
        put_sums(&sums, first, count);
    msg.blob = sums.data;
    msg.blob_len = sums.len;
    assert_int_equal(proof_lack(&proof, &msg, NULL), 0);
    strbuf_release(&sums);
}

static void assert_answered(uint32_t first, uint32_t count)
{
    assert_int_equal(told.answers, 1);
    assert_int_equal(told.asked_first, first);
    assert_int_equal(told.asked_count, count);
    told.answers = 0;
}

static void test_only_the_wrong_segments_are_forgotten(void **state)
{
    (void)state;
    damage("tree/a/big", MIB + 17);
    got(0, 3);
    settle();
    assert_told(BIG, 1, 1);
    lack(0, 3, true);
    settle();
    assert_answered(0, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(told.forgot[i], i == 1);
    assert_told(BIG, 1, 1);
    put_files(); /* it comes again */
    got(1, 1);
    settle();
    assert_told(BIG, 2, 1);
    assert_digest(BIG);
}

/* The digest is made once more: a disk may read wrong only now and then. */
static void test_nothing_is_forgotten_if_nothing_differs(void **state)
{
    static const uint32_t first[] = { 0, ONE_AT }, count[] = { 3, 1 };

    (void)state;
    damage("tree/a/big", 1);
    damage("tree/one", 1);
    for (size_t i = 0; i < countof(first); i++) {
        size_t file = i == 0 ? BIG : ONE;

        got(first[i], count[i]);
        settle();
        assert_told(file, 1, 1);
    }
    put_files();
    for (size_t i = 0; i < countof(first); i++) {
        size_t file = i == 0 ? BIG : ONE;

        lack(first[i], count[i], true);
        settle();
        assert_answered(first[i], count[i]);
        assert_int_equal(told.forgot[first[i]], 0);
        assert_told(file, 2, 1);
        assert_digest(file);
    }
}

static void test_all_is_forgotten_without_sums(void **state)
{
    (void)state;
    got(0, 3);
    settle();
    lack(0, 3, false);
    settle();
    assert_answered(0, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(told.forgot[i], 1);
    got(0, 2);
    settle();
    assert_told(BIG, 1, 0);
    got(2, 1);
    settle();
    assert_told(BIG, 2, 0);
}

/* What was hashed before, or is being hashed, does not count. */
static void test_what_is_forgotten_unasked_is_hashed_anew(void **state)
{
    struct order old;

    (void)state;
    damage("tree/a/big", 3);
    damage("tree/one", 3);
    got(0, 3);
    got(ONE_AT, 1);
    step(); /* both are under way */
    assert_int_equal(norders, 1);
    old = orders[0];
    norders = 0;
    while (pool_unfinished(pool) > 0) {
        assert_true(proof_forgot(&proof, ONE_AT, NULL) >= 0);
        pool_wait(pool, 1);
        while (pool_reap(pool, NULL) > 0)
            ;
    }
    assert_int_equal(proof_forgot(&proof, 0, NULL), 0);
    assert_int_equal(proof_forgot(&proof, 0, NULL), 1); /* it was not here */
    obey(&old);
    settle();
    assert_told(ONE, 0, 0);
    assert_told(BIG, 0, 0);
    put_files();
    got(0, 1);
    got(ONE_AT, 1);
    settle();
    assert_told(ONE, 1, 0);
    assert_told(BIG, 1, 0);
}

/* What cannot be read is wrong, and its neighbours are not. */
static void test_a_file_that_became_short(void **state)
{
    (void)state;
    got(0, 3);
    settle();
    assert_int_equal(truncate("tree/a/big", 2 * MIB), 0);
    lack(0, 3, true);
    settle();
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(told.forgot[i], i == 2);
}

static void test_what_is_there_is_told_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        existing[i].there = true;
        run_file_digest(&files[i], existing[i].sha256);
    }
    open_again();
    got(0, SEGMENTS); /* it is read for others as well */
    settle();
    for (size_t i = 0; i < FILES; i++) {
        assert_told(i, 1, 0);
        assert_digest(i);
    }
}

/* Readers have the same file. */
static void was_there(void)
{
    existing[BIG].there = true;
    run_file_digest(&files[BIG], existing[BIG].sha256);
    assert_int_equal(link("tree/a/big", "reader"), 0);
    open_again();
    settle();
    assert_told(BIG, 1, 0);
}

/* It is another file from then on. */
static void assert_given_up(void)
{
    struct stat info, fresh;

    settle();
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(told.forgot[i], 1);
    assert_false(existing[BIG].there);
    assert_int_equal(stat("reader", &info), 0);
    assert_int_equal(stat("tree/a/big", &fresh), 0);
    assert_int_equal(info.st_nlink, 1);
    assert_true(fresh.st_ino != info.st_ino && fresh.st_size == info.st_size);
    put_files();
    got(0, 3);
    settle();
    assert_told(BIG, 2, 0);
    assert_int_equal(remove("reader"), 0);
}

static void test_what_was_there_is_confirmed(void **state)
{
    (void)state;
    was_there();
    lack(0, 3, true);
    settle();
    assert_int_equal(told.answers, 1);
    assert_int_equal(told.forgot[0] + told.forgot[1] + told.forgot[2], 0);
    assert_told(BIG, 2, 0);
    assert_true(existing[BIG].there);
    assert_int_equal(remove("reader"), 0);
}

static void test_what_was_there_and_differs_comes_again(void **state)
{
    (void)state;
    was_there();
    damage("tree/a/big", 3);
    lack(0, 3, true);
    settle();
    assert_int_equal(told.answers, 1);
    assert_given_up();
}

static void test_what_was_there_and_is_wrong_comes_again(void **state)
{
    (void)state;
    was_there();
    lack(0, 3, false);
    assert_given_up();
}

static void test_what_was_there_and_is_read_wrong_comes_again(void **state)
{
    (void)state;
    was_there();
    assert_int_equal(proof_forgot(&proof, 1, NULL), 1);
    assert_int_equal(proof_forgot(&proof, 2, NULL), 1);
    assert_given_up();
}

static void test_checksums_are_enough_if_the_user_says_so(void **state)
{
    (void)state;
    run.opt.per_node_segments = true;
    open_again();
    damage("tree/a/big", 3);
    got(0, SEGMENTS);
    settle();
    assert_told(BIG, 0, 0); /* rank 0 has it hashed by the ranks that fetched it */
    assert_told(ONE, 0, 0);
    assert_digest(BIG);
    assert_digest(ONE);
    assert_told(GIT, 1, 0);
    assert_told(SILENT, 1, 0);
}

static void test_news_of_no_segment_is_a_defect(void **state)
{
    const struct msg order = { .kind = MSG_LACK, .segment = 0, .segments = 4 };
    const struct msg hashed = { .kind = MSG_HASHED, .segment = SEGMENTS };
    struct msg msg = { .kind = MSG_LANDED,
                       .nitems = 1,
                       .item = { { .segment = SEGMENTS, .segments = 1 } } };
    struct err err = { 0 };

    (void)state;
    assert_int_equal(proof_got(&proof, SEGMENTS, 1, &err), -1);
    assert_int_equal(proof_got(&proof, 0, SEGMENTS + 1, &err), -1);
    assert_int_equal(proof_got(&proof, 0, 0, &err), -1);
    assert_int_equal(proof_got(&proof, 1, UINT32_MAX, &err), -1);
    assert_int_equal(proof_landed(&proof, &msg, &err), -1);
    assert_int_equal(proof_lack(&proof, &order, &err), -1); /* of two files */
    assert_int_equal(proof_hashed(&proof, RANK, &hashed, &err), -1);
    assert_int_equal(err.code, ERR_DEFECT);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_all_comes_from_other_nodes),
        EACH(test_files_that_are_as_announced_are_told_together),
        EACH(test_orders_go_to_all_ranks_of_the_node),
        EACH(test_a_digest_that_was_made_at_landing_is_not_made_again),
        EACH(test_a_wrong_one_that_landed_is_not_here),
        EACH(test_a_file_that_came_in_one_piece_after_all),
        EACH(test_wrong_bytes_are_told),
        EACH(test_only_the_wrong_segments_are_forgotten),
        EACH(test_nothing_is_forgotten_if_nothing_differs),
        EACH(test_all_is_forgotten_without_sums),
        EACH(test_what_is_forgotten_unasked_is_hashed_anew),
        EACH(test_a_file_that_became_short),
        EACH(test_what_is_there_is_told_at_once),
        EACH(test_what_was_there_is_confirmed),
        EACH(test_what_was_there_and_differs_comes_again),
        EACH(test_what_was_there_and_is_wrong_comes_again),
        EACH(test_what_was_there_and_is_read_wrong_comes_again),
        EACH(test_checksums_are_enough_if_the_user_says_so),
        EACH(test_news_of_no_segment_is_a_defect),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
