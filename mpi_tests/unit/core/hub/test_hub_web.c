/* Pages of the Hub, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/hub/hub_web.h"

#define MIRROR "http://mirror:81/hf"

static void test_pages(void **state)
{
    static const char hub[] = "https://huggingface.co/";
    static const struct {
        const char *page, *name;
    } rows[] = {
        { "a/b", "hf://a/b" },
        { "a/b/", "hf://a/b" },
        { "a/b?library=x#readme", "hf://a/b" },
        { "gpt2", "hf://gpt2" },
        { "datasets/a/b", "hf://datasets/a/b" },
        { "datasets/squad", "hf://datasets/squad" },
        { "spaces/a/b", "hf://spaces/a/b" },
        { "a/b/tree/main", "hf://a/b@main" },
        { "a/b/tree/v1.0/x/y%20z", "hf://a/b@v1.0/x/y z" },
        { "a/b/tree/refs%2Fpr%2F7/x", "hf://a/b@refs%2Fpr%2F7/x" },
        { "a/b/tree/refs/pr/7", "hf://a/b@refs/pr/7" },
        { "a/b/blob/main/c.json?raw=1", "hf://a/b@main/c.json" },
        { "gpt2/blob/main/c.json", "hf://gpt2@main/c.json" },
        { "datasets/a/b/blob/main/d/e.bin", "hf://datasets/a/b@main/d/e.bin" },
        { "datasets/squad/tree/main", "hf://datasets/squad@main" },
        { "a/b/resolve/main", "hf://a/b@main" },
        { "a/b/resolve/main/", "hf://a/b@main" },
        { "a/b/resolve/main/dir/", "hf://a/b@main/dir" },
        { "a/b/commits/main", "hf://a/b@main" },
        { "a/b/discussions/3", "hf://a/b" },
        { "a/b/tree", "hf://a/b" },
        { "a/b/resolve/main/c.json", NULL },
        { "a/b/resolve/main/c.json?download=true", NULL },
        { "a/b/raw/main/d/c.json", NULL },
        { "datasets/a/b/resolve/main/c.json", NULL },
        { "api/models/a/b", NULL },
        { "docs/hub", NULL },
        { "datasets", NULL },
        { "", NULL },
        { "?x", NULL },
        { "//", NULL },
        { "a//b", NULL },
        { "a/b..c/tree/main", NULL },
        { "a/b/tree/main/../x", NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf url = { 0 }, name = { 0 };
        bool found;

        strbuf_adds(&url, hub);
        strbuf_adds(&url, rows[i].page);
        found = hub_web_name(url.data, MIRROR, &name);
        if (found != (rows[i].name != NULL) ||
            strcmp(name.data ? name.data : "", rows[i].name ? rows[i].name : "") != 0)
            fail_msg("'%s': '%s'", rows[i].page, name.data ? name.data : "none");
        strbuf_release(&url);
        strbuf_release(&name);
    }
}

/* A mirror may be a place on a host that has other things as well. */
static void test_hosts(void **state)
{
    static const struct {
        const char *url, *name;
    } rows[] = {
        { "http://huggingface.co/a/b", "hf://a/b" },
        { "HTTPS://HuggingFace.co/a/b", "hf://a/b" },
        { "https://hf.co/a/b", "hf://a/b" },
        { "huggingface.co/a/b/tree/main", "hf://a/b@main" },
        { "hf.co/datasets/a/b", "hf://datasets/a/b" },
        { MIRROR "/a/b/tree/main", "hf://a/b@main" },
        { "https://mirror:81/hf/a/b", "hf://a/b" },
        { MIRROR "/datasets/a/b", "hf://datasets/a/b" },
        { MIRROR "/a.bin", NULL },
        { MIRROR "/a/b/c.bin", NULL },
        { "http://mirror:81/a/b", NULL },
        { "http://mirror:81/hfx/a/b", NULL },
        { "http://mirror/hf/a/b", NULL },
        { "mirror:81/hf/a/b", NULL },
        { "https://huggingface.co.evil/a/b", NULL },
        { "https://example.com/a/b/tree/main", NULL },
        { "https://user@huggingface.co/a/b", NULL },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct strbuf name = { 0 };

        hub_web_name(rows[i].url, MIRROR, &name);
        if (strcmp(name.data ? name.data : "", rows[i].name ? rows[i].name : "") != 0)
            fail_msg("'%s': '%s'", rows[i].url, name.data ? name.data : "none");
        strbuf_release(&name);
    }
    assert_false(hub_web_name("https://example.com/a/b", "", &(struct strbuf){ 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
