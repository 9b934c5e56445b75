#include "faultfs.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct rule {
    char op[16], error[16], match[256];
    uint64_t after;
    long ms;
    unsigned times; /* 0: always */
};

enum { most_rules = 64 };
static atomic_uint struck_by[most_rules]; /* lines with times= */

static int error_number(const char *name)
{
    if (strcmp(name, "OK") == 0)
        return 0;
    if (strcmp(name, "FLIP") == 0)
        return RULES_FLIP;
    for (int number = 1; number < 134; number++) {
        const char *known = strerrorname_np(number);

        if (known && strcmp(known, name) == 0)
            return number;
    }
    return EPROTO;
}

static bool rule_parse(struct rule *rule, char *line)
{
    char *word, *rest = NULL;

    *rule = (struct rule){ .ms = 0 };
    line[strcspn(line, "#\n")] = '\0';
    if (sscanf(line, "%15s %15s", rule->op, rule->error) != 2)
        return false;
    for (word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (strncmp(word, "after=", 6) == 0)
            rule->after = strtoull(word + 6, NULL, 10);
        else if (strncmp(word, "match=", 6) == 0)
            snprintf(rule->match, sizeof(rule->match), "%s", word + 6);
        else if (strncmp(word, "ms=", 3) == 0)
            rule->ms = strtol(word + 3, NULL, 10);
        else if (strncmp(word, "times=", 6) == 0)
            rule->times = (unsigned)strtoul(word + 6, NULL, 10);
    }
    return true;
}

static bool rule_strikes(const struct rule *rule, const char *op, const char *path,
                         uint64_t written)
{
    return strcmp(rule->op, op) == 0 && written >= rule->after &&
           strstr(path, rule->match);
}

/* Whether it is not used up. */
static bool rule_lasts(const struct rule *rule, unsigned line)
{
    return rule->times == 0 ||
           (line < most_rules && atomic_fetch_add(&struck_by[line], 1) < rule->times);
}

static void tell(const char *rules, const char *op, const char *path)
{
    char name[512];
    FILE *file;

    snprintf(name, sizeof(name), "%s.struck", rules);
    file = fopen(name, "ae");
    if (!file)
        return;
    fprintf(file, "%s %s\n", op, path);
    fclose(file);
}

static void pause_ms(long ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

int rules_strike(const char *rules, const char *op, const char *path, uint64_t written)
{
    FILE *file = fopen(rules, "re");
    char line[512];
    struct rule rule = { .ms = 0 };
    bool struck = false;

    if (!file)
        return 0;
    for (unsigned at = 0; !struck && fgets(line, sizeof(line), file); at++)
        struck = rule_parse(&rule, line) && rule_strikes(&rule, op, path, written) &&
                 rule_lasts(&rule, at);
    fclose(file);
    if (!struck)
        return 0;
    if (rule.times || strcmp(rule.error, "FLIP") == 0)
        tell(rules, op, path);
    pause_ms(rule.ms);
    return error_number(rule.error);
}
