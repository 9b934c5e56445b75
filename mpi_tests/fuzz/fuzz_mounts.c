/* /proc/self/mountinfo: what is found is text, ends in time, and fits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "doctor/mounts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t size)
{
    if (!memchr(text, '\0', size) || !utf8_is_valid(text, strlen(text)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct mount mount;
    uint64_t id;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    mounts_id(text, &id);
    for (id = 0; id < 64; id++) {
        bool found = mounts_find(text, id, &mount);

        check(mount.type, sizeof(mount.type));
        check(mount.source, sizeof(mount.source));
        check(mount.point, sizeof(mount.point));
        check(mount.options, sizeof(mount.options));
        if (found != (mount.source[0] != '\0'))
            abort();
    }
    free(text);
    return 0;
}
