/* core/plan/plan_code.c -- a plan as bytes for other ranks, and as text
 * for its identity. */
#include "core/plan/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/url.h"

/* The bytes of a plan are this head, the files and the arena, as in memory: all ranks run
 * the same build on the same kind of machine. On a machine of another byte order the
 * magic does not match. */
struct head {
    uint64_t magic, nfiles, nbytes, text_len, bare; /* no padding: plans are compared */
    uint64_t file_size; /* differs in a build with other fields */
    uint32_t source, revision, ref, base, query, repo;
};

static const uint64_t magic = 0x314e4c5046495049; /* "IPIFPLN1" */

int plan_encode(const struct plan *plan, struct strbuf *bytes, struct err *err)
{
    size_t text_len = plan->text.len > 0 ? plan->text.len : 1;
    struct head head = {
        .magic = magic,
        .nfiles = plan->nfiles,
        .nbytes = plan->nbytes,
        .text_len = text_len,
        .file_size = sizeof(struct plan_file),
        .source = plan->source,
        .revision = plan->revision,
        .ref = plan->ref,
        .base = plan->base,
        .query = plan->query,
        .repo = plan->repo,
        .bare = plan->bare,
    };

    strbuf_add(bytes, &head, sizeof(head));
    strbuf_add(bytes, plan->files, plan->nfiles * sizeof(*plan->files));
    strbuf_add(bytes, plan_text(plan, 0), text_len);
    return bytes->failed ? err_memory(err, "plan") : 0;
}

static int reject(struct err *err, const char *reason)
{
    return err_set(err, ERR_DEFECT, "plan: %s", reason);
}

static int decode_head(struct head *head, const void *bytes, size_t len, struct err *err)
{
    uint64_t rest;

    if (len < sizeof(*head))
        return reject(err, "too short");
    memcpy(head, bytes, sizeof(*head));
    if (head->magic != magic || head->file_size != sizeof(struct plan_file))
        return reject(err, "from a different build");
    rest = len - sizeof(*head);
    if (head->nfiles >= UINT32_MAX || head->nfiles > rest / sizeof(struct plan_file))
        return reject(err, "more files than bytes");
    rest -= head->nfiles * sizeof(struct plan_file);
    if (head->text_len != rest || rest == 0 || rest > UINT32_MAX)
        return reject(err, "its length does not match its header");
    return 0;
}

/* Every offset is that of a text: the arena begins and ends in NUL. */
static int check_fields(const struct plan *plan, struct err *err)
{
    const uint32_t own[] = { plan->source, plan->revision, plan->ref,
                             plan->base,   plan->query,    plan->repo };
    const uint32_t known =
        PLAN_LOCATE | PLAN_WHOLE | PLAN_LFS | PLAN_COUNTED | PLAN_SIGNED;
    const size_t len = plan->text.len;

    if (plan->text.data[0] != '\0' || plan->text.data[len - 1] != '\0')
        return reject(err, "its text is not terminated");
    for (size_t i = 0; i < countof(own); i++)
        if (own[i] >= len)
            return reject(err, "an offset is out of range");
    for (size_t i = 0; i < plan->nfiles; i++) {
        const struct plan_file *file = &plan->files[i];

        if (file->path >= len || file->key >= len || file->etag >= len ||
            file->oid >= len || file->xet >= len)
            return reject(err, "an offset is out of range");
        if (file->flags & ~known || file->want.kind > DIGEST_GIT_BLOB)
            return reject(err, "unknown flag or kind of digest");
    }
    return 0;
}

int plan_decode(struct plan *plan, const void *bytes, size_t len, struct err *err)
{
    const unsigned char *at = bytes;
    struct head head;
    size_t files_len;
    int rc = -1;

    *plan = (struct plan){ 0 };
    if (decode_head(&head, bytes, len, err) < 0)
        return -1;
    files_len = (size_t)head.nfiles * sizeof(*plan->files);
    plan->files = malloc(files_len + 1);
    strbuf_add(&plan->text, at + sizeof(head) + files_len, (size_t)head.text_len);
    if (!plan->files || plan->text.failed) {
        err_memory(err, "plan");
        goto out;
    }
    memcpy(plan->files, at + sizeof(head), files_len);
    plan->nfiles = plan->room = (size_t)head.nfiles;
    plan->source = head.source;
    plan->revision = head.revision;
    plan->ref = head.ref;
    plan->base = head.base;
    plan->query = head.query;
    plan->repo = head.repo;
    plan->bare = head.bare != 0;
    if (check_fields(plan, err) < 0 || plan_check(plan, ERR_DEFECT, err) < 0)
        goto out;
    if (plan->nbytes != head.nbytes) {
        reject(err, "its sizes do not add up");
        goto out;
    }
    rc = 0;
out:
    if (rc < 0)
        plan_release(plan);
    return rc;
}

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
        strbuf_addf(text, "%s %s", names[file->want.kind], hex);
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
int plan_identity(const struct plan *plan, struct strbuf *text, struct err *err)
{
    struct strbuf url = { 0 };

    strbuf_adds(text, "mpifetch content 1\n");
    for (size_t i = 0; i < plan->nfiles; i++) {
        strbuf_addf(text, "%" PRIu64 " ", plan->files[i].size);
        add_content(plan, i, &url, text);
        strbuf_adds(text, " ");
        strbuf_adds(text, plan_path(plan, i));
        strbuf_adds(text, "\n");
    }
    if (url.failed)
        text->failed = true;
    strbuf_release(&url);
    return text->failed ? err_memory(err, "plan") : 0;
}
