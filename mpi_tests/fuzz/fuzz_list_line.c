/* A manifest of any bytes. */
#include <stdlib.h>
#include <string.h>

#include "core/plan/list_line.h"
#include "core/plan/path_rules.h"
#include "core/plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(void *arg, const struct list_line *line, struct err *err)
{
    const struct plan_entry entry = { .path = line->path.data,
                                      .key = line->name.data,
                                      .size = line->size,
                                      .want = line->want };

    if (path_rules_fault(line->path.data) || strlen(line->name.data) != line->name.len ||
        line->size > INT64_MAX)
        abort();
    return plan_add(arg, &entry, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan plan = { 0 };

    if (list_line_each((const char *)data, size, take, &plan, NULL) == 0)
        plan_seal(&plan, NULL);
    plan_release(&plan);
    return 0;
}
