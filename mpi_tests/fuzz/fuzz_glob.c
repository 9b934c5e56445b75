/* A pattern and a path, with a NUL between them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 2);
    const char *path;

    if (!text)
        return 0;
    memcpy(text, bytes, len);
    memset(text + len, 0, 2);
    path = text + strlen(text) + 1;
    glob_match(text, path);
    /* a pattern without anything special takes itself */
    if (*text && !strpbrk(text, "*?[/\\") && !glob_match(text, text))
        abort();
    /* and two stars take no more than one */
    if (*path && (!glob_match("*", path) || !glob_match("**", path)))
        abort();
    free(text);
    return 0;
}
