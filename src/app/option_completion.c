#include "app/option_completion.h"

#include <string.h>

#include "app/option.h"
#include "base/text.h"

enum path_kind { PATH_NONE, PATH_DIRECTORY, PATH_FILE };

static enum path_kind path_kind(const struct option *option)
{
    if (strcmp(option->value, "DIR") == 0)
        return PATH_DIRECTORY;
    if (strcmp(option->value, "FILE") == 0 || strcmp(option->value, "LIST") == 0 ||
        strcmp(option->value, "MAP") == 0)
        return PATH_FILE;
    return PATH_NONE;
}

static void bash_values(struct strbuf *out)
{
    static const char *const actions[] = {
        [PATH_NONE] = "COMPREPLY=()",
        [PATH_DIRECTORY] = "mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")",
        [PATH_FILE] = "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
    };

    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        const char *choices = option_choices(option);

        if (!option->value)
            continue;
        strbuf_addf(out, "    --%s) ", option->name);
        if (choices)
            strbuf_addf(out, "mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")",
                        choices);
        else
            strbuf_adds(out, actions[path_kind(option)]);
        strbuf_adds(out, "; return ;;\n");
    }
}

void option_completion_bash(struct strbuf *out)
{
    strbuf_adds(out, "# bash completion for mpifetch\n"
                     "_mpifetch()\n"
                     "{\n"
                     "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
                     "    case ${COMP_WORDS[COMP_CWORD-1]} in\n");
    bash_values(out);
    strbuf_adds(out, "    esac\n    local words=\"");
    for (size_t i = 0; i < option_command_count; i++)
        strbuf_addf(out, "%s ", option_commands[i].name);
    strbuf_adds(out, "\"\n    [[ $COMP_CWORD -gt 1 ]] && words=\"\"\n"
                     "    if [[ $cur == -* ]]; then\n        words=\"");
    for (size_t i = 0; i < option_count; i++)
        strbuf_addf(out, "%s--%s", i > 0 ? " " : "", option_table[i].name);
    strbuf_adds(out, "\"\n"
                     "    fi\n"
                     "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                     "    [[ ${#COMPREPLY[@]} -gt 0 || $cur == -* ]] ||\n"
                     "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                     "}\n"
                     "complete -o filenames -F _mpifetch mpifetch\n");
}

/* For inside single quotes: a backslash goes before each of `marks`, and `quote` is how the
 * shell writes a single quote there. */
static void add_quoted(struct strbuf *out, const char *text, const char *marks,
                       const char *quote)
{
    for (; *text; text++) {
        if (*text == '\'') {
            strbuf_adds(out, quote);
            continue;
        }
        if (strchr(marks, *text))
            strbuf_adds(out, "\\");
        strbuf_add(out, text, 1);
    }
}

static void zsh_text(struct strbuf *out, const char *text)
{
    add_quoted(out, text, "[]:\\", "'\\''");
}

/* "'*--include=[only files ...]:PATTERN: '" */
static void zsh_option(struct strbuf *out, const struct option *option)
{
    static const char *const actions[] = {
        [PATH_NONE] = " ",
        [PATH_DIRECTORY] = "_files -/",
        [PATH_FILE] = "_files",
    };
    const char *choices = option_choices(option);

    if (option->letter)
        strbuf_addf(out, "        %s{-%c,--%s}'[",
                    option->kind == OPTION_VERBOSE ? "'*'" : "", option->letter,
                    option->name);
    else
        strbuf_addf(out, "        '%s--%s%s[", option_is_list(option) ? "*" : "",
                    option->name, option->value ? "=" : "");
    zsh_text(out, option->help);
    strbuf_adds(out, "]");
    if (option->value)
        strbuf_addf(out, ":%s:", option->value);
    if (choices)
        strbuf_addf(out, "(%s)", choices);
    else if (option->value)
        strbuf_adds(out, actions[path_kind(option)]);
    strbuf_adds(out, "' \\\n");
}

void option_completion_zsh(struct strbuf *out)
{
    strbuf_adds(out, "#compdef mpifetch\n"
                     "local -a commands=(\n");
    for (size_t i = 0; i < option_command_count; i++) {
        strbuf_addf(out, "    '%s:", option_commands[i].name);
        zsh_text(out, option_commands[i].does);
        strbuf_adds(out, "'\n");
    }
    strbuf_adds(out, ")\n_arguments -s -S \\\n");
    for (size_t i = 0; i < option_count; i++)
        zsh_option(out, &option_table[i]);
    strbuf_adds(out, "        '1:command:{_describe command commands}' \\\n"
                     "        '*:path:_files'\n");
}

static void fish_text(struct strbuf *out, const char *text)
{
    add_quoted(out, text, "\\", "\\'");
}

static void fish_option(struct strbuf *out, const struct option *option)
{
    static const char *const actions[] = {
        [PATH_NONE] = " -x",
        [PATH_DIRECTORY] = " -x -a '(__fish_complete_directories)'",
        [PATH_FILE] = " -r -F",
    };
    const char *choices = option_choices(option);

    strbuf_addf(out, "complete -c mpifetch -l %s", option->name);
    if (option->letter)
        strbuf_addf(out, " -s %c", option->letter);
    if (choices)
        strbuf_addf(out, " -x -a '%s'", choices);
    else if (option->value)
        strbuf_adds(out, actions[path_kind(option)]);
    strbuf_adds(out, " -d '");
    fish_text(out, option->help);
    strbuf_adds(out, "'\n");
}

void option_completion_fish(struct strbuf *out)
{
    strbuf_adds(out, "# fish completion for mpifetch\n");
    for (size_t i = 0; i < option_command_count; i++) {
        strbuf_addf(out, "complete -c mpifetch -n __fish_use_subcommand -f -a %s -d '",
                    option_commands[i].name);
        fish_text(out, option_commands[i].does);
        strbuf_adds(out, "'\n");
    }
    for (size_t i = 0; i < option_count; i++)
        fish_option(out, &option_table[i]);
}
