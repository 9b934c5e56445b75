/* app/options.h -- argv, environment and files of defaults to options, from one table
 * (app/option.h) that also makes --help, the man page and the shell completion.
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

#include <stdbool.h>
#include <stddef.h>

#include "app/command.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "mpifetch.h"

/* Where the value of an option comes from; a later one counts. */
enum option_place {
    PLACE_DEFAULT,
    PLACE_SITE, /* the files of app/config.h */
    PLACE_USER,
    PLACE_ENVIRONMENT,
    PLACE_ARGV
};

enum { OPTION_MOST = 96 }; /* the table is no longer than this */

struct options {
    enum command_id command;
    const char *topic; /* COMMAND_HELP: the command it was asked of, or NULL */
    struct mpifetch_options get;
    int quick; /* doctor: measure no speeds */
    const char *cache_dir;
    struct mpifetch_options *each;   /* get, of several sources, or NULL (app/places.h) */
    size_t count;                    /* of these */
    struct mpifetch_report *reports; /* room for one of each */
    int no_config, show_config;
    const char *warning;              /* of what is ignored, or NULL */
    unsigned char place[OPTION_MOST]; /* enum option_place, by place in option_table */
    unsigned line[OPTION_MOST];       /* of the file; 0: of none */
    void *owned;                      /* copies of texts from elsewhere than argv */
};

/* Starts from mpifetch_options_init, but with progress and a summary on. */
int options_parse(struct options *options, int argc, char **argv, struct err *err);

/* The values of a file (as in base/settings.h) for options that neither argv nor the environment
 * nor a file before it has set. name: as the sentences call it. shared: others than the user
 * can read it, so that it must not have secrets. */
int options_take_file(struct options *options, const char *name, enum option_place place,
                      const char *text, size_t len, bool shared, struct err *err);

/* For --show-config: each option, its value without secrets, and where that is from. site,
 * user: the names of the files. */
void options_show(const struct options *options, const char *site, const char *user,
                  struct strbuf *out);

void options_release(struct options *options);

/* Text for --help: of the program (NULL), or of one command. */
void options_help(struct strbuf *out, const char *topic);

/* The option table as roff (man page). */
void options_man(struct strbuf *out);

#endif
