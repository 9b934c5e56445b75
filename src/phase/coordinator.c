#include "phase/coordinator.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/relay.h"
#include "core/sched.h"
#include "io/clock.h"
#include "io/sha256.h"
#include "phase/locator.h"
#include "phase/progress.h"

enum {
    HASH_RUN = 4,          /* segments hashed at one go: a chain must not occupy a rank */
    BATCH_BYTES = 8 << 20, /* of small files in one grant */
    SMALL_BYTES = 1 << 20  /* as in task.c: kept in memory while they arrive */
};

static const double STALL = 15; /* seconds without progress before somebody else tries */
static const double RATE_EVERY = 1; /* seconds between two looks at who needs rate */

/* A grant that waits until the place of its file is known. */
struct parked {
    struct parked *next;
    int rank;
    uint32_t segment;
    bool unit, duplicate;
};

struct rank_view {
    uint64_t bytes; /* fetched, as it said last */
    unsigned slots;
    bool busy;
    uint64_t rate; /* bytes per second that it was told */
};

struct coordinator {
    struct run *run;
    struct sched *sched;
    struct relay *relay;
    struct locator *locator;
    struct known *known;
    struct parked *parked;
    struct rank_view *ranks;
    uint8_t *attempts;  /* of each segment */
    uint8_t *refetched; /* of each file: its digest was wrong once */
    uint64_t to_fetch, files_to_fetch, files_done;
    double rate_looked, last_landed;
    struct progress progress;
    bool stopped;
};

/* ---- stopping ------------------------------------------------------------------------
 */

static int stop_everyone(struct coordinator *c, int rank, enum err_code code,
                         const char *text, struct err *err)
{
    struct msg msg = {
        .kind = MSG_STOP, .code = (int32_t)code, .rank = rank, .text = text
    };
    int rc = 0;

    if (c->stopped)
        return 0;
    c->stopped = true;
    progress_end(&c->progress);
    for (int to = 0; to < c->run->size; to++)
        if (agree_send(c->run, to, &msg, err) < 0)
            rc = -1;
    return rc;
}

/* ---- files ---------------------------------------------------------------------------
 */

static const struct plan_file *plan_file(const struct coordinator *c, uint32_t file)
{
    return &c->run->plan.files[file];
}

static void file_verified(struct coordinator *c, uint32_t file, const uint8_t sha256[32])
{
    memcpy(c->known[file].sha256, sha256, 32);
    c->files_done++;
    locator_forget(c->locator, file);
}

/* The digest is wrong: fetch the file once more, all of it, since nobody can tell which
 * part it was. */
static int file_wrong(struct coordinator *c, uint32_t file, const uint8_t sha256[32],
                      int rank, struct err *err)
{
    const struct segments *segments = &c->run->segments;
    const struct digest *want = &plan_file(c, file)->want;
    const char *path = plan_path(&c->run->plan, file);
    char got[65], wanted[65];

    text_hex(got, sha256, 32);
    text_hex(wanted, want->bytes, 32);
    if (!c->refetched[file]) {
        c->refetched[file] = 1;
        log_line(&c->run->log, LOG_WARN, "'%s' has the wrong digest: fetching it again",
                 path);
        relay_restart(c->relay, file);
        for (uint32_t s = segments->first[file]; s < segments->first[file + 1]; s++) {
            c->attempts[s] = 0;
            sched_restart(c->sched, s, rank);
        }
        return 0;
    }
    if (want->kind == DIGEST_GIT_BLOB)
        return err_set(err, ERR_DIGEST,
                       "'%s': its git blob id is not the one that the source announced, "
                       "also after a second fetch (its SHA-256 is %s); nothing was "
                       "published",
                       path, got);
    return err_set(
        err, ERR_DIGEST,
        "'%s': SHA-256 is %s, but the source announced %s, also after a second "
        "fetch; nothing was published",
        path, got, wanted);
}

/* ---- hearing -------------------------------------------------------------------------
 */

static int stored(struct coordinator *c, int rank, const struct msg_item *item,
                  struct err *err)
{
    uint32_t file = c->run->segments.file[item->segment];

    c->last_landed = clock_now();
    c->attempts[item->segment] = 0;
    locator_good(c->locator, file);
    if (segments_of(&c->run->segments, file) > 1) {
        relay_stored(c->relay, item->segment, rank);
        return 0;
    }
    if (item->flags & MSG_ITEM_BAD)
        return file_wrong(c, file, item->sha256, rank, err);
    file_verified(c, file, item->sha256);
    return 0;
}

static int hear_landed(struct coordinator *c, int from, const struct msg *msg,
                       struct err *err)
{
    double now = clock_now();

    for (uint32_t i = 0; i < msg->nitems; i++) {
        const struct msg_item *item = &msg->item[i];

        if (item->segment >= c->run->segments.count)
            return err_set(err, ERR_DEFECT, "rank %d landed segment %u, which is none",
                           from, (unsigned)item->segment);
        if (sched_done(c->sched, from, item->segment, now) == SCHED_STORED &&
            stored(c, from, item, err) < 0)
            return -1;
    }
    return 0;
}

static int hold_everyone(struct coordinator *c, double seconds, struct err *err)
{
    struct msg msg = { .kind = MSG_HOLD, .seconds = seconds };
    char text[32];

    log_line(&c->run->log, LOG_INFO, "the source asks for a pause: no request for %s",
             text_seconds(text, sizeof(text), seconds));
    sched_hold(c->sched, clock_now() + seconds);
    for (int to = 0; to < c->run->size; to++)
        if (agree_send(c->run, to, &msg, err) < 0)
            return -1;
    return 0;
}

static int give_up_on(struct coordinator *c, uint32_t file, const struct msg *msg,
                      enum err_code code, struct err *err)
{
    const char *meaning = retry_meaning(&msg->outcome);

    return err_set(err, code, "'%s': %s", plan_path(&c->run->plan, file),
                   *msg->text ? msg->text : meaning);
}

static int hear_failed(struct coordinator *c, int from, const struct msg *msg,
                       struct err *err)
{
    struct retry_decision decision;
    double now = clock_now();
    uint32_t file;

    if (msg->id >= c->run->segments.count)
        return err_set(err, ERR_DEFECT, "rank %d failed at segment %u, which is none",
                       from, (unsigned)msg->id);
    file = c->run->segments.file[msg->id];
    if (c->attempts[msg->id] < UINT8_MAX)
        c->attempts[msg->id]++;
    decision = retry_decide(&c->run->opt.retry, &msg->outcome, c->attempts[msg->id],
                            clock_random());
    if (decision.remedy == REMEDY_GIVE_UP)
        return give_up_on(c, file, msg, decision.code, err);
    log_line(&c->run->log, LOG_INFO, "rank %d: '%s': %s: trying again in %.1f s", from,
             plan_path(&c->run->plan, file), msg->text, decision.delay);
    c->run->stats.value[STAT_RETRIED]++;
    if (decision.remedy == REMEDY_NEW_URL)
        locator_renew(c->locator, file, msg->count);
    sched_failed(c->sched, from, msg->id, now + decision.delay);
    if (decision.remedy == REMEDY_SLOW_DOWN)
        return hold_everyone(c, decision.delay, err);
    return 0;
}

static void hear_progress(struct coordinator *c, int from, const struct msg *msg)
{
    double now = clock_now();

    c->ranks[from].bytes = msg->bytes;
    c->ranks[from].busy = msg->count > 0;
    for (uint32_t i = 0; i < msg->nitems; i++)
        if (msg->item[i].segment < c->run->segments.count)
            sched_progress(c->sched, from, msg->item[i].segment, msg->item[i].bytes, now);
}

static int hear_hashed(struct coordinator *c, int from, const struct msg *msg,
                       struct err *err)
{
    const struct digest *want;
    uint32_t file;

    if (msg->id >= c->run->segments.count)
        return err_set(err, ERR_DEFECT, "rank %d hashed segment %u, which is none", from,
                       (unsigned)msg->id);
    file = c->run->segments.file[msg->id];
    want = &plan_file(c, file)->want;
    if (relay_advance(c->relay, msg->id, &msg->midstate) != RELAY_DONE)
        return 0;
    if (want->kind == DIGEST_SHA256 && memcmp(want->bytes, msg->sha256, 32) != 0)
        return file_wrong(c, file, msg->sha256, -1, err);
    file_verified(c, file, msg->sha256);
    return 0;
}

int coordinator_hear(struct coordinator *c, int from, const struct msg *msg,
                     struct err *err)
{
    switch (msg->kind) {
    case MSG_CREDIT:
        sched_credit(c->sched, from, msg->count);
        return 0;
    case MSG_PROGRESS:
        hear_progress(c, from, msg);
        return 0;
    case MSG_LANDED:
        return hear_landed(c, from, msg, err);
    case MSG_FAILED:
        return hear_failed(c, from, msg, err);
    case MSG_CANCELLED:
        sched_cancelled(c->sched, from, msg->id);
        return 0;
    case MSG_HASHED:
        return hear_hashed(c, from, msg, err);
    case MSG_ABORT:
        return stop_everyone(c, from, (enum err_code)msg->code, msg->text, err);
    default:
        return err_set(err, ERR_DEFECT, "rank %d sent a '%s' message out of turn", from,
                       msg_name(msg->kind));
    }
}

/* ---- handing out ---------------------------------------------------------------------
 */

static int send_place(struct coordinator *c, int rank, uint32_t file, const char *url,
                      uint32_t generation, struct err *err)
{
    struct msg msg = { .kind = MSG_PLACE, .id = file, .count = generation, .text = url };

    return agree_send(c->run, rank, &msg, err);
}

static int send_one(struct coordinator *c, const struct parked *grant, struct err *err)
{
    struct msg msg = { .kind = MSG_GRANT, .nitems = 1 };

    if (grant->duplicate) {
        msg.kind = MSG_DUPLICATE;
        msg.id = grant->segment;
    }
    msg.item[0] = (struct msg_item){ .segment = grant->segment,
                                     .flags = grant->unit ? MSG_ITEM_UNIT : 0 };
    return agree_send(c->run, grant->rank, &msg, err);
}

/* Send a grant whose file has no place of its own yet as soon as it has one. */
static int grant_located(struct coordinator *c, struct parked grant, struct err *err)
{
    uint32_t file = c->run->segments.file[grant.segment], generation;
    const char *url = locator_url(c->locator, file, &generation);
    struct parked *parked;

    if (url) {
        if (send_place(c, grant.rank, file, url, generation, err) < 0)
            return -1;
        return send_one(c, &grant, err);
    }
    parked = malloc(sizeof(*parked));
    if (!parked)
        return err_memory(err, "a grant");
    *parked = grant;
    parked->next = c->parked;
    c->parked = parked;
    return locator_ask(c->locator, file, err);
}

static int unpark(struct coordinator *c, uint32_t file, struct err *err)
{
    for (struct parked **at = &c->parked; *at;) {
        struct parked *parked = *at;
        int rc;

        if (c->run->segments.file[parked->segment] != file) {
            at = &parked->next;
            continue;
        }
        *at = parked->next;
        rc = grant_located(c, *parked, err);
        free(parked);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* A grant that has not left yet is cancelled here. */
static bool cancel_parked(struct coordinator *c, int rank, uint32_t segment)
{
    for (struct parked **at = &c->parked; *at; at = &(*at)->next) {
        struct parked *parked = *at;

        if (parked->rank != rank || parked->segment != segment)
            continue;
        *at = parked->next;
        if (parked->unit)
            sched_credit(c->sched, rank, 1);
        free(parked);
        sched_cancelled(c->sched, rank, segment);
        return true;
    }
    return false;
}

static int grant(struct coordinator *c, const struct sched_action *action,
                 struct err *err)
{
    struct msg msg = { .kind = MSG_GRANT };

    for (uint32_t i = 0; i < action->count; i++) {
        uint32_t segment = action->segment[i];
        bool unit = i == action->count - 1;

        if (plan_file(c, c->run->segments.file[segment])->flags & PLAN_LOCATE) {
            struct parked one = { NULL, action->rank, segment, unit, false };

            if (grant_located(c, one, err) < 0)
                return -1;
            continue;
        }
        msg.item[msg.nitems++] =
            (struct msg_item){ .segment = segment, .flags = unit ? MSG_ITEM_UNIT : 0 };
    }
    return msg.nitems ? agree_send(c->run, action->rank, &msg, err) : 0;
}

static int duplicate(struct coordinator *c, const struct sched_action *action,
                     struct err *err)
{
    struct parked one = { NULL, action->rank, action->segment[0], true, true };

    log_line(&c->run->log, LOG_DEBUG, "segment %u: rank %d fetches it as well",
             (unsigned)one.segment, one.rank);
    if (plan_file(c, c->run->segments.file[one.segment])->flags & PLAN_LOCATE)
        return grant_located(c, one, err);
    return send_one(c, &one, err);
}

static int act(struct coordinator *c, const struct sched_action *action, struct err *err)
{
    struct msg msg = { .kind = action->kind == SCHED_ADOPT ? MSG_ADOPT : MSG_CANCEL,
                       .id = action->segment[0] };

    switch (action->kind) {
    case SCHED_GRANT:
        return grant(c, action, err);
    case SCHED_DUPLICATE:
        return duplicate(c, action, err);
    case SCHED_CANCEL:
        if (cancel_parked(c, action->rank, action->segment[0]))
            return 0;
        break;
    case SCHED_ADOPT:
        break;
    }
    return agree_send(c->run, action->rank, &msg, err);
}

static int hand_out_segments(struct coordinator *c, bool *moved, struct err *err)
{
    struct sched_action action;

    while (sched_next(c->sched, clock_now(), &action)) {
        *moved = true;
        if (act(c, &action, err) < 0)
            return -1;
    }
    return 0;
}

static int hand_out_hashes(struct coordinator *c, bool *moved, struct err *err)
{
    struct relay_job job;

    while (relay_next(c->relay, HASH_RUN, &job)) {
        struct msg msg = {
            .kind = MSG_HASH, .id = job.segment, .count = job.count, .midstate = job.from
        };

        *moved = true;
        if (agree_send(c->run, job.rank, &msg, err) < 0)
            return -1;
    }
    return 0;
}

static int take_places(struct coordinator *c, bool *moved, struct err *err)
{
    uint32_t file;
    double hold;
    int rc;

    while (locator_next(c->locator, &file, &hold, &rc, err)) {
        *moved = true;
        if (rc < 0 || (hold > 0 && hold_everyone(c, hold, err) < 0) ||
            unpark(c, file, err) < 0)
            return -1;
    }
    return 0;
}

/* The limit of the job, shared among the ranks that have something to do. */
static int share_rate(struct coordinator *c, struct err *err)
{
    double now = clock_now();
    unsigned active = 0;

    if (c->run->opt.limit_rate == 0 || now < c->rate_looked + RATE_EVERY)
        return 0;
    c->rate_looked = now;
    for (int i = 0; i < c->run->size; i++)
        active += sched_held(c->sched, i) > 0;
    for (int i = 0; i < c->run->size; i++) {
        uint64_t rate = c->run->opt.limit_rate / (active ? active : 1);
        struct msg msg = { .kind = MSG_RATE, .bytes = rate ? rate : 1 };

        if (c->ranks[i].rate == msg.bytes || (active && sched_held(c->sched, i) == 0))
            continue;
        c->ranks[i].rate = msg.bytes;
        if (agree_send(c->run, i, &msg, err) < 0)
            return -1;
    }
    return 0;
}

static void show_progress(struct coordinator *c)
{
    uint64_t bytes = 0;
    int busy = 0;

    for (int i = 0; i < c->run->size; i++) {
        bytes += c->ranks[i].bytes;
        busy += c->ranks[i].busy;
    }
    progress_tick(&c->progress, c->files_done, bytes, busy);
}

int coordinator_step(struct coordinator *c, bool *moved, struct err *err)
{
    if (c->stopped)
        return 0;
    if (share_rate(c, err) < 0 || take_places(c, moved, err) < 0)
        return -1;
    if (hand_out_segments(c, moved, err) < 0 || hand_out_hashes(c, moved, err) < 0)
        return -1;
    show_progress(c);
    if (sched_finished(c->sched) && relay_finished(c->relay))
        return stop_everyone(c, 0, ERR_NONE, "", err);
    return 0;
}

/* ---- life ----------------------------------------------------------------------------
 */

/* What is there already needs no segment; what is empty needs none and must be empty by
 * its digest too. */
static int settle_known(struct coordinator *c, struct err *err)
{
    const struct segments *segments = &c->run->segments;
    uint8_t sha256[32], sha1[20];

    sha256_bytes("", 0, sha256);
    if (git_blob_sha1("", 0, sha1, err) < 0)
        return -1;
    for (uint32_t f = 0; f < c->run->plan.nfiles; f++) {
        const struct plan_file *file = plan_file(c, f);

        if (c->known[f].there) {
            relay_skip(c->relay, f);
            for (uint32_t s = segments->first[f]; s < segments->first[f + 1]; s++)
                sched_have(c->sched, s);
            continue;
        }
        c->files_to_fetch++;
        c->to_fetch += file->size;
        if (file->size > 0)
            continue;
        if ((file->want.kind == DIGEST_SHA256 && memcmp(file->want.bytes, sha256, 32)) ||
            (file->want.kind == DIGEST_GIT_BLOB && memcmp(file->want.bytes, sha1, 20)))
            return err_set(err, ERR_DIGEST,
                           "'%s': the source says that it is empty, but announces the "
                           "digest of something else",
                           plan_path(&c->run->plan, f));
        file_verified(c, f, sha256);
    }
    return 0;
}

static int first_rates(struct coordinator *c, const unsigned *slots, struct err *err)
{
    unsigned active = 0;

    for (int i = 0; i < c->run->size; i++) {
        c->ranks[i].slots = slots[i];
        active += slots[i] > 0;
    }
    for (int i = 0; c->run->opt.limit_rate && i < c->run->size; i++) {
        uint64_t rate = c->run->opt.limit_rate / (active ? active : 1);
        struct msg msg = { .kind = MSG_RATE, .bytes = rate ? rate : 1 };

        c->ranks[i].rate = msg.bytes;
        if (agree_send(c->run, i, &msg, err) < 0)
            return -1;
    }
    return 0;
}

int coordinator_create(struct coordinator **out, struct run *run, struct http *http,
                       struct known *known, const unsigned *slots, struct err *err)
{
    const struct sched_policy policy = { STALL, SMALL_BYTES, BATCH_BYTES };
    struct coordinator *c = calloc(1, sizeof(*c));
    int rc = -1;

    *out = NULL;
    if (!c)
        return err_memory(err, "the coordinator");
    c->run = run;
    c->known = known;
    c->ranks = calloc((size_t)run->size, sizeof(*c->ranks));
    c->attempts = calloc(run->segments.count + (size_t)1, 1);
    c->refetched = calloc(run->plan.nfiles + 1, 1);
    if (!c->ranks || !c->attempts || !c->refetched) {
        err_memory(err, "the coordinator");
        goto out;
    }
    if (sched_create(&c->sched, &run->segments, run->size, &policy, err) < 0 ||
        relay_create(&c->relay, &run->segments, err) < 0 ||
        locator_create(&c->locator, run, http, err) < 0)
        goto out;
    if (settle_known(c, err) < 0 || first_rates(c, slots, err) < 0)
        goto out;
    progress_begin(&c->progress, run, c->files_to_fetch, c->to_fetch);
    c->last_landed = clock_now();
    *out = c;
    c = NULL;
    rc = 0;
out:
    coordinator_destroy(c);
    return rc;
}

void coordinator_destroy(struct coordinator *c)
{
    if (!c)
        return;
    while (c->parked) {
        struct parked *parked = c->parked;

        c->parked = parked->next;
        free(parked);
    }
    locator_destroy(c->locator);
    relay_destroy(c->relay);
    sched_destroy(c->sched);
    free(c->ranks);
    free(c->attempts);
    free(c->refetched);
    free(c);
}

void coordinator_figures(const struct coordinator *c, struct coordinator_figures *figures)
{
    *figures = (struct coordinator_figures){ c->to_fetch, locator_requests(c->locator),
                                             c->last_landed };
}
