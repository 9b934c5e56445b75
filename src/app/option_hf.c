#include "app/option_hf.h"

#include <stdlib.h>
#include <string.h>

#include "app/option.h"
#include "app/option_take.h"
#include "base/text.h"

const char option_hf_word[] = "hf-download";

static const char see[] = "see mpifetch hf-download --help";

/* What becomes of an option of `hf download`. */
enum fate {
    RENAMED,
    DROPPED,
    LOCAL_DIR,
    CACHE_DIR,
    INCLUDE, /* and exclude: further patterns may follow */
    FORMAT,
    REFUSED
};

static const struct known {
    const char *name;
    enum fate fate;
    bool value;
    const char *text; /* the name here, or why not */
} known[] = {
    { "repo-type", RENAMED, true, "repo-type" },
    { "type", RENAMED, true, "repo-type" },
    { "max-workers", RENAMED, true, "max-connections" },
    { "include", INCLUDE, true, "include" },
    { "exclude", INCLUDE, true, "exclude" },
    { "local-dir", LOCAL_DIR, true, NULL },
    { "cache-dir", CACHE_DIR, true, NULL },
    { "no-force-download", DROPPED, false, NULL },
    { "no-dry-run", DROPPED, false, NULL },
    { "no-truncate", DROPPED, false, NULL }, /* there are no tables */
    { "resume-download", DROPPED, false, NULL },
    { "local-dir-use-symlinks", DROPPED, true, NULL },
    { "format", FORMAT, true, NULL },
    { "json", REFUSED, false, "the output is one line, the path: --report FILE is JSON" },
    { "token", REFUSED, true,
      "all users of a machine can read command lines: use --token-file, or set "
      "HF_TOKEN" },
};

/* What selects files. */
struct choice {
    const char *option, *pattern;
    enum { NAMED, FOLDER, PATTERN } kind;
};

struct words {
    struct options *options;
    struct err *err;
    int argc, at;
    char **argv;
    char **out; /* options; SOURCE and DEST follow them */
    int count;
    const char *name, *local, *cache;
    const char *list; /* the option whose further patterns may follow, or NULL */
    struct choice *choice;
    size_t choices;
    bool help;
};

static char *joined(struct words *words, const char *first, const char *second)
{
    struct strbuf text = { 0 };
    char *kept = NULL;

    strbuf_addf(&text, "%s%s", first, second);
    if (text.failed)
        err_memory(words->err, "options");
    else
        kept = option_keep(words->options, text.data, text.len, words->err);
    strbuf_release(&text);
    return kept;
}

static int put(struct words *words, const char *first, const char *second)
{
    char *text = joined(words, first, second);

    if (!text)
        return -1;
    words->out[words->count++] = text;
    return 0;
}

static int put_option(struct words *words, const char *name, const char *value)
{
    return put(words, "--", name) < 0 || (value && put(words, value, "") < 0) ? -1 : 0;
}

/* A folder is all that is in it, as for the Hub's library. */
static int put_choice(struct words *words, const struct choice *choice)
{
    const char *end = text_ends(choice->pattern, "/") ? "*" : "";
    char *text = joined(words, choice->pattern, end);

    return text ? put_option(words, choice->option, text) : -1;
}

static void choose(struct words *words, const char *option, const char *pattern, int kind)
{
    words->choice[words->choices++] = (struct choice){ option, pattern, kind };
}

static int take_operand(struct words *words, const char *text)
{
    if (!words->name) {
        words->name = text;
        return 0;
    }
    /* Older versions take several patterns behind one --include. */
    if (words->list && strpbrk(text, "*?["))
        choose(words, words->list, text, PATTERN);
    else
        choose(words, "include", text, text_ends(text, "/") ? FOLDER : NAMED);
    return 0;
}

static int take_format(struct words *words, const char *value)
{
    if (strcmp(value, "quiet") == 0)
        return put_option(words, "quiet", NULL);
    if (strcmp(value, "auto") == 0 || strcmp(value, "human") == 0)
        return 0;
    return err_set(words->err, ERR_USAGE,
                   "--format '%s': the output is one line, the path: --report FILE is "
                   "JSON; %s",
                   value, see);
}

static int take_known(struct words *words, const struct known *one, const char *value)
{
    switch (one->fate) {
    case DROPPED:
        return 0;
    case RENAMED:
        return put_option(words, one->text, value);
    case LOCAL_DIR:
        words->local = value;
        return 0;
    case CACHE_DIR:
        words->cache = value;
        return 0;
    case INCLUDE:
        words->list = one->text;
        choose(words, one->text, value, PATTERN);
        return 0;
    case FORMAT:
        return take_format(words, value);
    case REFUSED:
        break;
    }
    return err_set(words->err, ERR_USAGE, "--%s is not supported: %s; %s", one->name,
                   one->text, see);
}

static const struct known *find_known(const char *name, size_t len)
{
    for (size_t i = 0; i < countof(known); i++)
        if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0)
            return &known[i];
    return NULL;
}

/* One of `get` goes on as it is, with its value. */
static int pass(struct words *words, const char *arg, size_t len, const char *value)
{
    const struct option *option = option_find(arg + 2, len);

    if (put(words, arg, "") < 0)
        return -1;
    return option && option->value && !value && words->at < words->argc
               ? put(words, words->argv[words->at++], "")
               : 0;
}

static int pass_letters(struct words *words, const char *arg)
{
    words->help |= strchr(arg, 'h') != NULL;
    return put(words, arg, "");
}

static int take_option(struct words *words, const char *arg)
{
    size_t len = strcspn(arg + 2, "=");
    const char *value = arg[2 + len] == '=' ? arg + 2 + len + 1 : NULL;
    const struct known *one = find_known(arg + 2, len);

    words->list = NULL;
    words->help |= len == 4 && memcmp(arg + 2, "help", len) == 0;
    if (!one)
        return pass(words, arg, len, value);
    if (one->value && !value && words->at < words->argc)
        value = words->argv[words->at++];
    if (one->value && (!value || !*value))
        return err_set(words->err, ERR_USAGE, "--%s requires a value; %s", one->name,
                       see);
    return take_known(words, one, value ? value : "");
}

static int take_all(struct words *words)
{
    bool ended = false;

    while (words->at < words->argc) {
        const char *arg = words->argv[words->at++];
        int rc = 0;

        if (ended || arg[0] != '-' || !arg[1])
            rc = take_operand(words, arg);
        else if (strcmp(arg, "--") == 0)
            ended = true;
        else if (arg[1] == '-')
            rc = take_option(words, arg);
        else
            rc = pass_letters(words, arg);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static const struct choice *first_of(const struct words *words, int kind)
{
    for (size_t i = 0; i < words->choices; i++)
        if ((int)words->choice[i].kind == kind)
            return &words->choice[i];
    return NULL;
}

/* Beside files that are named the Hub's tool ignores patterns, and says so; beside folders it
 * refuses them. */
static int put_choices(struct words *words)
{
    const struct choice *named = first_of(words, NAMED);
    const struct choice *folder = first_of(words, FOLDER);
    const struct choice *pattern = first_of(words, PATTERN);

    if (folder && pattern)
        return err_set(words->err, ERR_USAGE,
                       "folder '%s' cannot be combined with --%s: use --include '%s*' "
                       "instead of it; %s",
                       folder->pattern, pattern->option, folder->pattern, see);
    if (named && pattern)
        words->options->warning =
            "--include and --exclude are ignored, since files are named";
    for (size_t i = 0; i < words->choices; i++)
        if (!(named && words->choice[i].kind == PATTERN) &&
            put_choice(words, &words->choice[i]) < 0)
            return -1;
    return 0;
}

static int put_places(struct words *words)
{
    if (!words->name && !words->help)
        return err_set(words->err, ERR_USAGE,
                       "missing NAME of a repository, such as acme/demo; %s", see);
    if (words->local && words->cache)
        return err_set(words->err, ERR_USAGE,
                       "--local-dir '%s' and --cache-dir '%s' are two places: give one; "
                       "%s",
                       words->local, words->cache, see);
    if (!words->local && put_option(words, "hf-cache", NULL) < 0)
        return -1;
    if (put(words, "--", "") < 0)
        return -1;
    if (words->name &&
        put(words, text_starts(words->name, "hf://") ? "" : "hf://", words->name) < 0)
        return -1;
    if (words->local)
        return put(words, words->local, "");
    return words->cache ? put(words, words->cache, "") : 0;
}

int option_hf(struct options *options, int argc, char **argv, int *count, char ***out,
              struct err *err)
{
    struct words words = {
        .options = options, .err = err, .argc = argc, .at = 2, .argv = argv
    };
    size_t most = 4 * (size_t)argc + 8;

    words.out =
        (char **)(void *)option_keep_bytes(options, most * sizeof(*words.out), err);
    words.choice = (struct choice *)(void *)option_keep_bytes(
        options, (size_t)argc * sizeof(*words.choice), err);
    if (!words.out || !words.choice || put(&words, argv[0], "") < 0 ||
        put(&words, "get", "") < 0 || take_all(&words) < 0 || put_choices(&words) < 0 ||
        put_places(&words) < 0)
        return -1;
    *count = words.count;
    *out = words.out;
    return 0;
}
