/* Listing of Hub repositories, against a server that plays a Hub. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "source_case.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define OID "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define MAIN "/api/models/a/b/revision/main?expand=sha"
#define PLAIN "/api/models/a/b/revision/main"
#define TREE "/api/models/a/b/tree/" COMMIT "?recursive=true&expand=false"
#define REVISION                                                                         \
    {                                                                                    \
        MAIN, "200 OK", NULL, "{\"sha\":\"" COMMIT "\"}", 0, false                       \
    }

#define SMALL(path)                                                                      \
    "{\"type\":\"file\",\"path\":\"" path "\",\"size\":3,\"oid\":\"" OID "\"}"

static const char large[] =
    "{\"type\":\"file\",\"path\":\"d \\u00fc/w.bin\",\"size\":130,"
    "\"oid\":\"" OID "\",\"lfs\":{\"oid\":\"" SHA "\",\"size\":77,"
    "\"pointerSize\":130},\"xetHash\":\"" SHA "\"}";

static void case_hub(struct source_case *c, const struct script_row *rows, size_t count)
{
    case_start(c, rows, count);
    c->config.source = "hf://a/b";
}

static void test_two_pages(void **state)
{
    const struct script_row rows[] = {
        REVISION,
        { TREE, "200 OK", "Link: </p2?cursor=x&y=1>; rel=\"next\"\r\n",
          "[" SMALL("a.json") ",{\"type\":\"directory\",\"path\":\"d\",\"oid\":\"" OID
                              "\",\"size\":0},{\"type\":\"new\",\"path\":\"n\"}]",
          0, false },
        { "/p2?cursor=x&y=1", "200 OK", "X-HF-Warning: topic; said once\r\n", NULL, 0,
          false },
    };
    struct script_row own[countof(rows)];
    struct strbuf page = { 0 };
    struct source_case c;
    char base[128];

    (void)state;
    memcpy(own, rows, sizeof(rows));
    strbuf_addf(&page, "[%s]", large);
    own[2].body = page.data;
    case_hub(&c, own, countof(own));
    c.config.token = "hf_secret";
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 2);
    assert_text(&c, c.plan.source, "hf://models/a/b@main");
    assert_text(&c, c.plan.repo, "models/a/b");
    assert_text(&c, c.plan.revision, COMMIT);
    assert_text(&c, c.plan.ref, "main");
    snprintf(base, sizeof(base), "%s/a/b/resolve/" COMMIT "/", c.server.url);
    assert_text(&c, c.plan.base, base);

    assert_text(&c, c.plan.files[0].path, "a.json");
    assert_int_equal(c.plan.files[0].flags, PLAN_WHOLE | PLAN_COUNTED);
    assert_int_equal(c.plan.files[0].size, 3);
    assert_int_equal(c.plan.files[0].want.kind, DIGEST_GIT_BLOB);
    assert_int_equal(c.plan.files[0].want.bytes[0], 0xe6);
    assert_text(&c, c.plan.files[0].etag, OID);
    assert_text(&c, c.plan.files[0].xet, "");

    assert_text(&c, c.plan.files[1].path, "d \xc3\xbc/w.bin");
    assert_text(&c, c.plan.files[1].key, "d%20%C3%BC/w.bin");
    assert_int_equal(c.plan.files[1].flags, PLAN_LOCATE | PLAN_LFS);
    assert_int_equal(c.plan.files[1].size, 77);
    assert_int_equal(c.plan.files[1].want.kind, DIGEST_SHA256);
    assert_text(&c, c.plan.files[1].etag, SHA);
    assert_text(&c, c.plan.files[1].oid, OID);
    assert_text(&c, c.plan.files[1].xet, SHA);

    assert_int_equal(c.count.revision, 1);
    assert_int_equal(c.count.listing, 2);
    assert_int_equal(c.count.retried, 0);
    assert_int_equal(case_asked(&c, "Bearer hf_secret"), 3);
    assert_string_equal(c.notices.data, "topic; said once\n");
    strbuf_release(&page);
    case_end(&c);
}

static void test_commit_needs_no_question(void **state)
{
    const struct script_row rows[] = { { TREE, "200 OK", NULL, "[" SMALL("x") "]", 0,
                                         false } };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    c.config.revision = COMMIT;
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.count.revision, 0);
    assert_text(&c, c.plan.revision, COMMIT);
    assert_text(&c, c.plan.ref, COMMIT);
    case_end(&c);
}

static void test_retries(void **state)
{
    const struct script_row rows[] = {
        { MAIN, "503 Busy", NULL, NULL, 2, false },
        REVISION,
        { TREE, "500 Oops", NULL, NULL, 1, false },
        { TREE, "200 OK", NULL, "[" SMALL("x") "]", 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.count.revision, 3);
    assert_int_equal(c.count.listing, 2);
    assert_int_equal(c.count.retried, 3);
    case_end(&c);
}

static void test_retries_end(void **state)
{
    const struct script_row rows[] = { { MAIN, "503 Busy", NULL, NULL, 0, false } };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_failed(&c, ERR_NETWORK, "503");
    assert_int_equal(c.count.revision, 1 + 3);
    case_end(&c);
}

static void test_interrupt_ends_a_long_wait(void **state)
{
    const struct script_row rows[] = { { MAIN, "503 Busy", "Retry-After: 3600\r\n", NULL,
                                         0, false } };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    c.config.retry.longest_delay = 3600;
    c.polls_left = 40; /* calls while the request runs are few, those of the wait many */
    case_run(&c);
    assert_failed(&c, ERR_INTERRUPTED, "interrupted");
    case_end(&c);
}

static void test_token_stays_with_the_endpoint(void **state)
{
    const struct script_row foreign_rows[] = { { "/p2", "200 OK", NULL,
                                                 "[" SMALL("y") "]", 0, false } };
    static const char *const headers[] = { "X-Secret: sesame", NULL };
    struct script_server foreign = { .rows = foreign_rows, .count = 1 };
    struct script_row rows[] = {
        REVISION,
        { TREE, "200 OK", NULL, "[" SMALL("x") "]", 0, false },
    };
    struct source_case c;
    char link[128];

    (void)state;
    assert_int_equal(script_start(&foreign), 0);
    snprintf(link, sizeof(link), "Link: <%s/p2>; rel=\"next\"\r\n", foreign.url);
    rows[1].headers = link;
    case_hub(&c, rows, countof(rows));
    c.config.token = "hf_secret";
    c.config.headers = headers;
    case_run(&c);
    script_stop(&foreign);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 2);
    assert_int_equal(case_asked(&c, "hf_secret"), 2);
    assert_int_equal(case_asked(&c, "sesame"), 2);
    assert_non_null(strstr(foreign.log.data, "GET /p2"));
    assert_null(strstr(foreign.log.data, "hf_secret"));
    assert_null(strstr(foreign.log.data, "sesame"));
    strbuf_release(&foreign.log);
    case_end(&c);
}

#define FOLDER "/api/models/a/b/tree/" COMMIT "/d%2Fe?recursive=true&expand=false"
#define ABOVE "/api/models/a/b/tree/" COMMIT "/d?recursive=false&expand=false"

static void test_folder(void **state)
{
    const struct script_row rows[] = {
        REVISION,
        { FOLDER, "200 OK", NULL, "[" SMALL("d/e/x") "," SMALL("d/ex") "]", 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    c.config.source = "hf://a/b/d/e/";
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 1);
    assert_text(&c, c.plan.files[0].path, "d/e/x");
    assert_text(&c, c.plan.source, "hf://models/a/b@main/d/e");
    case_end(&c);
}

static void test_one_file(void **state)
{
    const struct script_row rows[] = {
        REVISION,
        { FOLDER, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", NULL, 0, false },
        { ABOVE, "200 OK", NULL, "[" SMALL("d/e") "," SMALL("d/f") "]", 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    c.config.source = "hf://a/b/d/e";
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 1);
    assert_text(&c, c.plan.files[0].path, "d/e");
    case_end(&c);
}

static void test_no_such_file(void **state)
{
    const struct script_row rows[] = {
        REVISION,
        { FOLDER, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", NULL, 0, false },
        { ABOVE, "200 OK", NULL, "[" SMALL("d/f") "]", 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    c.config.source = "hf://a/b/d/e";
    case_run(&c);
    assert_failed(&c, ERR_SOURCE, "no such file");
    assert_non_null(strstr(c.err.text, "d/e"));
    case_end(&c);
}

/* The folder is there, as its first page has shown: a tree without the rest would be
 * published as if it were whole. */
static void test_later_page_of_a_folder_is_gone(void **state)
{
    static const char *const first[] = { "[" SMALL("d/e/x") "]", "[]" };

    (void)state;
    for (size_t i = 0; i < countof(first); i++) {
        const struct script_row rows[] = {
            REVISION,
            { FOLDER, "200 OK", "Link: </p2>; rel=\"next\"\r\n", first[i], 0, false },
            { "/p2", "404 Not Found", "X-Error-Code: EntryNotFound\r\n", NULL, 0, false },
            { ABOVE, "200 OK", NULL, "[" SMALL("d/f") "]", 0, false },
        };
        struct source_case c;

        case_hub(&c, rows, countof(rows));
        c.config.source = "hf://a/b/d/e";
        case_run(&c);
        assert_failed(&c, ERR_SOURCE, "no such file or folder");
        assert_non_null(strstr(c.err.text, "d/e"));
        case_end(&c);
    }
}

static void test_patterns(void **state)
{
    static const char *const json[] = { "*.json" };
    static const char *const none[] = { "*" };
    const struct script_row rows[] = {
        REVISION,
        { TREE, "200 OK", NULL, "[" SMALL("d/x.json") "," SMALL("y.txt") "]", 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    c.config.allow = (struct glob_list){ json, 1 };
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 1);
    assert_text(&c, c.plan.files[0].path, "d/x.json");
    case_end(&c);

    case_hub(&c, rows, countof(rows));
    c.config.deny = (struct glob_list){ none, 1 };
    case_run(&c);
    assert_failed(&c, ERR_SOURCE, "no file of 'hf://models/a/b@main' matches");
    case_end(&c);
}

/* Words of the server that go to the terminal as a notice. */
static void test_warning_keeps_no_token(void **state)
{
    const struct script_row rows[] = {
        { MAIN, "200 OK",
          "X-HF-Warning: old; hf_oauth_S3cret.a-b is\told, and hf_jwt_eyJx.y too\r\n",
          "{\"sha\":\"" COMMIT "\"}", 0, false },
        { TREE, "200 OK", NULL, "[" SMALL("x") "]", 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_listed(&c);
    assert_non_null(strstr(c.notices.data, "old; hf_"));
    assert_null(strstr(c.notices.data, "S3cret"));
    assert_null(strstr(c.notices.data, "eyJ"));
    assert_null(strchr(c.notices.data, '\t'));
    case_end(&c);
}

static void test_page_that_links_to_itself(void **state)
{
    const struct script_row rows[] = {
        REVISION,
        { TREE, "200 OK", "Link: <" TREE ">; rel=\"next\"\r\n", "[]", 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_failed(&c, ERR_SOURCE, "links to itself");
    assert_int_equal(c.count.listing, 1);
    case_end(&c);
}

static void test_empty_repository(void **state)
{
    const struct script_row rows[] = { REVISION,
                                       { TREE, "200 OK", NULL, "[]", 0, false } };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 0);
    assert_text(&c, c.plan.revision, COMMIT);
    case_end(&c);
}

/* What a mirror answers that knows the place but not the query. */
static void test_query_is_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned times;
    } statuses[] = {
        { "404 Not Found", 1 },
        { "400 Bad Request", 1 },
        { "422 Unprocessable", 1 },
        { "501 Not Implemented", 4 }, /* with all its retries */
    };

    (void)state;
    for (size_t i = 0; i < countof(statuses); i++) {
        const struct script_row rows[] = {
            { MAIN, statuses[i].text, NULL, "{\"error\":\"?\"}", 0, false },
            { PLAIN, "200 OK", NULL, "{\"sha\":\"" COMMIT "\"}", 0, false },
            { TREE, "200 OK", NULL, "[" SMALL("a") "]", 0, false },
        };
        struct source_case c;

        case_hub(&c, rows, countof(rows));
        case_run(&c);
        assert_listed(&c);
        assert_text(&c, c.plan.revision, COMMIT);
        assert_int_equal(c.count.revision, statuses[i].times + 1);
        case_end(&c);
    }
}

/* The Hub has a code for each refusal: it has understood the query. */
static void test_refusal_of_the_hub_is_final(void **state)
{
    const struct script_row rows[] = {
        { MAIN, "404 Not Found", "X-Error-Code: RevisionNotFound\r\n", NULL, 0, false },
        { PLAIN, "200 OK", NULL, "{\"sha\":\"" COMMIT "\"}", 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_failed(&c, ERR_SOURCE, "404");
    assert_int_equal(c.count.revision, 1);
    case_end(&c);
}

static void test_oid_as_in_a_pointer_file(void **state)
{
    const struct script_row rows[] = {
        REVISION,
        { TREE, "200 OK", NULL,
          "[{\"type\":\"file\",\"path\":\"w\",\"size\":130,\"oid\":\"" OID
          "\",\"lfs\":{\"oid\":\"sha256:" SHA "\",\"size\":77}}]",
          0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_listed(&c);
    assert_int_equal(c.plan.nfiles, 1);
    assert_int_equal(c.plan.files[0].want.kind, DIGEST_SHA256);
    assert_int_equal(c.plan.files[0].want.bytes[0], 0xe3);
    assert_text(&c, c.plan.files[0].etag, SHA);
    case_end(&c);
}

static void test_login_page(void **state)
{
    const struct script_row rows[] = { { MAIN, "200 OK", NULL, "<html>Log in</html>", 0,
                                         false } };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_failed(&c, ERR_SOURCE, "login page or a proxy?");
    assert_non_null(strstr(c.err.text, "hf://models/a/b@main"));
    case_end(&c);
}

static void test_refused_listing(void **state)
{
    const struct script_row rows[] = {
        { MAIN, "401 Unauthorized", "X-Error-Code: RepoNotFound\r\n", NULL, 0, false },
    };
    struct source_case c;

    (void)state;
    case_hub(&c, rows, countof(rows));
    case_run(&c);
    assert_failed(&c, ERR_SOURCE, "HF_TOKEN");
    assert_int_equal(c.count.revision, 1);
    case_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_pages),
        cmocka_unit_test(test_commit_needs_no_question),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_retries_end),
        cmocka_unit_test(test_interrupt_ends_a_long_wait),
        cmocka_unit_test(test_token_stays_with_the_endpoint),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_one_file),
        cmocka_unit_test(test_no_such_file),
        cmocka_unit_test(test_later_page_of_a_folder_is_gone),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_warning_keeps_no_token),
        cmocka_unit_test(test_page_that_links_to_itself),
        cmocka_unit_test(test_empty_repository),
        cmocka_unit_test(test_query_is_refused),
        cmocka_unit_test(test_refusal_of_the_hub_is_final),
        cmocka_unit_test(test_oid_as_in_a_pointer_file),
        cmocka_unit_test(test_login_page),
        cmocka_unit_test(test_refused_listing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
