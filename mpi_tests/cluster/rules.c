#include "faultfs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct rule {
    char op[16], error[16], match[256];
    uint64_t after;
    long ms;
};

static int error_number(const char *name)
{
    if (strcmp(name, "OK") == 0)
        return 0;
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
    }
    return true;
}

static bool rule_strikes(const struct rule *rule, const char *op, const char *path,
                         uint64_t written)
{
    return strcmp(rule->op, op) == 0 && written >= rule->after &&
           strstr(path, rule->match);
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
    while (!struck && fgets(line, sizeof(line), file))
        struck = rule_parse(&rule, line) && rule_strikes(&rule, op, path, written);
    fclose(file);
    if (!struck)
        return 0;
    pause_ms(rule.ms);
    return error_number(rule.error);
}
