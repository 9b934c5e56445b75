#include "core/http/header_line.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

static bool splits(const char *text)
{
    for (; *text; text++)
        if ((*text > 0 && *text < 0x20 && *text != '\t') || *text == 0x7f)
            return true;
    return false;
}

const char *header_line_fault(const char *line)
{
    static const char *const ours[] = { "Range", "Accept-Encoding", "Content-Length",
                                        "Transfer-Encoding", "Connection" };
    size_t name = strspn(line, "!#$%&'*+-.^_`|~0123456789"
                               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    if (name == 0 || line[name] != ':' || splits(line))
        return "is not of the form 'Name: value', on one line";
    for (size_t i = 0; i < countof(ours); i++)
        if (strlen(ours[i]) == name && text_alike(line, ours[i], name))
            return "is one of Range, Accept-Encoding, Content-Length, "
                   "Transfer-Encoding and Connection, which mpifetch sets itself";
    return NULL;
}
