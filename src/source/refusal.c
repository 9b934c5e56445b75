/* source/refusal.c -- the sentence for a reply with an error status. */
#include "source/source.h"

#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

/* How many bytes of a server's own text go into a sentence. */
enum { MESSAGE_SHOWN = 160 };

enum token { TOKEN_ANY, TOKEN_SENT, TOKEN_NONE, TOKEN_USELESS };

/* A row matches if all that it names is true. The first match counts. */
static const struct {
    int status;          /* 0: any */
    const char *code;    /* X-Error-Code, or NULL */
    const char *message; /* or NULL */
    enum token token;
    enum err_reason reason;
    const char *meaning;
} rules[] = {
    { 0, "GatedRepo", NULL, TOKEN_USELESS, REASON_GATED,
      "the repository is gated: fetch it as hf://NAMESPACE/NAME, which uses a token" },
    { 0, "RepoNotFound", NULL, TOKEN_USELESS, REASON_REPOSITORY_NOT_FOUND,
      "no such repository, or a private one: fetch it as hf://NAMESPACE/NAME, which uses "
      "a token" },
    { 401, NULL, "Invalid credentials in Authorization header", TOKEN_USELESS,
      REASON_UNAUTHORIZED, "the server does not accept the Authorization header" },
    { 401, NULL, "Invalid credentials in Authorization header", TOKEN_ANY,
      REASON_BAD_TOKEN,
      "the token is not valid, or has expired: set another with HF_TOKEN or "
      "--token-file" },
    { 403, NULL, "Access to this resource is disabled.", TOKEN_ANY, REASON_DISABLED,
      "the repository was disabled by the staff of the Hub" },
    { 0, "GatedRepo", NULL, TOKEN_SENT, REASON_GATED,
      "the repository is gated, and the account of the token has no access: accept its "
      "terms on its web page, or wait for approval" },
    { 0, "GatedRepo", NULL, TOKEN_NONE, REASON_GATED,
      "the repository is gated: accept its terms on its web page, then set HF_TOKEN or "
      "--token-file" },
    { 0, "RepoNotFound", NULL, TOKEN_SENT, REASON_REPOSITORY_NOT_FOUND,
      "no such repository, or the token may not see it: check the name and --repo-type" },
    { 0, "RepoNotFound", NULL, TOKEN_NONE, REASON_REPOSITORY_NOT_FOUND,
      "no such repository, or a private one: check the name and --repo-type, or set "
      "HF_TOKEN or --token-file" },
    { 0, "RevisionNotFound", NULL, TOKEN_ANY, REASON_REVISION_NOT_FOUND,
      "no such branch, tag or commit" },
    { 0, "EntryNotFound", NULL, TOKEN_ANY, REASON_ENTRY_NOT_FOUND,
      "no such file or folder at this revision" },
    { 401, NULL, NULL, TOKEN_SENT, REASON_REPOSITORY_NOT_FOUND,
      "no such repository, or the token may not see it: check the name and --repo-type" },
    { 401, NULL, NULL, TOKEN_NONE, REASON_REPOSITORY_NOT_FOUND,
      "not found, or access is restricted: check the name, or set HF_TOKEN or "
      "--token-file" },
    { 401, NULL, NULL, TOKEN_USELESS, REASON_UNAUTHORIZED,
      "access is restricted: send the credentials that the server expects with --header "
      "(Hub tokens are sent to hf:// sources only)" },
    { 403, NULL, NULL, TOKEN_SENT, REASON_FORBIDDEN,
      "the token lacks the right to read this" },
    { 403, NULL, NULL, TOKEN_NONE, REASON_FORBIDDEN,
      "access denied: set HF_TOKEN or --token-file" },
    { 403, NULL, NULL, TOKEN_USELESS, REASON_FORBIDDEN,
      "access denied: send the credentials that the server expects with --header (Hub "
      "tokens are sent to hf:// sources only)" },
    { 429, NULL, NULL, TOKEN_NONE, REASON_TOO_MANY_REQUESTS,
      "too many requests: run again later, or with a token, which has a larger quota" },
};

static const char in_tokens[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";

/* {"error": "..."}, {"error": ["..."]}, {"errors": [{"message": "..."}]}; "" if none. */
static const char *json_message(const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    const char *text;

    if (json_is_array(error))
        error = json_array_get(error, 0);
    if (!error)
        error = json_object_get(json_array_get(json_object_get(root, "errors"), 0),
                                "message");
    text = json_string_value(error);
    return text ? text : "";
}

void source_tame(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    memcpy(out, text, len);
    out[len] = '\0';
    if (text[len])
        utf8_cut(out, size);
    utf8_mask(out);
    for (char *p = strstr(out, "hf_"); p; p = strstr(p, "hf_")) {
        p += strlen("hf_");
        memset(p, '*', strspn(p, in_tokens));
    }
}

static void find_message(const struct http_response *response, char *out, size_t size)
{
    json_t *root = NULL;

    if (response->error_message && response->error_message[0]) {
        source_tame(out, size, response->error_message);
        return;
    }
    if (response->body)
        root = json_loadb(response->body, response->body_len, 0, NULL);
    source_tame(out, size, json_message(root));
    json_decref(root);
}

static bool same(const char *wanted, const char *found)
{
    return !wanted || (found && strcmp(wanted, found) == 0);
}

/* The place of the rule in the list, or -1. */
static int find_rule(const struct http_response *response, const char *message,
                     enum token token)
{
    for (size_t i = 0; i < countof(rules); i++) {
        if (rules[i].status && rules[i].status != response->outcome.status)
            continue;
        if (rules[i].token != TOKEN_ANY && rules[i].token != token)
            continue;
        if (same(rules[i].code, response->error_code) && same(rules[i].message, message))
            return (int)i;
    }
    return -1;
}

static int refuse_status(const char *what, const struct http_response *response,
                         enum token token, struct err *err)
{
    int status = response->outcome.status, rule;
    enum err_code code = retry_blame(&response->outcome);
    char message[MESSAGE_SHOWN];
    char id[64];
    struct strbuf text = { 0 };

    find_message(response, message, sizeof(message));
    source_tame(id, sizeof(id), response->request_id ? response->request_id : "");
    rule = find_rule(response, message, token);
    if (rule >= 0)
        strbuf_addf(&text, "HTTP %d: %s", status, rules[rule].meaning);
    else
        strbuf_adds(&text, retry_meaning(&response->outcome));
    if (message[0])
        strbuf_addf(&text, " (the server says: %s)", message);
    if (id[0])
        strbuf_addf(&text, " (request %s)", id);
    if (text.failed)
        err_memory(err, "a refusal");
    else
        err_set_why(err, code,
                    rule >= 0 ? rules[rule].reason : retry_reason(&response->outcome),
                    "%s", text.data);
    strbuf_release(&text);
    return err_wrap(err, "'%s'", what);
}

int source_refusal(const char *what, const struct http_response *response, bool had_token,
                   struct err *err)
{
    return refuse_status(what, response, had_token ? TOKEN_SENT : TOKEN_NONE, err);
}

int source_refusal_plain(const char *what, const struct http_response *response,
                         struct err *err)
{
    return refuse_status(what, response, TOKEN_USELESS, err);
}
