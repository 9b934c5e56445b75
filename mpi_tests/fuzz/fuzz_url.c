/* Places that a server names: redirects, and the paths inside URLs. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "core/http/redirect.h"
#include "core/plan/url_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_redirect(const char *to)
{
    static const char secure[] = "https://host/x", open[] = "http://host/x";
    const char *const from[] = { secure, open };

    for (size_t i = 0; i < countof(from); i++)
        for (unsigned hops = 0; hops <= REDIRECT_HOPS; hops++) {
            const struct redirect redirect = {
                .first = from[i],
                .from = from[i],
                .to = to,
                .hops = hops,
                .stop_at_foreign = hops % 2,
            };
            struct err err = { 0 };
            enum redirect_step step = redirect_decide(&redirect, &err);
            bool web = text_alike(to, "http://", 7) || text_alike(to, "https://", 8);

            if (step == REDIRECT_REFUSE) {
                require(err.code == ERR_SOURCE &&
                        (*to == '\0' || !web || i == 0 || hops == REDIRECT_HOPS));
                continue;
            }
            require(web && hops < REDIRECT_HOPS && err.code == ERR_NONE);
            require(i == 1 || text_alike(to, "https://", 8));
            require((step == REDIRECT_STOP) ==
                    (hops % 2 && !url_same_origin(from[i], to)));
        }
}

static void check_paths(const char *url)
{
    struct strbuf path = { 0 }, name = { 0 };
    size_t len = strlen(url), folder = url_path_folder(url);

    require(folder <= len && (folder == 0 || url[folder - 1] == '/'));
    if (url_path_file(url, &path)) {
        require(!url_path_is_web(url));
        require(path.data && path.data[0] == '/' && strlen(path.data) == path.len);
    }
    if (url_path_name(url, &name)) {
        require(name.data && name.len > 0 && strlen(name.data) == name.len);
        require(!strchr(name.data, '/'));
    }
    if (url_path_is_web(url))
        for (const char *p = url; *p; p++)
            require((unsigned char)*p > ' ' && *p != 127);
    strbuf_release(&path);
    strbuf_release(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_redirect(text);
    check_paths(text);
    free(text);
    return 0;
}
