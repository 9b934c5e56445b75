/* Requests of rank 0 that others make: all ranks of a job in one process, each on a node of its
 * own, of which some have a proxy that nobody is. */
#include <stdio.h>

#include "core/state/msg.h"
#include "http_case.h"
#include "io/clock.h"
#include "io/mpi/comm.h"
#include "ranks/delegate.h"
#include "ranks/errands.h"
#include "ranks/mail.h"
#include "ranks/run.h"
#include "script_server.h"

enum { RANKS = 4, LONG = 3 << 20 };

struct comm {
    int rank;
};

static struct rank {
    struct comm comm;
    struct ranks ranks;
    struct errands *errands;
    bool shut; /* from the beginning */
    bool cut;  /* from now on: it has a connection, to a proxy, say, and no more */
    struct mail {
        struct mail *next;
        int from;
        struct strbuf bytes;
    } * mail;
    unsigned asked, on, dropped; /* messages that it got */
    unsigned answered;           /* whole answers that it sent */
    bool waits;                  /* for rank 0 to take what it sent of a body */
} job[RANKS];

static struct http *http;
static struct delegate *delegate;
static char body[LONG + 1];
static struct script_server gate; /* a proxy that leads nowhere, of those who are gated */
static bool gated[RANKS];

int comm_rank(const struct comm *comm)
{
    return comm->rank;
}

int comm_node(const struct comm *comm, int rank)
{
    (void)comm;
    return rank;
}

int comm_nodes(const struct comm *comm)
{
    (void)comm;
    return RANKS;
}

int comm_node_lowest(const struct comm *comm, int node)
{
    (void)comm;
    return node;
}

const char *comm_host(const struct comm *comm, int rank)
{
    static const char *const names[RANKS] = { "n0", "n1", "n2", "n3" };

    (void)comm;
    return names[rank];
}

static void count(struct rank *to, const struct msg *msg)
{
    to->asked += msg->kind == MSG_ASK;
    to->on += msg->kind == MSG_ASK_ON && !msg->at_once;
    to->dropped += msg->kind == MSG_ASK_ON && msg->at_once;
}

int comm_send(struct comm *comm, int to, const void *bytes, size_t len, struct err *err)
{
    struct mail *mail = calloc(1, sizeof(*mail)), **at = &job[to].mail;
    struct msg msg;

    assert_non_null(mail);
    assert_int_equal(msg_decode(&msg, bytes, len, err), 0);
    count(&job[to], &msg);
    if (msg.kind == MSG_ANSWER && !msg.whole && msg.blob_len > 0) {
        assert_true(msg.blob_len < (1 << 20) + (1 << 17));
        assert_false(job[comm->rank].waits);
        job[comm->rank].waits = true;
    }
    job[comm->rank].answered += msg.kind == MSG_ANSWER && msg.whole;
    if (msg.kind == MSG_ASK || msg.kind == MSG_ASK_ON)
        job[to].waits = false;
    if (job[comm->rank].cut && msg.kind == MSG_ANSWER && msg.whole) {
        msg.lost = true;
        msg.blob_len = 0;
    }
    msg_encode(&msg, &mail->bytes);
    mail->from = comm->rank;
    while (*at)
        at = &(*at)->next;
    *at = mail;
    return 0;
}

int comm_recv(struct comm *comm, struct strbuf *buf, int *from, struct err *err)
{
    struct mail *mail = job[comm->rank].mail;

    (void)err;
    strbuf_clear(buf);
    if (!mail)
        return 0;
    job[comm->rank].mail = mail->next;
    strbuf_add(buf, mail->bytes.data, mail->bytes.len);
    *from = mail->from;
    strbuf_release(&mail->bytes);
    free(mail);
    return 1;
}

static int open_http(void *arg, struct http **out, struct err *err)
{
    const struct rank *of = arg;
    const struct http_config config = {
        .connections = 4,
        .user_agent = "mpifetch-test/1",
        .proxy = of->shut               ? "http://127.0.0.1:9"
                 : gated[of->comm.rank] ? gate.url
                                        : NULL,
        .connect_timeout = 10,
        .low_speed_time = 30,
    };

    return http_create(out, &config, err);
}

static void begin(const bool shut[RANKS])
{
    forget_proxies();
    for (int i = 0; i < RANKS; i++) {
        job[i] = (struct rank){ .comm = { i }, .shut = shut[i] };
        job[i].ranks = (struct ranks){ .comm = &job[i].comm, .rank = i, .size = RANKS };
        if (i > 0)
            assert_int_equal(
                errands_open(&job[i].errands, &job[i].ranks, open_http, &job[i], NULL),
                0);
    }
    assert_int_equal(open_http(&job[0], &http, NULL), 0);
    assert_int_equal(delegate_open(&delegate, &job[0].ranks, http, NULL), 0);
    assert_non_null(delegate);
}

static void end(void)
{
    http_destroy(http);
    delegate_close(delegate);
    for (int i = 0; i < RANKS; i++) {
        errands_close(job[i].errands);
        for (struct mail *mail; (mail = job[i].mail);) {
            job[i].mail = mail->next;
            strbuf_release(&mail->bytes);
            free(mail);
        }
    }
}

/* Each rank looks for messages. */
static void pass(void)
{
    struct strbuf bytes = { 0 };
    struct err err = { 0 };
    struct msg msg;
    int from;

    for (int i = 0; i < RANKS; i++)
        assert_int_equal(mail_take(&job[i].ranks, &bytes, &msg, &from, &err), 0);
    strbuf_release(&bytes);
}

static void finish(struct http_response *response)
{
    double until = clock_now() + 300;
    bool moved;

    while (!http_next(http, response)) {
        assert_true(clock_now() < until);
        assert_int_equal(http_wait(http, 0.001, &moved, NULL), 0);
        pass();
    }
}

static void ask(const char *base, const char *path, struct http_response *response)
{
    struct http_request request = { .body_limit = 100, .owner = response };
    char url[128];

    snprintf(url, sizeof(url), "%s%s", base, path);
    request.url = url;
    start(http, &request);
    finish(response);
    assert_ptr_equal(response->owner, response);
}

static const struct script_row rows[] = {
    { "/page", "200 OK", "Link: </next?a=1>; rel=\"next\"\r\nX-Request-Id: seven\r\n",
      "text", 0, 0 },
    { "/none", "404 Not Found", "X-Error-Code: RepoNotFound\r\nX-Error-Message: no\r\n",
      "gone", 0, 0 },
    { "/long", "200 OK", NULL, body, 0, 0 },
};

static void serve(struct script_server *server)
{
    memset(body, 'x', LONG);
    *server = (struct script_server){ .rows = rows, .count = countof(rows) };
    script_start(server);
}

static void test_what_comes_back(void **state)
{
    struct http_response response;
    struct script_server server;

    (void)state;
    serve(&server);
    begin((const bool[RANKS]){ true, true, false, false });
    ask(server.url, "/page", &response);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_int_equal(response.outcome.status, 200);
    assert_string_equal(response.body, "text");
    assert_int_equal(response.body_len, 4);
    assert_non_null(strstr(response.link_next, "/next?a=1"));
    assert_string_equal(response.request_id, "seven");
    assert_null(response.error_code);
    http_response_release(&response);
    assert_int_equal(delegate_rank(delegate), 2);
    ask(server.url, "/none", &response);
    assert_int_equal(response.outcome.status, 404);
    assert_string_equal(response.error_code, "RepoNotFound");
    assert_string_equal(response.error_message, "no");
    assert_string_equal(response.body, "gone");
    http_response_release(&response);
    assert_int_equal(job[1].asked, 1);
    assert_int_equal(job[2].asked, 2);
    assert_int_equal(job[3].asked, 0);
    end();
    script_stop(&server);
    strbuf_release(&server.log);
}

static void test_a_delegate_that_loses_its_way(void **state)
{
    struct http_response response;
    struct script_server server;

    (void)state;
    serve(&server);
    begin((const bool[RANKS]){ true, false, true, false });
    ask(server.url, "/page", &response);
    http_response_release(&response);
    assert_int_equal(delegate_rank(delegate), 1);
    job[1].cut = true;
    ask(server.url, "/page", &response);
    assert_int_equal(response.outcome.status, 200);
    http_response_release(&response);
    assert_int_equal(delegate_rank(delegate), 3);
    job[3].cut = true;
    ask(server.url, "/page", &response);
    assert_int_equal(response.outcome.fault, NET_CONNECT);
    assert_non_null(strstr(response.err.text, "/page"));
    /* it was not tried here, so it is, and nobody else is asked any more */
    assert_null(strstr(response.err.text, "nor does"));
    http_response_release(&response);
    assert_int_equal(delegate_rank(delegate), 0);
    ask(server.url, "/page", &response);
    assert_int_equal(response.err.code, ERR_NETWORK);
    assert_non_null(
        strstr(response.err.text, "; nor does any of the 3 other nodes reach it"));
    http_response_release(&response);
    end();
    script_stop(&server);
    strbuf_release(&server.log);
}

/* What a proxy says of the way, not what the source says by it. */
static void test_a_proxy_that_does_not_reach_it(void **state)
{
    static const struct {
        const char *line;
        int status;
    } refusals[] = { { "407 Proxy Authentication Required", 407 },
                     { "502 Bad Gateway", 502 } };

    (void)state;
    for (size_t i = 0; i < countof(refusals); i++) {
        struct http_response response;
        struct script_server server;
        struct script_row row = { .status = refusals[i].line };
        char target[128];

        serve(&server);
        snprintf(target, sizeof(target), "%s/page", server.url);
        row.target = target;
        gate = (struct script_server){ .rows = &row, .count = 1 };
        script_start(&gate);
        memcpy(gated, (const bool[RANKS]){ true, true, false, false }, sizeof(gated));
        begin((const bool[RANKS]){ false });
        ask(server.url, "/page", &response);
        assert_int_equal(response.outcome.status, 200);
        http_response_release(&response);
        assert_int_equal(delegate_rank(delegate), 2);
        assert_int_equal(job[3].asked, 0);
        end();
        memcpy(gated, (const bool[RANKS]){ true, true, true, true }, sizeof(gated));
        begin((const bool[RANKS]){ false });
        ask(server.url, "/page", &response);
        assert_int_equal(response.outcome.status, refusals[i].status);
        http_response_release(&response);
        assert_int_equal(delegate_rank(delegate), 0);
        end();
        memset(gated, 0, sizeof(gated));
        script_stop(&gate);
        assert_int_equal(gate.used[0], 2 + RANKS); /* nobody asked it twice */
        strbuf_release(&gate.log);
        script_stop(&server);
        strbuf_release(&server.log);
    }
}

/* Nor does it make a tunnel: the reply is its own for sure. */
static void test_a_proxy_that_makes_no_tunnel(void **state)
{
    static const struct script_row refusal = { "far.invalid:443", "502 Bad Gateway",
                                               .body = "" };
    struct http_response response;

    (void)state;
    gate = (struct script_server){ .rows = &refusal, .count = 1 };
    script_start(&gate);
    memcpy(gated, (const bool[RANKS]){ true, true, false, false }, sizeof(gated));
    begin((const bool[RANKS]){ false, false, true, true });
    ask("https://far.invalid", "/page", &response);
    assert_int_equal(response.outcome.fault, NET_CONNECT);
    http_response_release(&response);
    for (int i = 1; i < RANKS; i++)
        assert_int_equal(job[i].asked, 1);
    end();
    memset(gated, 0, sizeof(gated));
    script_stop(&gate);
    assert_int_equal(gate.used[0], 2);
    strbuf_release(&gate.log);
}

/* Whoever has a connection is the delegate, however long the answer takes: the others are told
 * to stop. */
static void test_a_server_that_takes_its_time(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct http_request request = { .body_limit = 100 };
    struct http_response response;
    socklen_t len = sizeof(address);
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    double until = clock_now() + 300;
    struct http_transfer *transfer;
    char url[64];
    bool moved;

    (void)state;
    assert_int_equal(bind(silent, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(silent, 8), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&address, &len), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/x",
             (unsigned)ntohs(address.sin_port));
    begin((const bool[RANKS]){ true, true, false, false });
    request.url = url;
    transfer = start(http, &request);
    while (delegate_rank(delegate) == 0) {
        assert_true(clock_now() < until);
        assert_int_equal(http_wait(http, 0.001, &moved, NULL), 0);
        pass();
    }
    assert_int_equal(delegate_rank(delegate), 2);
    assert_int_equal(http_wait(http, 0, &moved, NULL), 0);
    assert_false(http_next(http, &response));
    http_cancel(http, transfer);
    end();
    close(silent);
}

static size_t took;
static bool full;

static int take(void *owner, const void *bytes, size_t len)
{
    (void)owner;
    assert_memory_equal(bytes, body, len > LONG ? 0 : len);
    took += len;
    return full ? -1 : 0;
}

static void stream(struct script_server *server, struct http_response *response)
{
    struct http_request request = { .sink = take };
    char url[128];

    took = 0;
    snprintf(url, sizeof(url), "%s/long", server->url);
    request.url = url;
    start(http, &request);
    finish(response);
}

static void test_a_long_body(void **state)
{
    struct http_response response;
    struct script_server server;

    (void)state;
    serve(&server);
    begin((const bool[RANKS]){ true, false, false, false });
    full = false;
    stream(&server, &response);
    assert_int_equal(response.outcome.fault, NET_OK);
    assert_int_equal(response.bytes, LONG);
    assert_int_equal(took, LONG);
    assert_true(job[1].on >= (LONG >> 20) - 1); /* pieces were waited for */
    http_response_release(&response);
    full = true;
    stream(&server, &response);
    assert_int_equal(response.outcome.fault, NET_LOCAL);
    assert_true(took < LONG);
    pass();
    assert_int_equal(job[1].dropped, 1);
    http_response_release(&response);
    end();
    script_stop(&server);
    strbuf_release(&server.log);
}

static void test_a_request_that_is_dropped(void **state)
{
    struct http_request request = { .body_limit = 100 };
    struct http_transfer *transfer;
    struct script_server server;
    char url[128];
    bool moved;

    (void)state;
    serve(&server);
    begin((const bool[RANKS]){ true, true, false, false });
    snprintf(url, sizeof(url), "%s/page", server.url);
    request.url = url;
    transfer = start(http, &request);
    for (double until = clock_now() + 300; job[1].asked == 0;) {
        assert_true(clock_now() < until);
        assert_int_equal(http_wait(http, 0.001, &moved, NULL), 0);
        mail_take(&job[0].ranks, &(struct strbuf){ 0 }, &(struct msg){ 0 }, &(int){ 0 },
                  NULL);
    }
    http_cancel(http, transfer);
    assert_int_equal(http_running(http), 0);
    pass();
    assert_int_equal(job[1].dropped, 1);
    for (int i = 0; i < 10; i++)
        pass();
    assert_int_equal(delegate_rank(delegate), 0);
    assert_int_equal(job[2].asked, 0);
    end();
    script_stop(&server);
    strbuf_release(&server.log);
}

/* Its answer is there already, but was not taken. */
static void test_requests_that_are_dropped_too_late(void **state)
{
    struct http_request request = { .body_limit = 100 };
    struct http_response response;
    struct script_server server;
    char url[128];
    bool moved;

    (void)state;
    serve(&server);
    begin((const bool[RANKS]){ true, false, false, false });
    ask(server.url, "/page", &response);
    http_response_release(&response);
    snprintf(url, sizeof(url), "%s/page", server.url);
    request.url = url;
    for (unsigned i = 0; i < 3; i++) {
        struct http_transfer *transfer = start(http, &request);
        unsigned before = job[1].answered;

        assert_int_equal(http_wait(http, 0, &moved, NULL), 0);
        for (double until = clock_now() + 300; job[1].answered == before; pass())
            assert_true(clock_now() < until);
        pass();
        http_cancel(http, transfer);
        pass();
        assert_int_equal(http_wait(http, 0, &moved, NULL), 0);
    }
    ask(server.url, "/page", &response);
    assert_int_equal(response.outcome.status, 200);
    http_response_release(&response);
    end();
    script_stop(&server);
    strbuf_release(&server.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_back),
        cmocka_unit_test(test_a_delegate_that_loses_its_way),
        cmocka_unit_test(test_a_proxy_that_does_not_reach_it),
        cmocka_unit_test(test_a_proxy_that_makes_no_tunnel),
        cmocka_unit_test(test_a_server_that_takes_its_time),
        cmocka_unit_test(test_a_long_body),
        cmocka_unit_test(test_a_request_that_is_dropped),
        cmocka_unit_test(test_requests_that_are_dropped_too_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
