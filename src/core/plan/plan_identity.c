/* core/plan/plan_identity.c -- a plan as a text that identifies its content. */
#include "core/plan/plan.h"

#include "base/text.h"
#include "base/url.h"

/* Text that identifies the content of one file. The kinds are kept apart. */
static void add_content(const struct plan *plan, size_t i, struct strbuf *url,
                        struct strbuf *text)
{
    static const char *const names[] = {
        [DIGEST_SHA256] = "sha256",
        [DIGEST_GIT_BLOB] = "git",
    };
    const struct plan_file *file = &plan->files[i];
    char hex[2 * sizeof(file->want.bytes) + 1];

    if (file->want.kind != DIGEST_NONE) {
        text_hex(hex, file->want.bytes, digest_length(&file->want));
        strbuf_adds(text, names[file->want.kind]);
        strbuf_adds(text, " ");
        strbuf_adds(text, hex);
        return;
    }
    strbuf_clear(url);
    plan_place(plan, i, url);
    strbuf_adds(text, "etag ");
    url_quote(text, plan_text(plan, file->etag), "");
    strbuf_adds(text, " ");
    url_quote(text, url->failed ? "" : url->data, "/:");
}

/* The text is unambiguous: a path comes last in its line and has no line end,
 * since control characters are refused; validators and URLs are quoted, so they
 * have no blanks. */
int plan_identity(const struct plan *plan, size_t *file, size_t most, struct strbuf *text,
                  struct err *err)
{
    struct strbuf url = { 0 };

    if (*file == 0)
        strbuf_adds(text, "mpifetch content 1\n");
    /* at least one, so that it comes to an end */
    while (*file < plan->nfiles) {
        strbuf_addu(text, plan->files[*file].size);
        strbuf_adds(text, " ");
        add_content(plan, *file, &url, text);
        strbuf_adds(text, " ");
        strbuf_adds(text, plan_path(plan, *file));
        strbuf_adds(text, "\n");
        ++*file;
        if (text->len >= most)
            break;
    }
    if (url.failed)
        text->failed = true;
    strbuf_release(&url);
    return text->failed ? err_memory(err, "plan") : 0;
}
