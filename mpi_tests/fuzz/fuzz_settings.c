/* A file of defaults of any bytes: settings lie inside it, in order, without blanks around. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *from, size_t len, const char *begin, const char *end)
{
    if (len == 0)
        return;
    if (from < begin || len > (size_t)(end - from) || strchr(" \t\r", from[0]) ||
        strchr(" \t\r", from[len - 1]) || memchr(from, '\n', len) || memchr(from, 0, len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* so that a look behind it is seen */
    struct settings file;
    unsigned line = 0;

    if (!text)
        abort();
    text = realloc(text, size ? size : 1);
    memcpy(text, data, size);
    settings_open(&file, text, size);
    while (settings_next(&file) > 0) {
        if (file.line <= line || (file.name_len == 0 && !file.has_value))
            abort();
        line = file.line;
        check(file.name, file.name_len, text, text + size);
        check(file.value, file.value_len, text, text + size);
        if (file.name_len > 0 &&
            (memchr(file.name, '=', file.name_len) || *file.name == '#'))
            abort();
    }
    free(text);
    return 0;
}
