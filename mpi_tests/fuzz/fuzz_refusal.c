/* What a server says when it refuses: one line of readable text, without a token. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "source/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const char *text)
{
    static const char in_tokens[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";

    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        require(*p >= ' ' && *p != 127);
    require(utf8_is_valid(text, strlen(text)));
    for (const char *p = text; (p = strstr(p, "hf_")); p += 3)
        require(strspn(p + 3, in_tokens) == 0);
}

/* The first byte says where the rest stands: in the body, or in headers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = { 400, 401, 403, 404, 429, 500 };
    struct http_response response = { .request_id = (char *)"req-7" };
    struct err err = { 0 };
    char tame[200];
    char *text;

    if (size == 0 || !(text = malloc(size)))
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    response.outcome.status = statuses[data[0] % countof(statuses)];
    if (data[0] & 64) {
        response.error_message = text;
    } else {
        response.body = text;
        response.body_len = size - 1;
    }
    require(source_refusal("the thing", &response, data[0] & 128, &err) == -1);
    require(err.code == ERR_SOURCE || err.code == ERR_NETWORK);
    require(strstr(err.text, "the thing"));
    check(err.text);
    source_tame(tame, sizeof(tame), text);
    check(tame);
    free(text);
    return 0;
}
