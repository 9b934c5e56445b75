/* A manifest of any bytes, in pieces whose length the first byte says: the same as whole. */
#include <stdlib.h>
#include <string.h>

#include "core/plan/list_reader.h"
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

static int read_list(struct plan *plan, const char *bytes, size_t len, size_t piece,
                     struct err *err)
{
    struct list_reader reader = { .visit = take, .arg = plan };
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < len; at += piece) {
        size_t some = len - at < piece ? len - at : piece;
        char *copy = malloc(some); /* so that a look behind it is seen */

        if (!copy)
            abort();
        memcpy(copy, bytes + at, some);
        rc = list_reader_feed(&reader, copy, some, err);
        free(copy);
    }
    if (rc == 0)
        rc = list_reader_end(&reader, err);
    list_reader_release(&reader);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct plan plan = { 0 }, whole = { 0 };
    struct err err = { 0 }, other = { 0 };
    size_t piece = size > 0 ? 1 + data[0] % 16 : 1;
    int rc = read_list(&plan, bytes, size, piece, &err);

    if (read_list(&whole, bytes, size, size + 1, &other) != rc ||
        strcmp(err.text, other.text) != 0 || plan.nfiles != whole.nfiles)
        abort();
    if (rc == 0 && plan_drop_repeats(&plan, NULL) == 0)
        plan_seal(&plan, NULL);
    plan_release(&plan);
    plan_release(&whole);
    return 0;
}
