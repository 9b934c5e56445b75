/* doctor/sheet.h -- findings in order: sections with a title, in each rows with a name.
 *
 * Life cycle   zeroed struct, sheet_section, then sheet_row for what belongs to it;
 *              sheet_release.
 * Errors       out of memory sets failed, and later calls do nothing: checked once, at
 *              the end. */
#ifndef DOCTOR_SHEET_H
#define DOCTOR_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct sheet_row {
    size_t section;      /* index */
    const char *key;     /* for programs, static: "rename_exchange" */
    const char *name;    /* for people, static */
    const char *verdict; /* one word for programs, static */
    const char *unit;    /* of number, static; NULL: there is none */
    double number;
    char *words;
};

struct sheet_section {
    const char *key; /* static */
    char *title;
};

struct sheet {
    struct sheet_section *section;
    size_t nsections;
    struct sheet_row *row;
    size_t nrows;
    struct sheet_row spare; /* takes what is told to a sheet that failed */
    bool failed;
};

void sheet_section(struct sheet *sheet, const char *key, const char *fmt, ...)
    ERR_PRINTF(3, 4);

/* The row returned lives until the next call, so that number and unit can be put in;
 * never NULL. */
struct sheet_row *sheet_row(struct sheet *sheet, const char *key, const char *name,
                            const char *verdict, const char *fmt, ...) ERR_PRINTF(5, 6);

/* As text: a title a line, rows indented below it, long ones wrapped. */
void sheet_text(const struct sheet *sheet, struct strbuf *out);

/* Words behind an indent, lines no longer than 100 characters; the first line begins at
 * column `from`, the others are indented by `indent`. Ends the line. */
void sheet_wrap(struct strbuf *out, const char *words, size_t from, size_t indent);

void sheet_release(struct sheet *sheet);

#endif
