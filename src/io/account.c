#include "io/account.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ACCOUNT_BUFFER = 16 << 10 }; /* bytes for all fields of an entry */

uint32_t account_mine(void)
{
    return geteuid();
}

const char *account_text(uint32_t uid, char text[ACCOUNT_TEXT])
{
    char *buffer = malloc(ACCOUNT_BUFFER);
    struct passwd entry, *found = NULL;

    if (buffer && getpwuid_r(uid, &entry, buffer, ACCOUNT_BUFFER, &found) == 0 && found)
        snprintf(text, ACCOUNT_TEXT, "%.64s (uid %u)", entry.pw_name, (unsigned)uid);
    else
        snprintf(text, ACCOUNT_TEXT, "uid %u", (unsigned)uid);
    free(buffer);
    return text;
}

bool account_find(const char *name, uint32_t *uid)
{
    char *buffer = malloc(ACCOUNT_BUFFER), *end = NULL;
    struct passwd entry, *found = NULL;
    unsigned long number;
    bool good = false;

    if (buffer && getpwnam_r(name, &entry, buffer, ACCOUNT_BUFFER, &found) == 0 &&
        found) {
        *uid = entry.pw_uid;
        good = true;
    }
    free(buffer);
    if (good || *name < '0' || *name > '9')
        return good;
    errno = 0;
    number = strtoul(name, &end, 10);
    if (errno != 0 || *end || number >= UINT32_MAX)
        return false;
    *uid = (uint32_t)number;
    return true;
}
