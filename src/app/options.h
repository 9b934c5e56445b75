/* app/options.h -- argv and environment to options, from one table that also makes --help, the
 * man page and the shell completion.
 *
 * Each option --some-name has an environment twin MPIFETCH_SOME_NAME; argv wins. Lists (--include,
 * --exclude, --header) add up in argv; in the environment they are separated by newlines. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "mpifetch.h"

enum options_command { COMMAND_GET, COMMAND_PLAN, COMMAND_HELP, COMMAND_VERSION };

struct options {
    enum options_command command;
    const char *topic; /* the command that --help was asked of, or NULL */
    struct mpifetch_options get;
    void *owned; /* lists */
};

/* ERR_USAGE names the option and how to see help. argv must outlive options. */
int options_parse(struct options *options, int argc, char **argv, struct err *err);
void options_release(struct options *options);

/* Text for --help: of the program, or of one command. */
void options_help(struct strbuf *out, const char *topic);

/* The option table as roff (man page) and as a bash completion script. */
void options_man(struct strbuf *out);
void options_completion(struct strbuf *out);

#endif
