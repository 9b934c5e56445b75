/* A pattern and a path, with a NUL between them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 2);
    const char *path;

    if (!text)
        return 0;
    memcpy(text, bytes, len);
    memset(text + len, 0, 2);
    path = text + strlen(text) + 1;
    pattern_match(text, path);
    /* a pattern without anything special takes itself */
    if (*text && !strpbrk(text, "*?[/\\") && !pattern_match(text, text))
        abort();
    /* and two stars take no more than one */
    if (*path && (!pattern_match("*", path) || !pattern_match("**", path)))
        abort();
    free(text);
    return 0;
}
