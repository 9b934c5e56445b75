#include "core/plan/url_path.h"

#include <string.h>

#include "base/text.h"
#include "base/url.h"

/* Behind "scheme://", or NULL. */
static const char *authority(const char *url)
{
    const char *mark = strstr(url, "://");

    return mark && mark > url ? mark + 3 : NULL;
}

bool url_path_is_web(const char *url)
{
    const char *host = authority(url);

    if (!text_alike(url, "http://", 7) && !text_alike(url, "https://", 8))
        return false;
    if (strchr("/?#:@", *host)) /* finds the end of text as well */
        return false;
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return true;
}

bool url_path_file(const char *url, struct strbuf *path)
{
    if (!text_alike(url, "file://", strlen("file://")))
        return false;
    url += strlen("file://");
    if (text_starts(url, "localhost/"))
        url += strlen("localhost");
    if (*url != '/')
        return false;
    url_unquote(path, url);
    return true;
}

size_t url_path_folder(const char *url)
{
    const char *host = authority(url);
    size_t len = 0;

    if (!host)
        return 0;
    for (const char *p = host; !strchr("?#", *p); p++)
        if (*p == '/')
            len = (size_t)(p - url) + 1;
    return len;
}

bool url_path_name(const char *url, struct strbuf *name)
{
    size_t folder = url_path_folder(url);
    struct strbuf raw = { 0 };
    size_t before = name->len;

    if (folder == 0 || strchr("?#", url[folder]))
        return false;
    strbuf_add(&raw, url + folder, strcspn(url + folder, "?#"));
    if (!raw.failed)
        url_unquote(name, raw.data);
    name->failed |= raw.failed; /* the caller checks for lack of memory */
    strbuf_release(&raw);
    return name->failed || !memchr(name->data + before, '/', name->len - before);
}
