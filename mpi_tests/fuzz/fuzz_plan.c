/* plan_decode of anything at all; what it takes must encode and decode to itself. In the
 * second half of the inputs the bytes are paths, which shows more of plan_seal. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan/path_rules.h"
#include "core/plan/plan.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void must_come_back(const struct plan *plan)
{
    struct strbuf bytes = { 0 }, again = { 0 }, text = { 0 };
    struct plan back;
    size_t file = 0;

    require(plan_encode(plan, &bytes, NULL) == 0);
    require(plan_decode(&back, bytes.data, bytes.len, NULL) == 0);
    require(plan_encode(&back, &again, NULL) == 0);
    require(bytes.len == again.len && memcmp(bytes.data, again.data, bytes.len) == 0);
    require(plan_identity(plan, &file, SIZE_MAX, &text, NULL) == 0);
    strbuf_release(&bytes);
    strbuf_release(&again);
    strbuf_release(&text);
    plan_release(&back);
}

static void decode(const uint8_t *bytes, size_t len)
{
    struct plan plan;

    if (plan_decode(&plan, bytes, len, NULL) < 0)
        return;
    must_come_back(&plan);
    plan_release(&plan);
}

/* Paths end in a NUL. */
static void seal(const char *text, size_t len)
{
    struct plan plan = { 0 };

    for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
        const struct plan_entry entry = {
            .path = text + at, .key = text, .etag = text + at, .size = at
        };

        require(plan_add(&plan, &entry, NULL) == 0);
    }
    if (plan_seal(&plan, NULL) == 0) {
        for (size_t i = 0; i < plan.nfiles; i++)
            require(!path_rules_fault(plan_path(&plan, i)));
        must_come_back(&plan);
    }
    plan_release(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text;

    if (len == 0 || bytes[0] % 2 == 0) {
        decode(bytes + (len > 0), len - (len > 0));
        return 0;
    }
    text = malloc(len);
    if (!text)
        return 0;
    memcpy(text, bytes + 1, len - 1);
    text[len - 1] = '\0';
    seal(text, len);
    free(text);
    return 0;
}
