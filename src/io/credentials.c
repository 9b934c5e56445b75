#include "io/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "io/hub_env.h"

enum { TOKEN_MOST = 64 << 10 };

void credentials_release(char **token)
{
    if (!token || !*token)
        return;
    explicit_bzero(*token, strlen(*token));
    free(*token);
    *token = NULL;
}

/* A variable that is set and not empty, or NULL. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* The token inside text, which came from `place`. */
static int take_token(const char *place, const char *text, size_t len, char **token,
                      struct err *err)
{
    static const char blanks[] = " \t\r\n\v\f";
    const char *end = text + len;

    while (text < end && strchr(blanks, *text))
        text++;
    while (end > text && strchr(blanks, end[-1]))
        end--;
    if (text == end)
        return 0;
    for (const char *p = text; p < end; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return err_set(err, ERR_USAGE,
                           "the token in '%s' has a control character inside", place);
    *token = strndup(text, (size_t)(end - text));
    return *token ? 0 : err_memory(err, "token");
}

static int take_file(const char *path, bool must, const struct fs_wait *wait,
                     char **token, struct err *err)
{
    struct err cause = { 0 };
    char *bytes;
    size_t len;
    int rc;

    if (fs_read_input(path, TOKEN_MOST, wait, &bytes, &len, &cause) < 0) {
        if (cause.code == ERR_INTERRUPTED)
            return err_copy(err, &cause);
        /* A default file may be missing, or belong to another user. */
        return must ? err_set(err, ERR_USAGE, "token file: %s", cause.text) : 0;
    }
    rc = take_token(path, bytes, len, token, err);
    explicit_bzero(bytes, len);
    free(bytes);
    return rc;
}

int credentials_hub_token(const char *token_file, const struct fs_wait *wait,
                          char **token, struct err *err)
{
    static const char *const variables[] = { "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN" };
    struct strbuf path = { 0 };
    int rc = 0;

    *token = NULL;
    if (token_file)
        return take_file(token_file, true, wait, token, err);
    if (hub_env_is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
        return 0;
    for (size_t i = 0; i < countof(variables); i++) {
        const char *value = variable(variables[i]);

        if (value)
            rc = take_token(variables[i], value, strlen(value), token, err);
        if (rc < 0 || *token)
            return rc;
    }
    if (!hub_env_token(&path))
        goto out;
    rc = path.failed ? err_memory(err, "token")
                     : take_file(path.data, false, wait, token, err);
out:
    strbuf_release(&path);
    return rc;
}
