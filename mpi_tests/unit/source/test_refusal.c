/* What the user is told about answers with an error status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "source/source.h"

static void test_refusals(void **state)
{
    static const struct {
        int status;
        const char *code, *message, *body;
        bool token;
        enum err_code err;
        const char *says, *says_not;
    } rows[] = {
        { 404, "RepoNotFound", NULL, NULL, false, ERR_SOURCE, "HF_TOKEN", NULL },
        { 404, "RepoNotFound", NULL, NULL, true, ERR_SOURCE, "--repo-type", "HF_TOKEN" },
        { 401, "RepoNotFound", NULL, NULL, false, ERR_SOURCE, "--token-file", NULL },
        { 404, "RevisionNotFound", NULL, NULL, true, ERR_SOURCE, "branch, tag or commit",
          NULL },
        { 404, "EntryNotFound", NULL, NULL, true, ERR_SOURCE, "no such file", NULL },
        { 403, "GatedRepo", NULL, NULL, true, ERR_SOURCE, "accept its terms",
          "HF_TOKEN" },
        { 401, "GatedRepo", NULL, NULL, false, ERR_SOURCE, "HF_TOKEN", NULL },
        { 403, NULL, "Access to this resource is disabled.", NULL, true, ERR_SOURCE,
          "disabled by", NULL },
        { 401, NULL, "Invalid credentials in Authorization header", NULL, true,
          ERR_SOURCE, "expired", "repository" },
        { 401, NULL, NULL, "{\"error\":\"Invalid credentials in Authorization header\"}",
          true, ERR_SOURCE, "expired", "repository" },
        { 401, NULL, NULL, NULL, false, ERR_SOURCE, "HF_TOKEN", NULL },
        { 401, NULL, NULL, NULL, true, ERR_SOURCE, "may not see it", NULL },
        { 403, NULL, "scope missing", NULL, true, ERR_SOURCE, "scope missing",
          "HF_TOKEN" },
        { 400, NULL, NULL, "{\"error\":[\"no good\",\"x\"]}", false, ERR_SOURCE,
          "no good", NULL },
        { 400, NULL, NULL, "{\"errors\":[{\"message\":\"inner\"}]}", false, ERR_SOURCE,
          "inner", NULL },
        { 400, NULL, NULL, "<html>secret page</html>", false, ERR_SOURCE, "400",
          "secret page" },
        { 400, NULL, "bad\tone\033[1m hf_Abc9 ", NULL, false, ERR_SOURCE,
          "bad?one?[1m hf_****", "\033" },
        { 400, NULL, "for hf_oauth_Ab.c-9 only", NULL, true, ERR_SOURCE, " only",
          "Ab.c-9" },
        { 400, NULL, NULL, "{\"error\":\"hf_jwt_eyJ.x.y, not this\"}", true, ERR_SOURCE,
          ", not this", "eyJ" },
        { 410, NULL, NULL, NULL, false, ERR_SOURCE, "410", NULL },
        { 429, NULL, NULL, NULL, true, ERR_NETWORK, "429", NULL },
        { 408, NULL, NULL, NULL, true, ERR_NETWORK, "408", NULL },
        { 425, NULL, NULL, NULL, true, ERR_NETWORK, "425", NULL },
        { 502, NULL, NULL, "[]", true, ERR_NETWORK, "502", NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct http_response response = {
            .outcome = { .status = rows[i].status },
            .error_code = (char *)rows[i].code,
            .error_message = (char *)rows[i].message,
            .body = (char *)rows[i].body,
            .body_len = rows[i].body ? strlen(rows[i].body) : 0,
            .request_id = (char *)"req-7",
        };
        struct err err = { 0 };

        assert_int_equal(source_refusal("the thing", &response, rows[i].token, &err), -1);
        assert_int_equal(err.code, rows[i].err);
        assert_non_null(strstr(err.text, "the thing"));
        assert_non_null(strstr(err.text, "req-7"));
        if (!strstr(err.text, rows[i].says))
            fail_msg("row %zu: '%s' does not say '%s'", i, err.text, rows[i].says);
        if (rows[i].says_not && strstr(err.text, rows[i].says_not))
            fail_msg("row %zu: '%s' says '%s'", i, err.text, rows[i].says_not);
    }
}

/* No token goes to servers other than the Hub, so none is asked for. */
static void test_plain_servers(void **state)
{
    static const struct {
        int status;
        const char *code, *says;
    } rows[] = {
        { 401, NULL, "--header" },           { 403, NULL, "--header" },
        { 401, "GatedRepo", "hf://" },       { 404, "RepoNotFound", "hf://" },
        { 404, "EntryNotFound", "no such" }, { 410, NULL, "410" },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct http_response response = { .outcome = { .status = rows[i].status },
                                                .error_code = (char *)rows[i].code };
        struct err err = { 0 };

        assert_int_equal(source_refusal_plain("the thing", &response, &err), -1);
        assert_int_equal(err.code, ERR_SOURCE);
        if (!strstr(err.text, rows[i].says) || strstr(err.text, "HF_TOKEN") ||
            strstr(err.text, "--token-file"))
            fail_msg("row %zu: '%s'", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_plain_servers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
