#include "app/command.h"

#include <string.h>

#include "app/guess.h"
#include "base/text.h"

static const struct command commands[] = {
    { "get", "see mpifetch get --help", COMMAND_GET },
    { "plan", "see mpifetch plan --help", COMMAND_PLAN },
    { "verify", "see mpifetch verify --help", COMMAND_VERIFY },
    { "doctor", "see mpifetch doctor --help", COMMAND_DOCTOR },
    { "clean", "see mpifetch clean --help", COMMAND_CLEAN },
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; name && i < countof(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

const char *command_name(enum command_id id)
{
    for (size_t i = 0; i < countof(commands); i++)
        if (commands[i].id == id)
            return commands[i].name;
    return id == COMMAND_VERSION ? "--version" : "--help";
}

/* The name that other programs use for it, or the most similar of our own. */
static const char *guess_of(const char *name)
{
    static const char *const words[][2] = {
        { "download", "get" },  { "fetch", "get" },    { "pull", "get" },
        { "sync", "get" },      { "check", "verify" }, { "diagnose", "doctor" },
        { "cleanup", "clean" }, { "prune", "clean" },
    };
    const char *guess = NULL;
    int least = GUESS_SLIPS;

    for (size_t i = 0; i < countof(words); i++)
        if (strcmp(name, words[i][0]) == 0)
            return words[i][1];
    for (size_t i = 0; i < countof(commands); i++)
        if (guess_closer(name, strlen(name), commands[i].name, &least))
            guess = commands[i].name;
    return guess;
}

int command_parse(const char *name, enum command_id *id, struct err *err)
{
    const struct command *command = command_find(name);
    const char *guess;

    if (command) {
        *id = command->id;
        return 0;
    }
    if (!name)
        return err_set(err, ERR_USAGE,
                       "no command given: expected get, plan, verify, doctor or clean; "
                       "see mpifetch --help");
    if (strstr(name, "://"))
        return err_set(
            err, ERR_USAGE,
            "no command given: use mpifetch get SOURCE DEST; see mpifetch --help");
    guess = guess_of(name);
    if (guess)
        return err_set(err, ERR_USAGE,
                       "unknown command '%s': did you mean %s? see mpifetch --help", name,
                       guess);
    return err_set(err, ERR_USAGE,
                   "unknown command '%s': expected get, plan, verify, doctor or clean; "
                   "see mpifetch --help",
                   name);
}
