#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/sched/retry.h"

static const struct retry_policy policy = { .first_delay = 1,
                                            .longest_delay = 60,
                                            .attempts = 5 };

enum {
    RETRY = REMEDY_RETRY,
    SLOW = REMEDY_SLOW_DOWN,
    FRESH = REMEDY_NEW_URL,
    STOP = REMEDY_GIVE_UP
};

/* For each outcome: what follows the first, second and third failure, and what it is
 * called in the end (at attempt 6). */
struct row {
    int status, fault;
    bool located;
    int remedy[3]; /* enum remedy */
    enum err_code code;
};

static struct outcome outcome_of(int status, int fault, bool located)
{
    return (struct outcome){ .status = status,
                             .fault = fault,
                             .located = located,
                             .retry_after = -1,
                             .reset = -1 };
}

/* How many attempts fail before the first that has no other after it. */
static unsigned attempts_of(const struct outcome *outcome)
{
    unsigned attempt = 1;

    while (retry_decide(&policy, outcome, attempt, 0.5).remedy != REMEDY_GIVE_UP)
        attempt++;
    return attempt;
}

static void answers_each_outcome(void **state)
{
    static const struct row rows[] = {
        { 401, NET_OK, true, { FRESH, FRESH, FRESH }, ERR_SOURCE },
        { 403, NET_OK, true, { FRESH, FRESH, FRESH }, ERR_SOURCE },
        { 401, NET_OK, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 403, NET_OK, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 400, NET_OK, true, { FRESH, STOP, STOP }, ERR_SOURCE },
        { 404, NET_OK, true, { FRESH, STOP, STOP }, ERR_SOURCE },
        { 416, NET_OK, true, { FRESH, STOP, STOP }, ERR_SOURCE },
        { 400, NET_OK, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 404, NET_OK, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 416, NET_OK, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 410, NET_OK, true, { STOP, STOP, STOP }, ERR_SOURCE },
        { 410, NET_OK, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 412, NET_OK, true, { STOP, STOP, STOP }, ERR_SOURCE },
        { 418, NET_OK, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 451, NET_OK, true, { STOP, STOP, STOP }, ERR_SOURCE },
        { 304, NET_OK, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 408, NET_OK, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 425, NET_OK, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 429, NET_OK, true, { SLOW, SLOW, SLOW }, ERR_NETWORK },
        { 503, NET_OK, false, { SLOW, SLOW, SLOW }, ERR_NETWORK },
        { 500, NET_OK, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 502, NET_OK, true, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 504, NET_OK, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 520, NET_OK, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 599, NET_OK, true, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 0, NET_RESOLVE, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 0, NET_CONNECT, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 0, NET_TLS, true, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 206, NET_TIMEOUT, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 206, NET_CUT, true, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 0, NET_PROTOCOL, false, { RETRY, RETRY, RETRY }, ERR_NETWORK },
        { 0, NET_CERT, false, { STOP, STOP, STOP }, ERR_NETWORK },
        { 302, NET_REDIRECT, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 200, NET_RANGE, false, { RETRY, RETRY, STOP }, ERR_SOURCE },
        { 206, NET_ENCODED, true, { RETRY, RETRY, STOP }, ERR_SOURCE },
        { 206, NET_CHANGED, false, { STOP, STOP, STOP }, ERR_SOURCE },
        { 206, NET_STALE, false, { RETRY, RETRY, STOP }, ERR_SOURCE },
        { 416, NET_STALE, true, { RETRY, RETRY, STOP }, ERR_SOURCE },
        { 206, NET_LOCAL, false, { STOP, STOP, STOP }, ERR_DEFECT },
        { 503,
          NET_CUT,
          false,
          { SLOW, SLOW, SLOW },
          ERR_NETWORK },                                           /* the status speaks */
        { 404, NET_CUT, false, { STOP, STOP, STOP }, ERR_SOURCE }, /* so here */
        { 503,
          NET_LOCAL,
          false,
          { STOP, STOP, STOP },
          ERR_DEFECT }, /* our side comes first */
        { 200, NET_OK, false, { STOP, STOP, STOP }, ERR_DEFECT }, /* this is no failure */
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct outcome outcome =
            outcome_of(rows[i].status, rows[i].fault, rows[i].located);
        struct retry_decision end = retry_decide(&policy, &outcome, 6, 0.5);

        for (unsigned attempt = 1; attempt <= 3; attempt++) {
            struct retry_decision got = retry_decide(&policy, &outcome, attempt, 0.5);

            if ((int)got.remedy != rows[i].remedy[attempt - 1])
                fail_msg("row %zu, attempt %u: %d", i, attempt, (int)got.remedy);
            if (got.remedy == REMEDY_GIVE_UP)
                assert_int_equal(got.code, rows[i].code);
            else /* that many, the first included, are made before it is given up */
                assert_int_equal(got.most, attempts_of(&outcome));
        }
        assert_int_equal(retry_blame(&outcome), rows[i].code);
        assert_int_equal(retry_asks_pause(&outcome), rows[i].remedy[0] == SLOW);
        assert_int_equal(end.remedy, REMEDY_GIVE_UP);
        assert_int_equal(end.code, rows[i].code);
        assert_true(strlen(retry_meaning(&outcome)) > 10);
    }
}

static void the_policy_limits_attempts(void **state)
{
    const struct retry_policy none = { .first_delay = 1, .longest_delay = 9 };
    const struct retry_policy one = { .first_delay = 1,
                                      .longest_delay = 9,
                                      .attempts = 1 };
    struct outcome cut = outcome_of(206, NET_CUT, false);
    struct outcome range = outcome_of(206, NET_RANGE, false);

    (void)state;
    assert_int_equal(retry_decide(&policy, &cut, 5, 0).remedy, REMEDY_RETRY);
    assert_int_equal(retry_decide(&policy, &cut, 6, 0).remedy, REMEDY_GIVE_UP);
    assert_int_equal(retry_decide(&none, &cut, 1, 0).remedy, REMEDY_GIVE_UP);
    assert_int_equal(retry_decide(&one, &range, 1, 0).remedy, REMEDY_RETRY);
    assert_int_equal(retry_decide(&one, &range, 2, 0).remedy, REMEDY_GIVE_UP);
}

static void delays_double_up_to_a_limit(void **state)
{
    static const struct {
        unsigned attempt;
        double jitter, delay;
    } rows[] = { { 1, 0.0, 0.5 }, { 1, 0.5, 0.75 }, { 2, 0.0, 1.0 },
                 { 4, 0.5, 6.0 }, { 7, 0.0, 30.0 }, { 4000000000u, 0.0, 30.0 } };
    const struct retry_policy patient = { .first_delay = 1,
                                          .longest_delay = 60,
                                          .attempts = UINT32_MAX };
    struct outcome outcome = outcome_of(500, NET_OK, false);

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_true(
            retry_decide(&patient, &outcome, rows[i].attempt, rows[i].jitter).delay ==
            rows[i].delay);
}

static void obeys_what_the_server_asks_for(void **state)
{
    static const struct {
        int status;
        double retry_after, reset, delay;
    } rows[] = {
        { 429, 7, -1, 7 },
        { 503, 7, -1, 7 },
        { 429, -1, 113, 114 },   /* the window counts whole seconds */
        { 429, 7, 113, 114 },    /* the window is the better word */
        { 429, 0, -1, 0.5 },     /* at once is not what a busy server means */
        { 429, 300, -1, 300 },   /* more than our own longest delay */
        { 429, 86400, -1, 600 }, /* but not for ever */
        { 429, -1, 86400, 600 },
        { 429, -1, 600, 600 },
        { 500, 7, -1, 7 },
        { 500, -1, 113, 0.5 }, /* no quota is the reason of a 500 */
        { 429, 0.1, -1, 0.5 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct outcome outcome = outcome_of(rows[i].status, NET_OK, false);

        outcome.retry_after = rows[i].retry_after;
        outcome.reset = rows[i].reset;
        if (retry_decide(&policy, &outcome, 1, 0).delay != rows[i].delay)
            fail_msg("row %zu", i);
    }
}

/* However long our own delays are: one number bounds what a stranger says. */
static void a_longer_own_delay_does_not_widen_the_bound(void **state)
{
    const struct retry_policy slow = { .first_delay = 1,
                                       .longest_delay = 900,
                                       .attempts = 5 };
    struct outcome outcome = outcome_of(429, NET_OK, false);

    (void)state;
    outcome.retry_after = 86400;
    assert_true(retry_decide(&slow, &outcome, 1, 0).delay == 600);
}

/* "The source asked" is said only where it did. */
static void knows_who_wants_the_pause(void **state)
{
    struct outcome outcome = outcome_of(503, NET_OK, false);

    (void)state;
    assert_false(retry_is_asked(&outcome));
    outcome.retry_after = 0;
    assert_true(retry_is_asked(&outcome));
    outcome.retry_after = -1;
    outcome.reset = 3;
    assert_true(retry_is_asked(&outcome));
    outcome = outcome_of(429, NET_OK, false);
    assert_true(retry_is_asked(&outcome));
}

/* Instead of giving up, a request without a range shows whether that was the reason. */
static void asks_without_a_range_before_it_gives_up(void **state)
{
    static const struct {
        int status, fault;
        bool located;
        unsigned attempt; /* the first that has it */
        bool whole;       /* else it gives up there */
    } rows[] = {
        { 403, NET_OK, false, 1, true },     { 404, NET_OK, false, 1, true },
        { 400, NET_OK, false, 1, true },     { 405, NET_OK, false, 1, true },
        { 406, NET_OK, false, 1, true },     { 416, NET_OK, false, 1, true },
        { 501, NET_OK, false, 6, true },     { 500, NET_OK, false, 6, true },
        { 503, NET_OK, false, 6, true },     { 403, NET_OK, true, 3, true },
        { 404, NET_OK, true, 2, true },      { 400, NET_OK, true, 2, true },
        { 200, NET_RANGE, false, 3, true },  { 200, NET_STALE, true, 3, true },
        { 416, NET_STALE, false, 3, true },  { 401, NET_OK, false, 1, false },
        { 401, NET_OK, true, 6, false },     { 410, NET_OK, false, 1, false },
        { 412, NET_OK, false, 1, false },    { 429, NET_OK, false, 6, false },
        { 502, NET_OK, false, 6, false },    { 206, NET_RANGE, false, 3, false },
        { 206, NET_STALE, false, 3, false }, { 206, NET_CHANGED, false, 1, false },
        { 206, NET_CUT, false, 6, false },   { 403, NET_LOCAL, false, 1, false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct outcome outcome =
            outcome_of(rows[i].status, rows[i].fault, rows[i].located);

        outcome.ranged = true;
        for (unsigned attempt = 1; attempt <= rows[i].attempt; attempt++) {
            enum remedy remedy = retry_decide(&policy, &outcome, attempt, 0.5).remedy;
            bool last = remedy == REMEDY_WHOLE || remedy == REMEDY_GIVE_UP;

            if (last != (attempt == rows[i].attempt) ||
                (last && (remedy == REMEDY_WHOLE) != rows[i].whole))
                fail_msg("row %zu, attempt %u: %d", i, attempt, (int)remedy);
        }
        outcome.ranged = false;
        assert_int_not_equal(retry_decide(&policy, &outcome, 6, 0.5).remedy,
                             REMEDY_WHOLE);
    }
}

/* Except one that ignores them, whose reply is all of the file, and 416, which speaks of the
 * range itself. */
static void blames_no_range_of_a_server_that_cuts_them(void **state)
{
    static const int statuses[] = { 400, 403, 404, 405, 406, 500, 501, 503 };

    (void)state;
    for (size_t i = 0; i < countof(statuses); i++)
        for (int located = 0; located < 2; located++) {
            struct outcome outcome = outcome_of(statuses[i], NET_OK, located != 0);
            struct retry_decision plain = retry_decide(&policy, &outcome, 2, 0.5);

            outcome.ranged = outcome.cuts = true;
            assert_int_equal(retry_decide(&policy, &outcome, 2, 0.5).remedy,
                             plain.remedy);
            assert_int_equal(retry_decide(&policy, &outcome, 6, 0.5).remedy,
                             REMEDY_GIVE_UP);
        }
    struct outcome ignored = outcome_of(200, NET_RANGE, false);

    ignored.ranged = ignored.cuts = true;
    assert_int_equal(retry_decide(&policy, &ignored, 3, 0.5).remedy, REMEDY_WHOLE);
    struct outcome refused = outcome_of(416, NET_OK, false);

    refused.ranged = refused.cuts = true;
    assert_int_equal(retry_decide(&policy, &refused, 3, 0.5).remedy, REMEDY_WHOLE);
}

/* A URL that has run out costs no time, but a server that refuses each fresh one does. */
static void the_first_fresh_url_comes_at_once(void **state)
{
    struct outcome outcome = outcome_of(403, NET_OK, true);

    (void)state;
    assert_true(retry_decide(&policy, &outcome, 1, 0.5).delay == 0);
    assert_true(retry_decide(&policy, &outcome, 2, 0.0).delay == 1);
}

static void says_what_it_means(void **state)
{
    struct outcome outcome = outcome_of(503, NET_CUT, false);

    (void)state;
    assert_string_equal(retry_meaning(&outcome),
                        "HTTP 503: the server is temporarily unavailable");
    outcome = outcome_of(0, NET_CONNECT, false);
    assert_string_equal(retry_meaning(&outcome), "connection refused or timed out");
    outcome = outcome_of(499, NET_OK, false);
    assert_true(text_starts(retry_meaning(&outcome), "HTTP 4xx: "));
    outcome = outcome_of(599, NET_OK, false);
    assert_true(text_starts(retry_meaning(&outcome), "HTTP 5xx: "));
}

static void reads_retry_after(void **state)
{
    static const char *const date = "Sun, 06 Nov 1994 08:49:37 GMT";
    const int64_t now = 784111777 - 100; /* a hundred seconds before that date */
    const struct {
        const char *value, *date;
        double seconds;
    } rows[] = {
        { "120", NULL, 120 },
        { "0", NULL, 0 },
        { "601", NULL, 600 },
        { "99999999999999999999999", NULL, 600 },
        { date, NULL, 100 },
        { date, "", 100 },
        { date, "rubbish", 100 },
        { date, "Sun, 06 Nov 1994 08:49:07 GMT", 30 }, /* the server's clock, not ours */
        { date, "Sun, 06 Nov 1994 08:50:37 GMT", 0 },  /* past */
        { "Fri, 31 Dec 9999 23:59:59 GMT", NULL, 600 },
        { "", NULL, -1 },
        { NULL, NULL, -1 },
        { "soon", NULL, -1 },
        { "-5", NULL, -1 },
        { "1.5", NULL, -1 },
        { "5 s", NULL, -1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (retry_after(rows[i].value, rows[i].date, now) != rows[i].seconds)
            fail_msg("row %zu", i);
}

static void reads_ratelimit(void **state)
{
    static const struct {
        const char *value;
        double seconds;
    } rows[] = {
        { "\"resolvers\";r=0;t=113", 113 },
        { "\"resolvers\";t=113;r=0", 113 },
        { "\"resolvers\" ; r=0 ; t=113", 113 },
        { "api;r=0;t=5;pk=:c2Vj,cmV0:", 5 },
        { "\"api\";r=0;t=0", 0 },
        { "\"resolvers\";r=4975;t=113", -1 },
        { "\"a\";r=0;t=5, \"b\";r=0;t=9, \"c\";r=1;t=100", 9 },
        { "\"a\";r=1;t=100, \"b\";r=0;t=9", 9 },
        { "\"a\";r=0, \"b\";t=9", -1 }, /* two halves of different limits */
        { "\"a;r=0;t=9\";r=5;t=3", -1 },
        { "\"a\\\";r=0;t=9\";r=5;t=3", -1 },
        { "\"a;r=0;t=9,b\";r=5;t=3", -1 },
        { "\"a\";r=0", -1 },
        { "\"a\";t=5", -1 },
        { "\"a\";xr=0;t=5", -1 },
        { "\"a\";r=;t=5", -1 },
        { "\"a\";r=0;t=99999999", 600 },
        { "r=0;t=5", -1 }, /* the first is the name, whatever it looks like */
        { "\"a", -1 },
        { "\"\\", -1 },
        { ";;,,;", -1 },
        { "", -1 },
        { NULL, -1 },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (retry_ratelimit(rows[i].value) != rows[i].seconds)
            fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_outcome),
        cmocka_unit_test(the_policy_limits_attempts),
        cmocka_unit_test(delays_double_up_to_a_limit),
        cmocka_unit_test(obeys_what_the_server_asks_for),
        cmocka_unit_test(a_longer_own_delay_does_not_widen_the_bound),
        cmocka_unit_test(knows_who_wants_the_pause),
        cmocka_unit_test(asks_without_a_range_before_it_gives_up),
        cmocka_unit_test(blames_no_range_of_a_server_that_cuts_them),
        cmocka_unit_test(the_first_fresh_url_comes_at_once),
        cmocka_unit_test(says_what_it_means),
        cmocka_unit_test(reads_retry_after),
        cmocka_unit_test(reads_ratelimit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
