/* app/options_file.c -- options_take_file: a file of defaults to options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/option_take.h"
#include "app/options.h"
#include "base/settings.h"

/* What all lines have in common. */
struct taking {
    struct options *options;
    struct settings file;
    const char *name;
    enum option_place place;
    bool shared;
    struct err *err;
};

static int refuse(const struct taking *taking, const struct option *option,
                  const char *why)
{
    return err_set(taking->err, ERR_USAGE, "'%s' line %u: '%s' %s", taking->name,
                   taking->file.line, option->name, why);
}

/* What else stands in front of a '=', or without one, may be a secret in a form that other
 * programs have: "user NAME:PASSWORD". */
static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!text[i] || !strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", text[i]))
            return false;
    return len > 0;
}

static int unknown(const struct taking *taking)
{
    const struct settings *file = &taking->file;
    const struct option *guess = option_guess(file->name, file->name_len);

    if (!is_name(file->name, file->name_len))
        return err_set(taking->err, ERR_USAGE,
                       "'%s' line %u: expected OPTION = VALUE, with the name of a long "
                       "option",
                       taking->name, file->line);
    return err_set(taking->err, ERR_USAGE,
                   "'%s' line %u: unknown option '%.*s'%s%s%s; see mpifetch get --help",
                   taking->name, file->line, (int)file->name_len, file->name,
                   guess ? ": did you mean " : "", guess ? guess->name : "",
                   guess ? "?" : "");
}

enum { VARIABLE = 64 };

/* Whether a variable of another program says the same, and its name. */
static bool is_said(const struct option *option, char name[VARIABLE])
{
    for (const char *at = option->instead; at && *at; at += *at == ' ') {
        size_t len = strcspn(at, " ");
        const char *value;

        if (len >= VARIABLE)
            return false;
        memcpy(name, at, len);
        name[len] = '\0';
        value = getenv(name);
        if (value && *value)
            return true;
        at += len;
    }
    return false;
}

/* Also if something that counts more has set it: a file is right or wrong whoever uses it. */
static int take(struct taking *taking, const struct option *option, const char *value)
{
    struct option_text text = { .name = option->name,
                                .value = value,
                                .see = "see mpifetch get --help" };
    struct options scratch = { .command = COMMAND_GET };
    struct options *options = taking->options;
    char prefix[600], name[VARIABLE];
    bool counts =
        !option_is_taken(options, option, taking->place + 1u) && !is_said(option, name);
    int rc;

    snprintf(prefix, sizeof(prefix), "'%.512s' line %u: ", taking->name,
             taking->file.line);
    text.prefix = prefix;
    rc = option_take(counts ? options : &scratch, option, &text, taking->err);
    if (rc == 0 && counts) {
        options->place[option - option_table] = (unsigned char)taking->place;
        options->line[option - option_table] = taking->file.line;
    }
    options_release(&scratch);
    return rc;
}

/* Returns the text of the value. */
static int take_line(struct taking *taking)
{
    const struct settings *file = &taking->file;
    const struct option *option = option_find(file->name, file->name_len);
    char *value;

    if (!option)
        return unknown(taking);
    if (option->once)
        return refuse(taking, option, "is for one run only: it cannot be set in a file");
    if (file->has_value ? file->value_len == 0 : option->value != NULL)
        return refuse(taking, option, "requires a value");
    value = file->has_value
                ? option_keep(taking->options, file->value, file->value_len, taking->err)
                : option_keep(taking->options, "true", 4, taking->err);
    if (!value)
        return -1;
    if (taking->shared && option_hides(option, value))
        return refuse(taking, option,
                      "may be secret, but other users can read the file: chmod go= it");
    return take(taking, option, value);
}

int options_take_file(struct options *options, const char *name, enum option_place place,
                      const char *text, size_t len, bool shared, struct err *err)
{
    struct taking taking = {
        .options = options, .name = name, .place = place, .shared = shared, .err = err
    };
    int rc;

    settings_open(&taking.file, text, len);
    while ((rc = settings_next(&taking.file)) > 0)
        if (take_line(&taking) < 0)
            return -1;
    return rc < 0 ? err_set(err, ERR_USAGE, "'%s' line %u: it has a control character",
                            name, taking.file.line)
                  : 0;
}

/* Of all options that store their value at the same place the one that did. */
static size_t taken_by(const struct options *options, size_t i)
{
    size_t by = i;

    for (size_t k = 0; k < option_count; k++)
        if (option_table[k].own == option_table[i].own &&
            option_table[k].field == option_table[i].field &&
            options->place[k] > options->place[by])
            by = k;
    return by;
}

static void add_place(const struct options *options, size_t i, const char *site,
                      const char *user, struct strbuf *out)
{
    static const char *const names[] = { [PLACE_DEFAULT] = "default",
                                         [PLACE_ENVIRONMENT] = "environment",
                                         [PLACE_ARGV] = "command line" };
    size_t by = taken_by(options, i);
    enum option_place place = (enum option_place)options->place[by];

    if (place == PLACE_SITE || place == PLACE_USER)
        strbuf_addf(out, "%s:%u", place == PLACE_SITE ? site : user, options->line[by]);
    else
        strbuf_adds(out, names[place]);
}

void options_show(const struct options *options, const char *site, const char *user,
                  struct strbuf *out)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        struct strbuf value = { 0 };
        char name[VARIABLE];

        if (option->kind == OPTION_HELP || option->kind == OPTION_VERSION ||
            option->kind == OPTION_BWLIMIT || option->own ||
            !option_serves(option, FOR_GET))
            continue;
        option_show(option, options, &value);
        strbuf_addf(out, "%s%s%s%s  # ", value.data ? "" : "#", option->name,
                    value.data ? " = " : "", value.data ? value.data : "");
        add_place(options, i, site, user, out);
        if (option->instead && options->place[i] < PLACE_ENVIRONMENT &&
            is_said(option, name))
            strbuf_addf(out, ", or what %s says", name);
        strbuf_adds(out, "\n");
        strbuf_release(&value);
    }
}
