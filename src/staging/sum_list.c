#include "staging/sum_list.h"

#include <string.h>

#include "base/text.h"
#include "io/sha256.h"

enum { PIECE = 1 << 16 }; /* bytes in memory, a multiple of what SHA-256 takes */

/* Names with a newline were refused, but a backslash is escaped. */
void sum_list_add(struct strbuf *text, const uint8_t sha256[32], const char *path)
{
    char hex[65];

    text_hex(hex, sha256, 32);
    if (strcmp(path, "-") == 0)
        path = "./-"; /* alone it means standard input */
    if (!strchr(path, '\\')) {
        strbuf_addf(text, "%s  %s\n", hex, path);
        return;
    }
    strbuf_addf(text, "\\%s  ", hex);
    for (; *path; path++) {
        if (*path == '\\')
            strbuf_add(text, "\\", 1);
        strbuf_add(text, path, 1);
    }
    strbuf_add(text, "\n", 1);
}

bool sum_list_fits(const struct manifest *manifest)
{
    struct midstate hash = midstate_start();
    struct strbuf text = { 0 };
    uint8_t digest[32];
    char hex[65];
    bool fits;

    for (size_t i = 0; i < manifest->nfiles; i++) {
        size_t rest;

        sum_list_add(&text, manifest->file[i].sha256, manifest->file[i].path);
        if (text.failed || text.len < PIECE)
            continue;
        rest = text.len % PIECE;
        sha256_blocks(&hash, text.data, text.len - rest);
        memmove(text.data, text.data + text.len - rest, rest);
        text.len = rest;
    }
    fits = !text.failed;
    sha256_end(&hash, text.data ? text.data : "", text.len, digest);
    text_hex(hex, digest, sizeof(digest));
    strbuf_release(&text);
    return fits && strcmp(hex, manifest->content_id) == 0;
}
