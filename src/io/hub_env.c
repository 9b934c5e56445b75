#include "io/hub_env.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* A variable that is set and not empty, or NULL. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
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

struct place {
    const char *variable, *rest;
};

/* The first whose variable is set; else below the usual place. */
static bool find_place(const struct place *place, size_t count, const char *rest,
                       struct strbuf *path)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = variable(place[i].variable);

        if (value)
            return add_path(path, value, place[i].rest);
    }
    return add_path(path, "~/.cache", rest);
}

bool hub_env_token(struct strbuf *path)
{
    static const struct place places[] = {
        { "HF_TOKEN_PATH", "" },
        { "HF_HOME", "/token" },
        { "XDG_CACHE_HOME", "/huggingface/token" },
    };

    return find_place(places, countof(places), "/huggingface/token", path);
}

bool hub_env_cache(struct strbuf *path)
{
    static const struct place places[] = {
        { "HF_HUB_CACHE", "" },
        { "HUGGINGFACE_HUB_CACHE", "" },
        { "HF_HOME", "/hub" },
        { "XDG_CACHE_HOME", "/huggingface/hub" },
    };

    return find_place(places, countof(places), "/huggingface/hub", path);
}

char *hub_env_endpoint(const char *given)
{
    const char *set = given ? given : variable("HF_ENDPOINT");
    char *endpoint = strdup(set ? set : "https://huggingface.co");
    size_t len = endpoint ? strlen(endpoint) : 0;

    while (len > 0 && endpoint[len - 1] == '/')
        endpoint[--len] = '\0';
    return endpoint;
}

const char *hub_env_offline(void)
{
    static const char *const names[] = { "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE" };

    for (size_t i = 0; i < countof(names); i++)
        if (variable(names[i]))
            return hub_env_is_on(names[i]) ? names[i] : NULL;
    return NULL;
}

bool hub_env_is_on(const char *name)
{
    static const char *const yes[] = { "1", "on", "yes", "true" };
    const char *value = variable(name);

    for (size_t i = 0; value && i < countof(yes); i++)
        if (text_alike(yes[i], value, strlen(yes[i]) + 1))
            return true;
    return false;
}
