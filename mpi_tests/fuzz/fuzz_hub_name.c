/* Any text after hf:// is refused, or means the same again once it is written out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/hub/hub_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf source = { 0 };
    struct strbuf again = { 0 };
    struct hub_name name, second;

    strbuf_adds(&source, "hf://");
    strbuf_add(&source, data, size);
    if (hub_name_parse(&name, source.data, NULL, NULL, NULL) == 0) {
        hub_name_text(&name, &again);
        if (hub_name_parse(&second, again.data, NULL, NULL, NULL) < 0 ||
            strcmp(name.repo, second.repo) != 0 || strcmp(name.path, second.path) != 0 ||
            strcmp(name.revision, second.revision) != 0)
            abort();
    }
    strbuf_release(&source);
    strbuf_release(&again);
    return 0;
}
