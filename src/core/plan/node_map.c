#include "core/plan/node_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/text.h"
#include "base/utf8.h"

static const char by_number[] = "node:";

enum { HOST_SHOWN = 255 }; /* bytes of a host's name that count */

/* Where a parse is. */
struct reading {
    struct node_map *map;
    const char *name;
    unsigned line;
};

static int refuse(const struct reading *reading, struct err *err, const char *what,
                  const char *word)
{
    return err_set(err, ERR_USAGE, "'%s', line %u: %s%.80s%s", reading->name,
                   reading->line, what, word ? word : "", word ? "'" : "");
}

/* Room for as many again at each power of two. */
static int grow(void **list, size_t count, size_t size, struct err *err)
{
    void *grown;

    if (*list && (count & (count - 1)) != 0)
        return 0;
    grown = realloc(*list, (count > 0 ? 2 * count : 1) * size);
    if (!grown)
        return err_memory(err, "the map of nodes");
    *list = grown;
    return 0;
}

static int add_word(struct node_map *map, const char *word, struct err *err)
{
    if (grow((void **)&map->word, map->words, sizeof(*map->word), err) < 0)
        return -1;
    map->word[map->words++] = word;
    return 0;
}

/* One number, or two with a '-' between them. */
static bool take_range(const char **at, struct node_range *range)
{
    uint64_t first, last;

    if (!text_take_u64(at, &first))
        return false;
    last = first;
    if (**at == '-') {
        ++*at;
        if (!text_take_u64(at, &last))
            return false;
    }
    if (first > last || last >= NODE_MAP_NODES)
        return false;
    *range = (struct node_range){ (uint32_t)first, (uint32_t)last };
    return true;
}

static int add_ranges(const struct reading *reading, struct node_rule *rule,
                      struct err *err)
{
    struct node_map *map = reading->map;
    const char *at = rule->who + strlen(by_number);
    struct node_range range;

    rule->first_range = map->ranges;
    do {
        if (!take_range(&at, &range) || (*at && *at != ','))
            return refuse(reading, err,
                          "expected numbers of nodes such as node:0 or node:0-3,6, got '",
                          rule->who);
        if (grow((void **)&map->range, map->ranges, sizeof(*map->range), err) < 0)
            return -1;
        map->range[map->ranges++] = range;
        rule->ranges++;
    } while (*at++ == ',');
    return 0;
}

static int add_rule(const struct reading *reading, char *line, struct err *err)
{
    struct node_map *map = reading->map;
    struct node_rule rule = { 0 };
    char *rest, *word = strtok_r(line, " \t", &rest);

    if (!word || *word == '#')
        return 0;
    rule.who = word;
    rule.first = map->words;
    if (text_starts(word, by_number) && add_ranges(reading, &rule, err) < 0)
        return -1;
    while ((word = strtok_r(NULL, " \t", &rest))) {
        if (add_word(map, word, err) < 0)
            return -1;
        rule.count++;
    }
    if (rule.count == 0)
        return refuse(reading, err, "no pattern of files follows '", rule.who);
    if (grow((void **)&map->rule, map->rules, sizeof(*map->rule), err) < 0)
        return -1;
    map->rule[map->rules++] = rule;
    return 0;
}

static int read_line(const struct reading *reading, char *line, size_t len,
                     struct err *err)
{
    line[len] = '\0';
    if (strlen(line) != len)
        return refuse(reading, err, "it has a NUL byte", NULL);
    if (!utf8_is_valid(line, len))
        return refuse(reading, err, "it is not UTF-8", NULL);
    if (len > 0 && line[len - 1] == '\r')
        line[len - 1] = '\0';
    return add_rule(reading, line, err);
}

static int read_lines(struct reading *reading, size_t len, struct err *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    char *at = reading->map->text, *end = at + len;

    if (text_starts(at, mark))
        at += strlen(mark);
    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));

        stop = stop ? stop : end;
        reading->line++;
        if (read_line(reading, at, (size_t)(stop - at), err) < 0)
            return -1;
        at = stop + 1;
    }
    return 0;
}

int node_map_parse(struct node_map *map, const char *name, const char *text, size_t len,
                   struct err *err)
{
    struct reading reading = { .map = map, .name = name };

    *map = (struct node_map){ 0 };
    if (len > NODE_MAP_MOST)
        return err_set(err, ERR_USAGE, "'%s' is longer than 1 MiB", name);
    map->text = malloc(len + 1);
    if (!map->text)
        return err_memory(err, "the map of nodes");
    memcpy(map->text, text, len);
    map->text[len] = '\0';
    if (read_lines(&reading, len, err) < 0) {
        node_map_release(map);
        return -1;
    }
    map->met = calloc(map->words + 1, sizeof(*map->met));
    if (map->rules > 0 && map->met)
        return 0;
    node_map_release(map);
    return map->met ? 0 : err_set(err, ERR_USAGE, "'%s' has no rule", name);
}

void node_map_release(struct node_map *map)
{
    free(map->text);
    free(map->word);
    free(map->met);
    free(map->rule);
    free(map->range);
    *map = (struct node_map){ 0 };
}

static bool is_host(const char *pattern, const char *host)
{
    char shown[HOST_SHOWN + 1];
    size_t len = strcspn(host, ".");

    if (glob_match(pattern, host))
        return true;
    if (host[len] == '\0' || len > HOST_SHOWN)
        return false;
    memcpy(shown, host, len);
    shown[len] = '\0';
    return glob_match(pattern, shown);
}

bool node_map_is_for(const struct node_map *map, size_t rule, const char *host,
                     uint32_t number)
{
    const struct node_rule *one = &map->rule[rule];

    for (size_t i = one->first_range; i < one->first_range + one->ranges; i++)
        if (map->range[i].first <= number && number <= map->range[i].last)
            return true;
    return one->ranges == 0 && is_host(one->who, host);
}

void node_map_place(struct node_map *map, const char *host, uint32_t number)
{
    for (size_t i = 0; i < map->rules; i++)
        if (!map->rule[i].placed)
            map->rule[i].placed = node_map_is_for(map, i, host, number);
}

/* Once it is known that it does, patterns that have met a file tell no more. */
static bool gives(struct node_map *map, const struct node_rule *rule, const char *path,
                  bool known)
{
    for (size_t i = rule->first; i < rule->first + rule->count; i++) {
        if ((known && map->met[i]) || !glob_match(map->word[i], path))
            continue;
        known = map->met[i] = true;
    }
    return known;
}

bool node_map_gives(struct node_map *map, size_t rule, const char *path)
{
    return gives(map, &map->rule[rule], path, false);
}

bool node_map_keeps(struct node_map *map, const char *path)
{
    bool keeps = false;

    for (size_t i = 0; i < map->rules; i++)
        if (map->rule[i].placed)
            keeps = gives(map, &map->rule[i], path, keeps);
    return keeps;
}
