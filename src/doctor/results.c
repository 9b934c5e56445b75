#include "doctor/results.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { WIDTH = 100, NAME_COLUMN = 2, WORDS_COLUMN = 24, WORDS_MOST = 1200 };

/* Cut if it is longer than anybody wants to read. */
static char *format(const char *fmt, va_list args)
{
    char words[WORDS_MOST];
    int len = vsnprintf(words, sizeof(words), fmt, args);

    if (len >= (int)sizeof(words))
        utf8_cut(words, sizeof(words));
    utf8_mask(words);
    return strdup(words);
}

void results_section(struct results *results, const char *key, const char *fmt, ...)
{
    struct results_section *more;
    va_list args;

    if (results->failed)
        return;
    more = realloc(results->section, (results->nsections + 1) * sizeof(*more));
    if (!more) {
        results->failed = true;
        return;
    }
    results->section = more;
    more += results->nsections++;
    va_start(args, fmt);
    *more = (struct results_section){ key, format(fmt, args) };
    va_end(args);
    results->failed = !more->title;
}

struct results_row *results_row(struct results *results, const char *key,
                                const char *name, const char *verdict, const char *fmt,
                                ...)
{
    struct results_row *more;
    va_list args;

    if (results->failed || results->nsections == 0)
        return &results->spare;
    more = realloc(results->row, (results->nrows + 1) * sizeof(*more));
    if (!more) {
        results->failed = true;
        return &results->spare;
    }
    results->row = more;
    more += results->nrows++;
    va_start(args, fmt);
    *more = (struct results_row){ .section = results->nsections - 1,
                                  .key = key,
                                  .name = name,
                                  .verdict = verdict,
                                  .words = format(fmt, args) };
    va_end(args);
    results->failed = !more->words;
    return more;
}

static void pad(struct strbuf *out, size_t count)
{
    strbuf_addf(out, "%*s", (int)count, "");
}

void results_wrap(struct strbuf *out, const char *words, size_t from, size_t indent)
{
    size_t column = from;
    bool begun = false;

    while (*words) {
        size_t len = strcspn(words, " ");

        if (begun && column + 1 + len > WIDTH) {
            strbuf_adds(out, "\n");
            pad(out, indent);
            column = indent;
        } else if (begun) {
            strbuf_adds(out, " ");
            column++;
        }
        strbuf_add(out, words, len);
        column += len;
        begun = true;
        words += len;
        words += strspn(words, " ");
    }
    strbuf_adds(out, "\n");
}

void results_text(const struct results *results, struct strbuf *out)
{
    size_t row = 0;

    for (size_t i = 0; i < results->nsections; i++) {
        strbuf_addf(out, "\n%s\n", results->section[i].title);
        for (; row < results->nrows && results->row[row].section == i; row++) {
            const char *name = results->row[row].name;
            size_t len = strlen(name);

            pad(out, NAME_COLUMN);
            strbuf_adds(out, name);
            pad(out,
                len + NAME_COLUMN < WORDS_COLUMN ? WORDS_COLUMN - NAME_COLUMN - len : 1);
            results_wrap(out, results->row[row].words, WORDS_COLUMN, WORDS_COLUMN);
        }
    }
}

void results_release(struct results *results)
{
    for (size_t i = 0; i < results->nsections; i++)
        free(results->section[i].title);
    for (size_t i = 0; i < results->nrows; i++)
        free(results->row[i].words);
    free(results->section);
    free(results->row);
    *results = (struct results){ 0 };
}
