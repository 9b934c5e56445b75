/* app/options.h -- argv and environment to options, from one table (app/option.h) that
 * also makes --help, the man page and the shell completion.
 *
 * Each option --some-name has an environment variable MPIFETCH_SOME_NAME; argv wins, and
 * an empty variable counts as unset. Lists (--include, --exclude, --header) add up in
 * argv; in the environment they are separated by newlines.
 *
 * Life cycle   options_parse, then options_release whether it failed or not.
 * Ownership    texts are borrowed from argv and the environment, which must
 *              outlive options.
 * Errors       ERR_USAGE: the sentence names the option and says how to see the help.
 * Collective   no call talks to other ranks. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "app/command.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "mpifetch.h"

struct options {
    enum command_id command;
    const char *topic; /* COMMAND_HELP: the command it was asked of, or NULL */
    struct mpifetch_options get;
    int quick;   /* doctor: measure no speeds */
    void *owned; /* copies of lists from the environment */
};

/* Starts from mpifetch_options_init, but with progress and a summary on. */
int options_parse(struct options *options, int argc, char **argv, struct err *err);
void options_release(struct options *options);

/* Text for --help: of the program (NULL), or of one command. */
void options_help(struct strbuf *out, const char *topic);

/* The option table as roff (man page). */
void options_man(struct strbuf *out);

#endif
