/* app/option_show.c -- the value of an option as text, without secrets. */
#include <stdint.h>
#include <string.h>

#include "app/option.h"
#include "base/url.h"

static const char hidden[] = "***";

/* A proxy may have a password without a scheme in front of it. */
static bool is_url(const struct option *option)
{
    return option->value && strcmp(option->value, "URL") == 0;
}

/* Somebody may write a certificate with its password, as for curl. */
static bool is_secret(const struct option *option, const char *text)
{
    return option->secret || (option->maybe_secret && strchr(text, ':'));
}

bool option_hides(const struct option *option, const char *text)
{
    const char *host = strstr(text, "://");
    char shown[512];

    if (is_url(option) && strcmp(url_redact(shown, sizeof(shown), text), text) != 0)
        return true;
    return is_secret(option, text) ||
           (host && memchr(host, '@', strcspn(host + 3, "/?#") + 3));
}

static void show_text(const struct option *option, const char *text, struct strbuf *out)
{
    char shown[512];

    if (!text)
        return;
    if (is_secret(option, text))
        strbuf_addf(out, "%.*s%s",
                    (int)(strcspn(text, ":") + (strchr(text, ':') != NULL)), text,
                    hidden);
    else if (option_hides(option, text))
        strbuf_adds(out, url_redact(shown, sizeof(shown), text));
    else
        strbuf_adds(out, text);
}

static void show_list(const struct option *option, const char *const *list,
                      struct strbuf *out)
{
    for (size_t i = 0; list && list[i]; i++) {
        strbuf_adds(out, i > 0 ? ", " : "");
        show_text(option, list[i], out);
    }
}

static void show_word(const struct option *option, int value, struct strbuf *out)
{
    const char *words = option_choices(option);
    struct options probe;

    /* The word that stores the same. */
    for (const char *at = words; at && *at; at += *at == ' ') {
        size_t len = strcspn(at, " ");
        char word[32];
        int found = -2;

        probe = (struct options){ .command = COMMAND_GET };
        memcpy(word, at, len);
        word[len] = '\0';
        if (option_set(option, &probe, word))
            memcpy(&found, (char *)&probe.get + option->field, sizeof(found));
        if (found == value) {
            strbuf_adds(out, word);
            return;
        }
        at += len;
    }
    if (option->kind == OPTION_STRIPE)
        strbuf_addf(out, "%d", value);
}

static bool is_on(enum option_kind kind, int number)
{
    if (kind == OPTION_HF_CACHE)
        return number == MPIFETCH_LAYOUT_HF_CACHE;
    return kind == OPTION_QUIET ? number < 0 : number != 0;
}

static void show_one(const struct option *option, const void *field, struct strbuf *out)
{
    int number = *(const int *)field;

    switch (option->kind) {
    case OPTION_TEXT:
    case OPTION_LOGIN:
    case OPTION_DIGEST:
    case OPTION_REPO_TYPE:
        show_text(option, *(const char *const *)field, out);
        break;
    case OPTION_PROGRESS:
    case OPTION_LAYOUT:
    case OPTION_RECORDS:
    case OPTION_PER_NODE_VERIFY:
    case OPTION_STRIPE:
        show_word(option, number, out);
        break;
    case OPTION_COUNT:
        strbuf_addf(out, "%u", *(const unsigned *)field);
        break;
    case OPTION_SIZE:
    case OPTION_SEGMENT:
        strbuf_addf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
        break;
    case OPTION_SECONDS:
    case OPTION_PERIOD:
        strbuf_addf(out, "%g", *(const double *)field);
        break;
    case OPTION_FLAG:
    case OPTION_HF_CACHE:
    case OPTION_QUIET:
        strbuf_adds(out, is_on(option->kind, number) ? "true" : "false");
        break;
    case OPTION_VERBOSE:
        strbuf_addf(out, "%d", number > 0 ? number : 0);
        break;
    case OPTION_LIST: /* see option_show */
    case OPTION_HEADER:
    case OPTION_RESOLVE:
    case OPTION_BWLIMIT: /* as limit-rate, which is shown */
    case OPTION_HELP:
    case OPTION_VERSION:
        break;
    }
}

void option_show(const struct option *option, const struct options *options,
                 struct strbuf *out)
{
    const void *field =
        (option->own ? (const char *)options : (const char *)&options->get) +
        option->field;

    if (option_is_list(option))
        show_list(option, *(const char *const *const *)field, out);
    else
        show_one(option, field, out);
}
