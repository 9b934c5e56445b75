#include "doctor/sheet.h"

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

void sheet_section(struct sheet *sheet, const char *key, const char *fmt, ...)
{
    struct sheet_section *more;
    va_list args;

    if (sheet->failed)
        return;
    more = realloc(sheet->section, (sheet->nsections + 1) * sizeof(*more));
    if (!more) {
        sheet->failed = true;
        return;
    }
    sheet->section = more;
    more += sheet->nsections++;
    va_start(args, fmt);
    *more = (struct sheet_section){ key, format(fmt, args) };
    va_end(args);
    sheet->failed = !more->title;
}

struct sheet_row *sheet_row(struct sheet *sheet, const char *key, const char *name,
                            const char *verdict, const char *fmt, ...)
{
    struct sheet_row *more;
    va_list args;

    if (sheet->failed || sheet->nsections == 0)
        return &sheet->spare;
    more = realloc(sheet->row, (sheet->nrows + 1) * sizeof(*more));
    if (!more) {
        sheet->failed = true;
        return &sheet->spare;
    }
    sheet->row = more;
    more += sheet->nrows++;
    va_start(args, fmt);
    *more = (struct sheet_row){ .section = sheet->nsections - 1,
                                .key = key,
                                .name = name,
                                .verdict = verdict,
                                .words = format(fmt, args) };
    va_end(args);
    sheet->failed = !more->words;
    return more;
}

static void pad(struct strbuf *out, size_t count)
{
    strbuf_addf(out, "%*s", (int)count, "");
}

void sheet_wrap(struct strbuf *out, const char *words, size_t from, size_t indent)
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

void sheet_text(const struct sheet *sheet, struct strbuf *out)
{
    size_t row = 0;

    for (size_t i = 0; i < sheet->nsections; i++) {
        strbuf_addf(out, "\n%s\n", sheet->section[i].title);
        for (; row < sheet->nrows && sheet->row[row].section == i; row++) {
            const char *name = sheet->row[row].name;
            size_t len = strlen(name);

            pad(out, NAME_COLUMN);
            strbuf_adds(out, name);
            pad(out,
                len + NAME_COLUMN < WORDS_COLUMN ? WORDS_COLUMN - NAME_COLUMN - len : 1);
            sheet_wrap(out, sheet->row[row].words, WORDS_COLUMN, WORDS_COLUMN);
        }
    }
}

void sheet_release(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->nsections; i++)
        free(sheet->section[i].title);
    for (size_t i = 0; i < sheet->nrows; i++)
        free(sheet->row[i].words);
    free(sheet->section);
    free(sheet->row);
    *sheet = (struct sheet){ 0 };
}
