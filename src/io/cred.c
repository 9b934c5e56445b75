#include "io/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/text.h"

enum { TOKEN_MOST = 64 << 10 };

void cred_release(char **token)
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

static bool implicit_allowed(void)
{
    static const char *const yes[] = { "1", "on", "yes", "true" };
    const char *value = variable("HF_HUB_DISABLE_IMPLICIT_TOKEN");

    for (size_t i = 0; value && i < countof(yes); i++)
        if (text_alike(yes[i], value, strlen(yes[i]) + 1))
            return false;
    return true;
}

/* The token inside text, which came from `place`. */
static int take(const char *place, const char *text, size_t len, char **token,
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

/* Read up to len bytes; the number of bytes, or -1 and errno. */
static ssize_t read_file(const char *path, char *bytes, size_t len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t have = 0;
    ssize_t n = 1;

    if (fd < 0)
        return -1;
    while (have < len && n != 0) {
        n = read(fd, bytes + have, len - have);
        if (n < 0 && errno != EINTR)
            break;
        have += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return n < 0 ? -1 : (ssize_t)have;
}

static int take_file(const char *path, bool must, char **token, struct err *err)
{
    char *bytes = malloc(TOKEN_MOST);
    ssize_t len;
    int rc = -1;

    if (!bytes)
        return err_memory(err, "token");
    len = read_file(path, bytes, TOKEN_MOST);
    /* One that nobody asked for may be missing, or belong to somebody else. */
    if (len < 0)
        rc = must ? err_set(err, ERR_USAGE, "token file '%s': %s", path, strerror(errno))
                  : 0;
    else if (len == TOKEN_MOST)
        err_set(err, ERR_USAGE, "token file '%s': too long to hold a token", path);
    else
        rc = take(path, bytes, (size_t)len, token, err);
    explicit_bzero(bytes, TOKEN_MOST);
    free(bytes);
    return rc;
}

/* As Python's expandvars: "$NAME" and "${NAME}" of variables that are set. */
static void add_expanded(struct strbuf *path, const char *text)
{
    static const char word[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

    while (*text) {
        bool braced = text[0] == '$' && text[1] == '{';
        const char *begin = text + (braced ? 2 : 1);
        size_t len = *text == '$' ? strspn(begin, word) : 0;
        char name[128];
        const char *value;

        if (len > 0 && len < sizeof(name) && (!braced || begin[len] == '}')) {
            memcpy(name, begin, len);
            name[len] = '\0';
            value = getenv(name);
            if (value) {
                strbuf_adds(path, value);
                text = begin + len + braced;
                continue;
            }
        }
        strbuf_add(path, text++, 1);
    }
}

/* Append dir, with its "~/" and its variables resolved, and rest; false: there is no home
 * directory. */
static bool add_path(struct strbuf *path, const char *dir, const char *rest)
{
    if (text_starts(dir, "~/")) {
        const char *home = variable("HOME");

        if (!home)
            return false;
        strbuf_adds(path, home);
        dir++;
    }
    add_expanded(path, dir);
    strbuf_adds(path, rest);
    return true;
}

static bool token_path(struct strbuf *path)
{
    static const struct {
        const char *variable, *rest;
    } places[] = {
        { "HF_TOKEN_PATH", "" },
        { "HF_HOME", "/token" },
        { "XDG_CACHE_HOME", "/huggingface/token" },
    };

    for (size_t i = 0; i < countof(places); i++) {
        const char *value = variable(places[i].variable);

        if (value)
            return add_path(path, value, places[i].rest);
    }
    return add_path(path, "~/.cache", "/huggingface/token");
}

int cred_hub_token(const char *token_file, char **token, struct err *err)
{
    static const char *const variables[] = { "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN" };
    struct strbuf path = { 0 };
    int rc = 0;

    *token = NULL;
    if (token_file)
        return take_file(token_file, true, token, err);
    if (!implicit_allowed())
        return 0;
    for (size_t i = 0; i < countof(variables); i++) {
        const char *value = variable(variables[i]);

        if (value)
            rc = take(variables[i], value, strlen(value), token, err);
        if (rc < 0 || *token)
            return rc;
    }
    if (!token_path(&path))
        goto out;
    rc = path.failed ? err_memory(err, "token") : take_file(path.data, false, token, err);
out:
    strbuf_release(&path);
    return rc;
}
