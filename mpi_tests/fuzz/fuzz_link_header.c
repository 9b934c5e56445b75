/* The Link header: its target is a part of it, as written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/link_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf target = { 0 };
    char *value = malloc(size + 1);

    if (!value)
        return 0;
    memcpy(value, data, size);
    value[size] = '\0';
    if (link_header_next(value, &target)) {
        /* found in "<...>", and a link that says so */
        if (target.data && (!strstr(value, target.data) || strchr(target.data, '>')))
            abort();
        if (!strcasestr(value, "rel") || !strcasestr(value, "next"))
            abort();
    }
    strbuf_release(&target);
    free(value);
    return 0;
}
