/* app/mkdocs.c -- writes the man page or the completion of a shell while
 * the project is built. */
#include <stdio.h>
#include <string.h>

#include "app/option_completion.h"
#include "app/options.h"
#include "base/text.h"

static const struct {
    const char *name;
    void (*write)(struct strbuf *out);
} kinds[] = {
    { "man", options_man },
    { "bash", option_completion_bash },
    { "zsh", option_completion_zsh },
    { "fish", option_completion_fish },
};

static int save(const char *path, const struct strbuf *text)
{
    FILE *file = fopen(path, "w");
    int rc = -1;

    if (!file)
        return -1;
    if (!text->failed && fwrite(text->data, 1, text->len, file) == text->len)
        rc = 0;
    if (fclose(file) != 0)
        rc = -1;
    return rc;
}

int main(int argc, char **argv)
{
    struct strbuf text = { 0 };
    int rc = -1;

    for (size_t i = 0; argc == 3 && i < countof(kinds); i++)
        if (strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].write(&text);
            rc = save(argv[2], &text);
        }
    strbuf_release(&text);
    if (rc < 0)
        fprintf(stderr,
                "usage: mkdocs man|bash|zsh|fish FILE (which must be writable)\n");
    return rc < 0;
}
