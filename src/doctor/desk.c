#include "doctor/desk.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/acts.h"
#include "doctor/helper.h"
#include "doctor/verdict.h"
#include "io/clock.h"
#include "io/guard.h"
#include "io/nap.h"
#include "ranks/mail.h"

static const double LATE =
    15; /* seconds that an answer may be later than its order says */

void desk_open(struct desk *desk, struct run *run)
{
    *desk = (struct desk){ .run = run, .first = 1 };
}

static void clear_errands(struct desk *desk)
{
    for (size_t i = 0; i < desk->count; i++) {
        strbuf_release(&desk->errand[i].order);
        strbuf_release(&desk->errand[i].bytes);
    }
    desk->first += (uint32_t)desk->count;
    desk->count = 0;
    desk->waited = false;
}

static struct errand *new_errand(struct desk *desk)
{
    struct errand *more;

    if (desk->waited)
        clear_errands(desk);
    if (desk->count == desk->room) {
        size_t room = desk->room ? 2 * desk->room : 16;

        more = realloc(desk->errand, room * sizeof(*more));
        if (!more) {
            desk->failed = true;
            return NULL;
        }
        desk->errand = more;
        desk->room = room;
    }
    more = &desk->errand[desk->count++];
    *more = (struct errand){ 0 };
    return more;
}

void desk_order(struct desk *desk, int rank, unsigned seat, double patience, ...)
{
    struct errand *errand = new_errand(desk);
    const char *word;
    va_list words;

    if (!errand)
        return;
    errand->rank = rank;
    errand->seat = seat;
    errand->patience = patience;
    va_start(words, patience);
    while ((word = va_arg(words, const char *)) != NULL)
        strbuf_add(&errand->order, word, strlen(word) + 1);
    va_end(words);
    desk->failed |= errand->order.failed;
}

static int answer(struct desk *desk, uint32_t id, int trial, const void *bytes,
                  size_t len, struct err *err)
{
    const struct msg msg = {
        .kind = MSG_ANSWER, .order = id, .verdict = trial, .blob = bytes, .blob_len = len
    };

    return mail_send(&desk->run->ranks, 0, &msg, err);
}

/* The helper is of no use any more; the next order gets a fresh one. */
static int give_up(struct desk *desk, struct seat *seat, int trial, struct err *err)
{
    helper_kill(seat->helper);
    seat->helper = NULL;
    seat->busy = false;
    return answer(desk, seat->id, trial, NULL, 0, err);
}

static int take_order(struct desk *desk, const struct msg *msg, struct err *err)
{
    struct seat *seat = &desk->seat[msg->helper % DESK_SEATS];
    struct err fault = { 0 };

    /* Rank 0 waits no longer for what is in hand, or it would not send another. */
    if (seat->busy && give_up(desk, seat, TRIAL_LOST, err) < 0)
        return -1;
    seat->id = msg->order;
    if (!seat->helper && helper_start(&seat->helper, &fault) < 0) {
        log_line(&desk->run->ranks.log, LOG_ERROR, "%s", fault.text);
        return give_up(desk, seat, TRIAL_LOST, err);
    }
    if (helper_ask(seat->helper, msg->blob, (size_t)msg->blob_len, NULL) < 0)
        return give_up(desk, seat, TRIAL_LOST, err);
    seat->busy = true;
    seat->until = clock_now() + msg->patience;
    strbuf_clear(&seat->in);
    return 0;
}

static void take_answer(struct desk *desk, const struct msg *msg)
{
    uint32_t index = msg->order - desk->first;
    struct errand *errand;

    if (index >= desk->count)
        return; /* of an order that was given up */
    errand = &desk->errand[index];
    if (errand->answered)
        return;
    errand->answered = true;
    errand->at = clock_now();
    errand->trial = msg->verdict;
    desk->full |= verdict_is_full(msg->verdict);
    strbuf_add(&errand->bytes, msg->blob, (size_t)msg->blob_len);
    desk->failed |= errand->bytes.failed;
}

static int take(struct desk *desk, const struct msg *msg, struct err *err)
{
    switch (msg->kind) {
    case MSG_ORDER:
        return take_order(desk, msg, err);
    case MSG_ANSWER:
        take_answer(desk, msg);
        return 0;
    case MSG_STOP:
        desk->closed = true;
        return 0;
    default:
        agree_hear(&desk->run->ranks, msg);
        return 0;
    }
}

static int look_at_seat(struct desk *desk, struct seat *seat, struct err *err)
{
    struct acts_answer head;
    int heard;

    if (!seat->busy)
        return 0;
    heard = helper_hear(seat->helper, &seat->in, NULL);
    if (heard < 0 || (heard > 0 && seat->in.len < sizeof(head)))
        return give_up(desk, seat, TRIAL_LOST, err);
    if (heard == 0)
        return clock_now() < seat->until ? 0 : give_up(desk, seat, TRIAL_SILENT, err);
    seat->busy = false;
    memcpy(&head, seat->in.data, sizeof(head));
    return answer(desk, seat->id, head.trial, seat->in.data + sizeof(head),
                  seat->in.len - sizeof(head), err);
}

/* 1: something has happened. */
static int turn(struct desk *desk, struct err *err)
{
    struct run *run = desk->run;
    struct msg msg;
    int from, rc, any = 0;

    while (!desk->closed && (rc = mail_take(&run->ranks, &run->ranks.agree.bytes, &msg,
                                            &from, err)) != 0) {
        if (rc < 0 || take(desk, &msg, err) < 0)
            return -1;
        any = 1;
    }
    for (size_t i = 0; i < DESK_SEATS; i++)
        if (look_at_seat(desk, &desk->seat[i], err) < 0)
            return -1;
    return any;
}

static int send_orders(struct desk *desk, struct err *err)
{
    for (size_t i = 0; i < desk->count; i++) {
        const struct errand *errand = &desk->errand[i];
        const struct msg msg = { .kind = MSG_ORDER,
                                 .order = desk->first + (uint32_t)i,
                                 .helper = errand->seat,
                                 .patience = errand->patience,
                                 .blob = errand->order.data,
                                 .blob_len = errand->order.len };

        if (mail_send(&desk->run->ranks, errand->rank, &msg, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether all is answered. A rank that does not even say that it was too late has died or
 * is frozen. */
static bool all_answered(struct desk *desk, double began)
{
    bool all = true;

    for (size_t i = 0; i < desk->count; i++) {
        struct errand *errand = &desk->errand[i];

        if (!errand->answered && clock_now() > began + errand->patience + LATE) {
            errand->answered = true;
            errand->at = clock_now();
            errand->trial = TRIAL_LOST;
        }
        all &= errand->answered;
    }
    return all;
}

static int look_for_signals(const struct desk *desk, struct err *err)
{
    const struct run *run = desk->run;

    if (desk->unstoppable)
        return 0;
    if (run->ranks.interrupted(run->ranks.interrupted_arg))
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    if (run->ranks.agree.worst.code == ERR_NONE)
        return 0;
    *err = run->ranks.agree.worst;
    return -1;
}

/* What happens is a message or two for each call of a helper; in between the cores belong
 * to the helpers. */
static const struct nap DESK_NAP = { .shortest = 0.0002, .longest = 0.004 };

static void rest(struct nap *nap, int happened)
{
    if (happened)
        nap_wake(nap);
    else
        nap_take(nap);
}

int desk_wait(struct desk *desk, struct err *err)
{
    double began = clock_now();
    struct nap nap = DESK_NAP;
    int happened = 1;

    desk->waited = true;
    if (desk->failed)
        return err_memory(err, "orders");
    if (send_orders(desk, err) < 0)
        return -1;
    while (!all_answered(desk, began)) {
        happened = turn(desk, err);
        if (happened < 0 || look_for_signals(desk, err) < 0)
            return -1;
        rest(&nap, happened);
    }
    return desk->failed ? err_memory(err, "answers") : 0;
}

const struct errand *desk_wait_one(struct desk *desk, struct err *err)
{
    return desk_wait(desk, err) < 0 ? NULL : &desk->errand[0];
}

static int hear_alone(struct helper *helper, double patience)
{
    double until = clock_now() + patience;
    struct acts_answer head = { .trial = TRIAL_LOST };
    struct strbuf in = { 0 };
    int heard;

    while ((heard = helper_hear(helper, &in, NULL)) == 0 && clock_now() < until) {
        guard_turn();
        clock_sleep(0.004);
    }
    if (heard == 0)
        head.trial = TRIAL_SILENT;
    else if (heard > 0 && in.len >= sizeof(head))
        memcpy(&head, in.data, sizeof(head));
    strbuf_release(&in);
    return head.trial;
}

int desk_alone(struct desk *desk, double patience, const char *act, const char *word)
{
    struct helper *helper = NULL;
    struct strbuf order = { 0 };
    int trial = TRIAL_LOST;

    /* What is in hand would go on making what is to be removed. */
    for (size_t i = 0; i < DESK_SEATS; i++) {
        helper_kill(desk->seat[i].helper);
        desk->seat[i].helper = NULL;
        desk->seat[i].busy = false;
    }
    strbuf_add(&order, act, strlen(act) + 1);
    strbuf_add(&order, word, strlen(word) + 1);
    if (!order.failed && helper_start(&helper, NULL) == 0 &&
        helper_ask(helper, order.data, order.len, NULL) == 0)
        trial = hear_alone(helper, patience);
    strbuf_release(&order);
    helper_kill(helper);
    return trial;
}

int desk_close(struct desk *desk, struct err *err)
{
    const struct msg msg = { .kind = MSG_STOP };
    int rc = 0;

    for (int to = 1; to < desk->run->ranks.size; to++)
        if (mail_send(&desk->run->ranks, to, &msg, err) < 0)
            rc = -1;
    return rc;
}

/* Rank 0 ends the examination; this rank goes on with what it is told until then. */
static int report_signal(struct desk *desk, struct err *err)
{
    struct run *run = desk->run;
    const struct msg msg = { .kind = MSG_ABORT,
                             .code = ERR_INTERRUPTED,
                             .rank = run->ranks.rank,
                             .text = "interrupted" };

    if (run->ranks.agree.told || !run->ranks.interrupted(run->ranks.interrupted_arg))
        return 0;
    run->ranks.agree.told = true;
    return mail_send(&run->ranks, 0, &msg, err);
}

int desk_serve(struct desk *desk, struct err *err)
{
    struct nap nap = DESK_NAP;
    int happened;

    while (!desk->closed) {
        happened = turn(desk, err);
        if (happened < 0 || report_signal(desk, err) < 0)
            return -1;
        rest(&nap, happened);
    }
    return 0;
}

void desk_release(struct desk *desk)
{
    clear_errands(desk);
    free(desk->errand);
    for (size_t i = 0; i < DESK_SEATS; i++) {
        guard_turn();
        helper_end(desk->seat[i].helper);
        strbuf_release(&desk->seat[i].in);
    }
    *desk = (struct desk){ 0 };
}
