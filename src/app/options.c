#include "app/options.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "app/option.h"
#include "app/option_habit.h"
#include "app/option_hf.h"
#include "app/option_take.h"
#include "app/places.h"
#include "base/text.h"

/* One pass over argv. */
struct parser {
    struct options *options;
    int argc, at;
    char **argv;
    const char **operand; /* the command, and what follows it; NULL at the end */
    int operands;
    struct err *err;
};

/* How to see the help of the command in hand. */
static const char *see(const struct parser *parser)
{
    const struct command *command = command_find(parser->operand[0]);

    return command ? command->see : "see mpifetch --help";
}

static void mark(struct parser *parser, const struct option *option)
{
    parser->options->place[option - option_table] = PLACE_ARGV;
}

static int parse_value(struct parser *parser, const struct option *option,
                       const char *value)
{
    if (!value && parser->at < parser->argc)
        value = parser->argv[parser->at++];
    if (!value || !*value)
        return err_set(parser->err, ERR_USAGE, "--%s requires a value (%s); %s",
                       option->name, option->value, see(parser));
    return option_take(parser->options, option,
                       &(struct option_text){ "--", option->name, value, see(parser) },
                       parser->err);
}

static int unknown_option(struct parser *parser, const char *dashes, const char *name,
                          size_t len)
{
    const char *habit = option_habit(name, len);
    const struct option *guess = option_guess(name, len);

    if (habit)
        return err_set(parser->err, ERR_USAGE, "unknown option '%s%.*s': %s; %s", dashes,
                       (int)len, name, habit, see(parser));
    if (guess && dashes[1])
        return err_set(parser->err, ERR_USAGE,
                       "unknown option '%s%.*s': did you mean --%s? %s", dashes, (int)len,
                       name, guess->name, see(parser));
    return err_set(parser->err, ERR_USAGE, "unknown option '%s%.*s'; %s", dashes,
                   (int)len, name, see(parser));
}

static void parse_flag(struct parser *parser, const struct option *option)
{
    if (option->kind == OPTION_HELP)
        parser->options->command = COMMAND_HELP;
    else if (option->kind == OPTION_VERSION)
        parser->options->command = COMMAND_VERSION;
    else
        option_raise(option, parser->options);
}

static int parse_long(struct parser *parser, const char *name)
{
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    const struct option *option = option_find(name, len);

    if (!option)
        return unknown_option(parser, "--", name, len);
    mark(parser, option);
    if (option->value)
        return parse_value(parser, option, value);
    if (value)
        return err_set(parser->err, ERR_USAGE, "--%s does not take a value; %s",
                       option->name, see(parser));
    parse_flag(parser, option);
    return 0;
}

static int parse_letters(struct parser *parser, const char *letters)
{
    for (; *letters; letters++) {
        const struct option *option = option_letter(*letters);

        if (!option)
            return unknown_option(parser, "-", letters, 1);
        mark(parser, option);
        parse_flag(parser, option);
    }
    return 0;
}

static int parse_argv(struct parser *parser)
{
    bool ended = false; /* "--" was seen */

    while (parser->at < parser->argc) {
        const char *arg = parser->argv[parser->at++];
        int rc = 0;

        if (ended || arg[0] != '-' || !arg[1])
            parser->operand[parser->operands++] = arg;
        else if (strcmp(arg, "--") == 0)
            ended = true;
        else if (arg[1] == '-')
            rc = parse_long(parser, arg + 2);
        else
            rc = parse_letters(parser, arg + 1);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static enum option_use use_of(enum command_id command)
{
    return command == COMMAND_VERIFY   ? FOR_VERIFY
           : command == COMMAND_DOCTOR ? FOR_DOCTOR
           : command == COMMAND_CLEAN  ? FOR_CLEAN
                                       : FOR_GET;
}

/* An option on the command line must apply to the command; environment variables are
 * for all commands. */
static int check_given(struct parser *parser)
{
    enum command_id command = parser->options->command;

    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];

        if (parser->options->place[i] == PLACE_ARGV &&
            !option_serves(option, use_of(command)))
            return err_set(parser->err, ERR_USAGE, "--%s cannot be used with '%s'; %s",
                           option->name, parser->operand[0], see(parser));
    }
    return 0;
}

/* "help" and "version" as commands, as other programs have them. */
static void take_word(struct parser *parser)
{
    struct options *options = parser->options;
    const char *word = parser->operand[0];

    options->topic = word;
    if (!word || options->command != COMMAND_GET)
        return;
    if (strcmp(word, "version") == 0)
        options->command = COMMAND_VERSION;
    if (strcmp(word, "help") != 0)
        return;
    options->command = COMMAND_HELP;
    options->topic = parser->operand[1];
}

static int parse(struct parser *parser)
{
    struct options *options = parser->options;

    if (parse_argv(parser) < 0)
        return -1;
    take_word(parser);
    if (options->command != COMMAND_GET)
        return 0;
    if (option_take_environment(options, see(parser), parser->err) < 0 ||
        command_parse(parser->operand[0], &options->command, parser->err) < 0)
        return -1;
    if (check_given(parser) < 0)
        return -1;
    if (options->show_config)
        return 0;
    return places_take(options, parser->operand + 1, see(parser), parser->err);
}

int options_parse(struct options *options, int argc, char **argv, struct err *err)
{
    struct parser parser = {
        .options = options, .argc = argc, .at = 1, .argv = argv, .err = err
    };
    int rc;

    /* COMMAND_GET until argv says something else: help and version overrule commands */
    *options = (struct options){ .command = COMMAND_GET };
    mpifetch_options_init(&options->get);
    options->get.progress = MPIFETCH_PROGRESS_AUTO;
    options->get.verbosity = 0;
    if (argc > 1 && strcmp(argv[1], option_hf_word) == 0 &&
        option_hf(options, argc, argv, &parser.argc, &parser.argv, err) < 0)
        return -1;
    parser.operand = calloc((size_t)parser.argc + 2, sizeof(*parser.operand));
    rc = parser.operand ? parse(&parser) : err_memory(err, "options");
    free(parser.operand);
    return rc;
}
