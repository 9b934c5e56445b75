/* app/command.h -- the commands of the program, the first word of the command line. */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include "base/err.h"

enum command_id {
    COMMAND_GET,
    COMMAND_PLAN,
    COMMAND_VERIFY,
    COMMAND_DOCTOR,
    COMMAND_CLEAN,
    COMMAND_HELP,
    COMMAND_VERSION
};

struct command {
    const char *name;
    const char *see; /* how to see its help */
    enum command_id id;
};

/* NULL: there is no such command. */
const struct command *command_find(const char *name);

/* Its first word. */
const char *command_name(enum command_id id);

/* ERR_USAGE for NULL and for an unknown word; the sentence suggests a similar command. */
int command_parse(const char *name, enum command_id *id, struct err *err);

#endif
