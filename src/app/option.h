/* app/option.h -- one option: its name, the value it takes, and where that is stored.
 *
 * The table is the only list of options: parsing, help, man page and
 * completion use it. */
#ifndef APP_OPTION_H
#define APP_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "app/options.h"
#include "base/strbuf.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_LIST,      /* may be given again; values add up */
    OPTION_HEADER,    /* a list of "Name: value" */
    OPTION_LOGIN,     /* NAME:PASSWORD */
    OPTION_RESOLVE,   /* a list of HOST:PORT:ADDRESS */
    OPTION_DIGEST,    /* SHA-256 in hex */
    OPTION_REPO_TYPE, /* a choice */
    OPTION_PROGRESS,  /* a choice */
    OPTION_LAYOUT,
    OPTION_RECORDS,         /* a choice */
    OPTION_PER_NODE_VERIFY, /* a choice */
    OPTION_STRIPE,          /* a number or a word */
    OPTION_COUNT,
    OPTION_SIZE,
    OPTION_BWLIMIT, /* a size in KiB, as rclone has it, or off */
    OPTION_SEGMENT, /* a size in whole MiB */
    OPTION_SECONDS,
    OPTION_PERIOD,   /* seconds, not 0: a wait needs a limit */
    OPTION_FLAG,     /* this and those below take no value */
    OPTION_HF_CACHE, /* a word for a layout */
    OPTION_VERBOSE,  /* may be given twice */
    OPTION_QUIET,
    OPTION_HELP,
    OPTION_VERSION
};

/* Commands, as bits. plan takes what get takes. */
enum option_use {
    FOR_GET = 1,
    FOR_VERIFY = 2,
    FOR_DOCTOR = 4,
    FOR_CLEAN = 8,
    FOR_ALL = FOR_GET | FOR_VERIFY | FOR_DOCTOR | FOR_CLEAN
};

struct option {
    const char *group; /* heading in the help; NULL: that of the option before */
    const char *name;  /* without dashes */
    char letter;       /* short form, or 0 */
    enum option_kind kind;
    const char *value; /* what the help calls the value; NULL: none is taken */
    size_t field;      /* offset in struct mpifetch_options, or as `own` has it */
    bool own;          /* the library does not know it: offset in struct options */
    unsigned serves;   /* enum option_use: commands it applies to; 0: FOR_GET */
    const char *help;
    bool once;           /* for one run: not in a file of defaults */
    bool secret;         /* the value is not shown */
    bool maybe_secret;   /* nor is what is behind a ':' in it */
    const char *instead; /* variables of other programs that say the same, or NULL */
};

extern const struct option option_table[];
extern const size_t option_count;

/* What the first word may be, and its line in the help. */
struct option_command {
    const char *name, *does;
};

extern const struct option_command option_commands[];
extern const size_t option_command_count;

/* By the text after "--", of which len characters count; NULL: no such option. */
const struct option *option_find(const char *name, size_t len);
const struct option *option_letter(char letter);

/* The option whose name is closest to a mistyped one, or NULL if none is close. */
const struct option *option_guess(const char *name, size_t len);

bool option_is_list(const struct option *option);

/* Store a value; false: it is not of the form that option_form describes. Of a list
 * only the form is checked: the caller keeps lists. Flags take words such as "yes". The
 * text is borrowed. */
bool option_set(const struct option *option, struct options *options, const char *text);

/* Given on the command line without a value. */
void option_raise(const struct option *option, struct options *options);

/* The value as a file has it, without secrets; nothing if there is none. */
void option_show(const struct option *option, const struct options *options,
                 struct strbuf *out);

/* Whether what it has been given is for its user alone: a header, a password in a URL, or
 * behind the name of a certificate. */
bool option_hides(const struct option *option, const char *text);

/* "a size such as 64M": completes "expected ...". */
const char *option_form(const struct option *option);

/* Words that may be the value, with blanks in between, or NULL. */
const char *option_choices(const struct option *option);

/* MPIFETCH_SOME_NAME, or nothing for options without an environment variable. */
void option_twin(const struct option *option, struct strbuf *name);

/* " (default 5)", or nothing if the default is to choose or to do without. */
void option_default(const struct option *option, struct strbuf *out);

bool option_serves(const struct option *option, enum option_use use);

#endif
