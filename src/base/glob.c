#include "base/glob.h"

#include <string.h>

#include "base/utf8.h"

/* One code point of a pattern or a path. */
static uint32_t next_rune(const char **at)
{
    uint32_t rune = utf8_rune(at);

    return rune == '\\' ? '/' : rune;
}

/* Where the class that opens at `open` ends: its ']'. NULL: it never does, and the '[' is
 * a character. `last` is the last ']' of the pattern or NULL, so that a pattern full of
 * '[' is not searched to its end for each of them. */
static const char *class_end(const char *open, const char *last)
{
    const char *at = open + 1;

    if (*at == '!')
        at++;
    if (*at == ']')
        at++; /* first in its class it is a member */
    if (!last || at > last)
        return NULL;
    return strchr(at, ']');
}

/* One member of a class: a character, or a range from low to high. */
struct member {
    uint32_t low, high;
    bool range;
};

static struct member next_member(const char **at, const char *end)
{
    struct member member = { .low = next_rune(at) };

    member.high = member.low;
    if (end - *at >= 2 && **at == '-') {
        (*at)++;
        member.high = next_rune(at);
        member.range = true;
    }
    return member;
}

/* [begin, end) is the text between the brackets. Python first drops ranges that run
 * backwards and then checks whether '!' comes first; so does this, even if '!' did not
 * come first in the user's text. */
static bool class_has(const char *begin, const char *end, uint32_t rune)
{
    const char *at = begin;
    bool negated = *at == '!';
    bool first = !negated, found = false;

    if (negated)
        at++;
    while (at < end) {
        struct member member = next_member(&at, end);

        if (member.low > member.high)
            continue;
        if (first && member.low == '!') {
            negated = true;
            if (member.range)
                found = rune == '-' || rune == member.high;
        } else if (rune >= member.low && rune <= member.high) {
            found = true;
        }
        first = false;
    }
    return found != negated;
}

/* Does the one element at *pattern (not '*') take the rune? Steps over it. */
static bool element_takes(const char **pattern, const char *last, uint32_t rune)
{
    const char *open = *pattern;
    uint32_t want = next_rune(pattern);

    if (want == '?')
        return true;
    if (want == '[') {
        const char *end = class_end(open, last);

        if (end) {
            *pattern = end + 1;
            return class_has(open + 1, end, rune);
        }
    }
    return want == rune;
}

/* Only the last star that was passed is ever tried again: what an earlier one could win,
 * the later one can take over. That is why time is pattern times path at most. */
bool glob_match(const char *pattern, const char *path)
{
    const char *last = strrchr(pattern, ']');
    const char *star = NULL, *resume = NULL;
    size_t len = strlen(pattern);
    bool below = len > 0 && (pattern[len - 1] == '/' || pattern[len - 1] == '\\');

    if (len == 0)
        return false;
    for (;;) {
        const char *next = path;

        if (*pattern == '*') {
            star = ++pattern;
            resume = path;
            continue;
        }
        if (*pattern == '\0' && (below || *path == '\0'))
            return true;
        if (*path != '\0' && *pattern != '\0' &&
            element_takes(&pattern, last, next_rune(&next))) {
            path = next;
            continue;
        }
        if (!star || *resume == '\0')
            return false;
        next_rune(&resume);
        pattern = star;
        path = resume;
    }
}

static bool matches_any(const struct glob_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++)
        if (glob_match(list->pattern[i], path))
            return true;
    return false;
}

bool glob_keep(const struct glob_list *allow, const struct glob_list *deny,
               const char *path)
{
    if (allow->pattern && !matches_any(allow, path))
        return false;
    return !deny->pattern || !matches_any(deny, path);
}
