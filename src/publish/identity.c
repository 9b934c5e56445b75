#include "publish/identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/sha256.h"
#include "ranks/wants.h"

enum { PART_BYTES = 64 << 10, BLOCK = 64 };

/* Whole blocks are hashed and dropped: of a million files the text is never whole. */
static void hash_part(struct midstate *state, struct strbuf *text)
{
    size_t whole = text->len / BLOCK * BLOCK;

    if (whole == 0)
        return;
    sha256_blocks(state, text->data, whole);
    memmove(text->data, text->data + whole, text->len - whole);
    text->len -= whole;
}

int identity_make(const struct plan *plan, const char *more, char id[65], struct err *err)
{
    struct midstate state = midstate_start();
    struct strbuf text = { 0 };
    uint8_t digest[32];
    size_t file = 0;
    int rc;

    do {
        rc = plan_identity(plan, &file, PART_BYTES, &text, err);
        if (rc == 0)
            hash_part(&state, &text);
    } while (rc == 0 && file < plan->nfiles);
    strbuf_adds(&text, more);
    if (rc == 0 && text.failed)
        rc = err_memory(err, "the plan");
    if (rc == 0) {
        sha256_end(&state, text.data, text.len, digest);
        text_hex(id, digest, sizeof(digest));
    }
    strbuf_release(&text);
    return rc;
}

int identity_of_part(const struct run *run, char id[65], struct err *err)
{
    struct plan part = run->plan;
    int rc;

    part.nfiles = 0;
    part.files = malloc((run->plan.nfiles + 1) * sizeof(*part.files));
    if (!part.files)
        return err_memory(err, "the plan");
    for (size_t i = 0; i < run->plan.nfiles; i++)
        if (wants_file(run, i))
            part.files[part.nfiles++] = run->plan.files[i];
    rc = identity_make(&part, "", id, err);
    free(part.files);
    return rc;
}
