#include "core/hub/hub_web.h"

#include <string.h>

#include "base/text.h"
#include "base/url.h"
#include "core/hub/hub_name.h"

static size_t scheme_length(const char *url)
{
    return text_alike(url, "https://", 8) ? 8 : text_alike(url, "http://", 7) ? 7 : 0;
}

/* The length of the URL up to the path, if it is of that endpoint, else 0. */
static size_t length_to_path(const char *url, const char *endpoint)
{
    const char *place = endpoint + scheme_length(endpoint);
    size_t at = scheme_length(url), len = strlen(place);

    return text_alike(url + at, place, len) && url[at + len] == '/' ? at + len + 1 : 0;
}

/* The Hub's own names first. *whole: the host shows nothing but the Hub. */
static const char *find_path(const char *url, const char *endpoint, bool *whole)
{
    static const char *const hosts[] = { "huggingface.co", "www.huggingface.co",
                                         "hf.co" };
    size_t len = 0;

    *whole = true;
    for (size_t i = 0; len == 0 && i < countof(hosts); i++)
        len = length_to_path(url, hosts[i]);
    if (len == 0 && scheme_length(url) > 0) {
        *whole = false;
        len = length_to_path(url, endpoint);
    }
    return len > 0 ? url + len : NULL;
}

/* First parts of paths that name no owner of repositories. */
static bool is_other(const char *path, size_t len)
{
    static const char *const words[] = {
        "api",         "docs",   "blog",     "papers",  "models",        "join",
        "collections", "tasks",  "settings", "login",   "organizations", "learn",
        "pricing",     "static", "spaces",   "datasets"
    };

    for (size_t i = 0; i < countof(words); i++)
        if (strlen(words[i]) == len && memcmp(path, words[i], len) == 0)
            return true;
    return false;
}

struct page {
    const char *part[4]; /* of the path behind the kind of repository */
    size_t len[4];
    size_t parts;
    bool open; /* it ends in '/' */
};

/* The last part goes on to the end. */
static void split(struct page *page, const char *path, size_t len)
{
    page->open = len > 0 && path[len - 1] == '/';
    while (len > 0 && path[len - 1] == '/')
        len--;
    while (len > 0 && page->parts < countof(page->part)) {
        const char *slash = memchr(path, '/', len);
        bool last = page->parts + 1 == countof(page->part);
        size_t part = slash && !last ? (size_t)(slash - path) : len;

        page->part[page->parts] = path;
        page->len[page->parts++] = part;
        path += part + (part < len);
        len -= part + (part < len);
    }
}

static bool part_is(const struct page *page, size_t at, const char *word)
{
    return at < page->parts && page->len[at] == strlen(word) &&
           memcmp(page->part[at], word, page->len[at]) == 0;
}

/* Where "tree" and the like stand in the path: behind one part, as some old repositories
 * have it, or two; or the number of parts. */
static size_t find_view(const struct page *page)
{
    static const char *const views[] = { "tree",    "blob",    "commit",
                                         "commits", "resolve", "raw" };

    for (size_t at = 1; at < 3; at++)
        for (size_t i = 0; i < countof(views); i++)
            if (part_is(page, at, views[i]))
                return at;
    return page->parts;
}

/* @REV/path: the revision stays escaped, as in hf://; a path is written as it is. */
static void add_rest(struct strbuf *name, const char *rest, size_t len)
{
    const char *slash = memchr(rest, '/', len);
    size_t revision = slash ? (size_t)(slash - rest) : len;
    struct strbuf path = { 0 };

    strbuf_adds(name, "@");
    strbuf_add(name, rest, revision);
    strbuf_add(&path, rest + revision, len - revision);
    if (path.data)
        url_unquote(name, path.data);
    name->failed |= path.failed;
    strbuf_release(&path);
}

/* rest: of the page's path, behind view. */
static bool is_file(const struct page *page, size_t view, const char *rest, size_t len)
{
    return !page->open &&
           (part_is(page, view, "raw") || part_is(page, view, "resolve")) &&
           memchr(rest, '/', len);
}

static void add_page(const struct page *page, const char *kind, const char *end,
                     bool whole, struct strbuf *name)
{
    size_t view = find_view(page);
    const char *rest = view < page->parts ? page->part[view] + page->len[view] : end;
    size_t owner = view < page->parts ? view : page->parts < 2 ? page->parts : 2;

    rest += rest < end;
    if (owner == 0 || page->len[0] == 0 || page->len[owner - 1] == 0 ||
        (!*kind && is_other(page->part[0], page->len[0])))
        return;
    /* on another host a name alone, or two, may as well be a file's */
    if (!whole && view == page->parts && (owner == 1 || page->parts > 2) && !*kind)
        return;
    if (is_file(page, view, rest, (size_t)(end - rest)))
        return;
    strbuf_addf(name, "hf://%s%.*s", kind,
                (int)(page->part[owner - 1] + page->len[owner - 1] - page->part[0]),
                page->part[0]);
    if (rest < end)
        add_rest(name, rest, (size_t)(end - rest));
}

bool hub_web_name(const char *url, const char *endpoint, struct strbuf *name)
{
    static const char *const kinds[] = { "datasets/", "spaces/" };
    struct page page = { .parts = 0 };
    struct strbuf found = { 0 };
    struct hub_name parsed;
    const char *kind = "";
    bool whole, good;
    const char *path = find_path(url, endpoint, &whole);
    size_t len = path ? strcspn(path, "?#") : 0;

    for (size_t i = 0; path && i < countof(kinds); i++)
        if (text_starts(path, kinds[i])) {
            kind = kinds[i];
            path += strlen(kind);
            len -= strlen(kind);
            break;
        }
    if (path)
        split(&page, path, len);
    if (page.parts > 0) {
        const char *end = page.part[page.parts - 1] + page.len[page.parts - 1];

        add_page(&page, kind, end, whole, &found);
    }
    good = found.data && !found.failed &&
           hub_name_parse(&parsed, found.data, NULL, NULL, NULL) == 0;
    if (good)
        strbuf_adds(name, found.data);
    strbuf_release(&found);
    return good;
}
