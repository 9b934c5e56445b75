/* io/http/http.c and TLS: whom it trusts, and how a connection may not end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_case.h"

/* openssl's own server, which sends what it is given on its standard input. */
struct tls_server {
    char dir[32], cert[48], key[48], url[64];
    int input;
    pid_t pid;
};

static bool tls_start(struct tls_server *tls)
{
    static const char mark[] = "ACCEPT ";
    char command[256], line[256];
    int in[2], out[2];
    FILE *said;
    char *port = NULL;

    strcpy(tls->dir, "/tmp/test_http_XXXXXX");
    if (!mkdtemp(tls->dir) || pipe(in) < 0 || pipe(out) < 0)
        return false;
    snprintf(tls->cert, sizeof(tls->cert), "%s/cert", tls->dir);
    snprintf(tls->key, sizeof(tls->key), "%s/key", tls->dir);
    snprintf(
        command, sizeof(command),
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
        "-keyout %s -out %s 2>/dev/null",
        tls->key, tls->cert);
    if (system(command) != 0)
        return false;
    tls->pid = fork();
    if (tls->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        close(in[1]);
        close(out[0]);
        execlp("openssl", "openssl", "s_server", "-4", "-accept", "127.0.0.1:0", "-cert",
               tls->cert, "-key", tls->key, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    tls->input = in[1];
    said = fdopen(out[0], "r");
    while (!port && said && fgets(line, sizeof(line), said))
        if (strncmp(line, mark, sizeof(mark) - 1) == 0)
            port = strrchr(line, ':');
    if (port)
        snprintf(tls->url, sizeof(tls->url), "https://localhost:%.*s/",
                 (int)strspn(port + 1, "0123456789"), port + 1);
    return port != NULL; /* said stays open: the server must be able to speak */
}

static void tls_stop(struct tls_server *tls)
{
    kill(tls->pid, SIGKILL);
    waitpid(tls->pid, NULL, 0);
    close(tls->input);
    unlink(tls->cert);
    unlink(tls->key);
    rmdir(tls->dir);
}

static void test_tls(void **state)
{
    static const char half[] = "HTTP/1.1 200 OK\r\n\r\n01234";
    struct tls_server tls = { 0 };
    struct strbuf body = { 0 };
    struct http_request request = {
        .checked = true,
        .sink = collect,
        .owner = &body,
        .want = { .range = { 0, 10 }, .size = 10, .whole = true, .etag = "" }
    };
    struct http_response response;
    struct http *http;

    assert_true(tls_start(&tls));
    request.url = tls.url;
    get(*state, &request, &response); /* nobody vouches for its certificate */
    assert_int_equal(response.outcome.fault, NET_CERT);
    assert_int_equal(response.outcome.status, 0);
    http_response_release(&response);

    /* The process dies, so the connection ends without close_notify, where the end of the
     * connection is the end of the body. */
    http = create(1, tls.cert, 30);
    start(http, &request);
    step(http);
    assert_int_equal(write(tls.input, half, sizeof(half) - 1), sizeof(half) - 1);
    while (body.len < 5)
        step(http);
    tls_stop(&tls);
    while (!http_next(http, &response))
        step(http);
    assert_int_equal(response.outcome.status, 200);
    assert_int_equal(response.outcome.fault, NET_CUT);
    assert_string_equal(body.data, "01234");
    http_response_release(&response);
    http_destroy(http);
    strbuf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
