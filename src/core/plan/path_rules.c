#include "core/plan/path_rules.h"

#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

enum {
    PATH_MOST = 4095, /* PATH_MAX of Linux, less the NUL */
    PART_MOST = 255,  /* NAME_MAX of every file system worth publishing on */
    PARTS_MOST = 256  /* whoever walks a tree holds a descriptor for each */
};

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

static bool is_empty(const char *path)
{
    return *path == '\0';
}

static bool is_too_long(const char *path)
{
    return strnlen(path, PATH_MOST + 1) > PATH_MOST;
}

static bool is_no_utf8(const char *path)
{
    return !utf8_is_valid(path, strlen(path));
}

static bool has_control(const char *path)
{
    while (*path)
        if (utf8_is_control(utf8_rune(&path)))
            return true;
    return false;
}

static bool is_absolute(const char *path)
{
    return is_slash(*path);
}

/* A name such as "a:b" is allowed, except on Windows. */
static bool has_drive(const char *path)
{
    char letter = (char)(path[0] | 0x20);

    return letter >= 'a' && letter <= 'z' && path[1] == ':' &&
           (path[2] == '\0' || is_slash(path[2]));
}

static bool has_empty_part(const char *path)
{
    for (; *path; path++)
        if (is_slash(*path) && (path[1] == '\0' || is_slash(path[1])))
            return true;
    return false;
}

/* "." or "..": such a part does not name what it seems to. */
static bool has_dot_part(const char *path)
{
    for (bool start = true; *path; path++) {
        const char *end = path;

        while (start && *end == '.' && end - path < 2)
            end++;
        if (end > path && (*end == '\0' || is_slash(*end)))
            return true;
        start = is_slash(*path);
    }
    return false;
}

/* Here only '/' separates: '\' is an ordinary byte for the file system. */
static bool has_long_part(const char *path)
{
    while (*path) {
        size_t len = strcspn(path, "/");

        if (len > PART_MOST)
            return true;
        path += len + (path[len] == '/');
    }
    return false;
}

static bool has_many_parts(const char *path)
{
    size_t parts = 1;

    for (; *path; path++)
        parts += *path == '/';
    return parts > PARTS_MOST;
}

/* Most paths are of this kind, and seen to be without fault in one pass: printable ASCII
 * without what a rule below would have to look at. */
static bool is_plain(const char *path)
{
    size_t part = 0, parts = 1;
    const char *p = path;

    for (; *p >= 0x20 && *p < 0x7f && *p != '\\' && *p != ':'; p++) {
        if (*p != '/') {
            if (part++ == 0 && *p == '.')
                return false;
            continue;
        }
        if (part == 0 || part > PART_MOST)
            return false;
        parts++;
        part = 0;
    }
    return *p == '\0' && part > 0 && part <= PART_MOST && parts <= PARTS_MOST &&
           p - path <= PATH_MOST;
}

const char *path_rules_fault(const char *path)
{
    static const struct {
        bool (*holds)(const char *path);
        const char *reason;
    } faults[] = {
        { is_empty, "it is empty" },
        { is_too_long, "it is longer than 4095 bytes" },
        { has_many_parts, "it has more than 256 parts" },
        { is_no_utf8, "it is not UTF-8" },
        { has_control, "it has a control character" },
        { is_absolute, "it is absolute" },
        { has_drive, "it begins with a drive letter" },
        { has_empty_part, "it has an empty part" },
        { has_dot_part, "it has a part '.' or '..'" },
        { has_long_part, "it has a part of more than 255 bytes" },
    };

    if (is_plain(path))
        return NULL;
    for (size_t i = 0; i < countof(faults); i++)
        if (faults[i].holds(path))
            return faults[i].reason;
    return NULL;
}

static bool is_within(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

const char *path_rules_reserved(const char *path, bool hub)
{
    static const char *const records[] = { ".mpifetch/manifest.json",
                                           ".cache/huggingface/mpifetch/manifest.json" };

    if (strcmp(path, ".mpifetch") == 0)
        return "'.mpifetch' is reserved for mpifetch";
    for (size_t i = 0; i < countof(records); i++)
        if (is_within(path, records[i]))
            return "it would be taken for a record of mpifetch";
    if (hub && (is_within(path, ".cache/huggingface") || strcmp(path, ".cache") == 0))
        return "'.cache/huggingface' is reserved for the Hub library";
    return NULL;
}

static int folded(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

int plan_path_compare(const char *a, const char *b)
{
    while (*a && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return folded(*a) - folded(*b);
}
