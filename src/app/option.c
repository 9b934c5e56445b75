#include "app/option.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "app/guess.h"
#include "base/text.h"
#include "core/http/header_line.h"

enum {
    MOST_COUNT = 1000000,
    MOST_SECONDS = 7 * 86400, /* far below where milliseconds leave 32 bits */
    MIB = 1 << 20
};

static bool set_text(void *field, const char *text)
{
    *(const char **)field = text;
    return true;
}

static bool check_any(void *field, const char *text)
{
    (void)field;
    (void)text;
    return true;
}

static bool check_header(void *field, const char *text)
{
    (void)field;
    return header_line_fault(text) == NULL;
}

static bool set_login(void *field, const char *text)
{
    return strchr(text, ':') && set_text(field, text);
}

/* HOST:PORT:ADDRESS[,ADDRESS]..., with '+' in front for curl's own time limit. */
static bool check_resolve(void *field, const char *text)
{
    const char *port = strchr(text, ':');
    size_t digits = port ? strspn(port + 1, "0123456789") : 0;

    (void)field;
    return port && port > text + (*text == '+') && *text != '-' && digits > 0 &&
           digits <= 5 && port[1 + digits] == ':' && port[2 + digits];
}

static bool set_digest(void *field, const char *text)
{
    uint8_t bytes[32];

    return text_unhex(bytes, sizeof(bytes), text) && set_text(field, text);
}

/* The index of the word; -1: not found. */
static int find_word(const char *const *words, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return (int)i;
    return -1;
}

static bool set_repo_type(void *field, const char *text)
{
    static const char *const words[] = { "model", "dataset", "space" };

    return find_word(words, countof(words), text) >= 0 && set_text(field, text);
}

static bool set_progress(void *field, const char *text)
{
    static const char *const words[] = {
        [MPIFETCH_PROGRESS_NONE] = "none",
        [MPIFETCH_PROGRESS_AUTO] = "auto",
        [MPIFETCH_PROGRESS_BAR] = "bar",
        [MPIFETCH_PROGRESS_PLAIN] = "plain",
    };
    int word = find_word(words, countof(words), text);

    if (word >= 0)
        *(enum mpifetch_progress *)field = (enum mpifetch_progress)word;
    return word >= 0;
}

static bool set_layout(void *field, const char *text)
{
    static const char *const words[] = {
        [MPIFETCH_LAYOUT_DIR] = "dir",
        [MPIFETCH_LAYOUT_HF_CACHE] = "hf-cache",
    };
    int word = find_word(words, countof(words), text);

    if (word >= 0)
        *(enum mpifetch_layout *)field = (enum mpifetch_layout)word;
    return word >= 0;
}

static bool set_records(void *field, const char *text)
{
    static const char *const words[] = {
        [MPIFETCH_RECORDS_DEFAULT] = "",
        [MPIFETCH_RECORDS_INSIDE] = "inside",
        [MPIFETCH_RECORDS_BESIDE] = "beside",
        [MPIFETCH_RECORDS_NONE] = "none",
    };
    int word = find_word(words, countof(words), text);

    if (word > 0)
        *(enum mpifetch_records *)field = (enum mpifetch_records)word;
    return word > 0;
}

static bool set_per_node_verify(void *field, const char *text)
{
    static const char *const words[] = {
        [MPIFETCH_PER_NODE_VERIFY_FULL] = "full",
        [MPIFETCH_PER_NODE_VERIFY_SEGMENTS] = "segments",
    };
    int word = find_word(words, countof(words), text);

    if (word >= 0)
        *(enum mpifetch_per_node_verify *)field = (enum mpifetch_per_node_verify)word;
    return word >= 0;
}

static bool set_stripe(void *field, const char *text)
{
    uint64_t value = 0;

    if (strcmp(text, "none") == 0)
        *(int *)field = MPIFETCH_STRIPE_NONE;
    else if (strcmp(text, "auto") == 0)
        *(int *)field = MPIFETCH_STRIPE_AUTO;
    else if (text_to_u64(text, &value) && value > 0 && value <= MPIFETCH_STRIPE_MOST)
        *(int *)field = (int)value;
    else
        return false;
    return true;
}

static bool set_count(void *field, const char *text)
{
    uint64_t value;

    if (!text_to_u64(text, &value) || value > MOST_COUNT)
        return false;
    *(unsigned *)field = (unsigned)value;
    return true;
}

static bool set_size(void *field, const char *text)
{
    return text_to_size(text, field);
}

static bool set_bwlimit(void *field, const char *text)
{
    uint64_t kib;

    if (strcmp(text, "off") == 0)
        *(uint64_t *)field = 0;
    else if (!text_to_u64(text, &kib))
        return text_to_size(text, field);
    else if (kib > UINT64_MAX >> 10)
        return false;
    else
        *(uint64_t *)field = kib << 10;
    return true;
}

static bool set_segment(void *field, const char *text)
{
    uint64_t value;

    if (!text_to_size(text, &value) || value % MIB != 0)
        return false;
    *(uint64_t *)field = value;
    return true;
}

static bool set_seconds(void *field, const char *text)
{
    double value;

    if (!text_to_seconds(text, &value) || value > MOST_SECONDS)
        return false;
    *(double *)field = value;
    return true;
}

static bool set_period(void *field, const char *text)
{
    double value;

    if (!set_seconds(&value, text) || value <= 0)
        return false;
    *(double *)field = value;
    return true;
}

static bool set_flag(void *field, const char *text)
{
    static const char *const words[][2] = {
        { "0", "1" }, { "off", "on" }, { "no", "yes" }, { "false", "true" }
    };

    for (size_t i = 0; i < countof(words); i++)
        for (int on = 0; on < 2; on++)
            if (strcasecmp(text, words[i][on]) == 0) {
                *(int *)field = on;
                return true;
            }
    return false;
}

static bool set_hf_cache(void *field, const char *text)
{
    int on;

    if (!set_flag(&on, text))
        return false;
    if (on)
        *(enum mpifetch_layout *)field = MPIFETCH_LAYOUT_HF_CACHE;
    return true;
}

static bool set_verbose(void *field, const char *text)
{
    if (strcmp(text, "2") != 0)
        return set_flag(field, text);
    *(int *)field = 2;
    return true;
}

static bool set_quiet(void *field, const char *text)
{
    int on;

    if (!set_flag(&on, text))
        return false;
    if (on)
        *(int *)field = -1;
    return true;
}

struct kind {
    const char *form; /* completes "expected ..." */
    bool (*set)(void *field, const char *text);
    const char *choices;
};

static const struct kind kinds[] = {
    [OPTION_TEXT] = { "a string", set_text, NULL },
    [OPTION_LIST] = { "a pattern", check_any, NULL },
    [OPTION_HEADER] = { "a line of the form 'Name: value', other than Range, "
                        "Accept-Encoding, Content-Length, Transfer-Encoding and "
                        "Connection",
                        check_header, NULL },
    [OPTION_LOGIN] = { "NAME:PASSWORD", set_login, NULL },
    [OPTION_RESOLVE] = { "HOST:PORT:ADDRESS", check_resolve, NULL },
    [OPTION_DIGEST] = { "a SHA-256, which is 64 hex digits", set_digest, NULL },
    [OPTION_REPO_TYPE] = { "model, dataset or space", set_repo_type,
                           "model dataset space" },
    [OPTION_PROGRESS] = { "auto, bar, plain or none", set_progress,
                          "auto bar plain none" },
    [OPTION_LAYOUT] = { "dir or hf-cache", set_layout, "dir hf-cache" },
    [OPTION_RECORDS] = { "inside, beside or none", set_records, "inside beside none" },
    [OPTION_PER_NODE_VERIFY] = { "full or segments", set_per_node_verify,
                                 "full segments" },
    [OPTION_STRIPE] = { "auto, none or a number from 1 to 2000", set_stripe,
                        "auto none" },
    [OPTION_COUNT] = { "a whole number from 0 to 1000000", set_count, NULL },
    [OPTION_SIZE] = { "a size such as 64M or 1.5GiB", set_size, NULL },
    [OPTION_BWLIMIT] = { "KiB per second, a size such as 10M, or off", set_bwlimit,
                         NULL },
    [OPTION_SEGMENT] = { "a size in whole MiB such as 16M", set_segment, NULL },
    [OPTION_SECONDS] = { "a time such as 0.5, 90 or 2m", set_seconds, NULL },
    [OPTION_PERIOD] = { "a time above 0 such as 15 or 2m", set_period, NULL },
    [OPTION_FLAG] = { "1, on, yes, true or 0, off, no, false", set_flag, NULL },
    [OPTION_HF_CACHE] = { "1, on, yes, true or 0, off, no, false", set_hf_cache, NULL },
    [OPTION_VERBOSE] = { "0, 1 or 2", set_verbose, NULL },
    [OPTION_QUIET] = { "1, on, yes, true or 0, off, no, false", set_quiet, NULL },
};

static void *field_of(const struct option *option, struct options *options)
{
    return (option->own ? (char *)options : (char *)&options->get) + option->field;
}

bool option_set(const struct option *option, struct options *options, const char *text)
{
    return kinds[option->kind].set(field_of(option, options), text);
}

void option_raise(const struct option *option, struct options *options)
{
    int *field = field_of(option, options);

    if (option->kind == OPTION_FLAG)
        *field = 1;
    else if (option->kind == OPTION_HF_CACHE)
        *(enum mpifetch_layout *)(void *)field = MPIFETCH_LAYOUT_HF_CACHE;
    else if (option->kind == OPTION_QUIET)
        *field = -1;
    else if (option->kind == OPTION_VERBOSE && *field < 2)
        *field = *field < 0 ? 1 : *field + 1;
}

const char *option_form(const struct option *option)
{
    return kinds[option->kind].form;
}

const char *option_choices(const struct option *option)
{
    return option->value ? kinds[option->kind].choices : NULL;
}

bool option_serves(const struct option *option, enum option_use use)
{
    unsigned uses = option->serves ? option->serves : FOR_GET;

    return (uses & use) != 0;
}

bool option_is_list(const struct option *option)
{
    return option->kind == OPTION_LIST || option->kind == OPTION_HEADER ||
           option->kind == OPTION_RESOLVE;
}

const struct option *option_find(const char *name, size_t len)
{
    for (size_t i = 0; i < option_count; i++)
        if (strlen(option_table[i].name) == len &&
            memcmp(option_table[i].name, name, len) == 0)
            return &option_table[i];
    return NULL;
}

const struct option *option_letter(char letter)
{
    for (size_t i = 0; i < option_count; i++)
        if (letter != 0 && option_table[i].letter == letter)
            return &option_table[i];
    return NULL;
}

const struct option *option_guess(const char *name, size_t len)
{
    const struct option *guess = NULL;
    int least = GUESS_SLIPS;

    for (size_t i = 0; i < option_count; i++)
        if (guess_closer(name, len, option_table[i].name, &least))
            guess = &option_table[i];
    return guess;
}

void option_twin(const struct option *option, struct strbuf *name)
{
    if (option->kind == OPTION_HELP || option->kind == OPTION_VERSION)
        return;
    strbuf_adds(name, "MPIFETCH_");
    for (const char *p = option->name; *p; p++) {
        char c = *p == '-' ? '_' : (char)toupper((unsigned char)*p);

        strbuf_add(name, &c, 1);
    }
}

void option_default(const struct option *option, struct strbuf *out)
{
    struct mpifetch_options defaults;
    const void *field = (const char *)&defaults + option->field;
    double value = 0;

    mpifetch_options_init(&defaults);
    if (option->kind == OPTION_COUNT)
        value = *(const unsigned *)field;
    else if (option->kind == OPTION_SIZE || option->kind == OPTION_SEGMENT)
        value = (double)*(const uint64_t *)field;
    else if (option->kind == OPTION_SECONDS || option->kind == OPTION_PERIOD)
        value = *(const double *)field;
    if (value > 0)
        strbuf_addf(out, " (default %g)", value);
}
