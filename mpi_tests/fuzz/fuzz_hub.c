/* What a Hub, or whatever sits in its place, answers to a listing. */
#include <stdlib.h>

#include "source/hub_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came through the parser must be whole: a plan may be made of it. */
static int take(void *arg, const struct plan_entry *entry, struct err *err)
{
    if (entry->want.kind == DIGEST_NONE || !entry->etag || !entry->oid ||
        entry->size > INT64_MAX)
        abort();
    return plan_add(arg, entry, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan plan = { 0 };
    char commit[41];

    if (hub_page_tree((const char *)data, size, take, &plan, NULL) == 0)
        plan_seal(&plan, NULL);
    plan_release(&plan);
    hub_page_commit((const char *)data, size, commit, NULL);
    return 0;
}
