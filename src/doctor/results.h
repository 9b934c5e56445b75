/* doctor/results.h -- findings in order: sections with a title, in each rows with a name.
 *
 * Life cycle   zeroed struct, results_section, then results_row for what belongs to it;
 *              results_release.
 * Errors       out of memory sets failed, and later calls do nothing: checked once, at
 *              the end. */
#ifndef DOCTOR_RESULTS_H
#define DOCTOR_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct results_row {
    size_t section;      /* index */
    const char *key;     /* for programs, static: "rename_exchange" */
    const char *name;    /* for people, static */
    const char *verdict; /* one word for programs, static */
    const char *unit;    /* of number, static; NULL: there is none */
    double number;
    char *words;
};

struct results_section {
    const char *key; /* static */
    char *title;
};

struct results {
    struct results_section *section;
    size_t nsections;
    struct results_row *row;
    size_t nrows;
    struct results_row spare; /* takes what is told to a results that failed */
    bool failed;
};

void results_section(struct results *results, const char *key, const char *fmt, ...)
    ERR_PRINTF(3, 4);

/* The row returned lives until the next call, so that number and unit can be put in;
 * never NULL. */
struct results_row *results_row(struct results *results, const char *key,
                                const char *name, const char *verdict, const char *fmt,
                                ...) ERR_PRINTF(5, 6);

/* As text: a title a line, rows indented below it, long ones wrapped. */
void results_text(const struct results *results, struct strbuf *out);

/* Words behind an indent, lines no longer than 100 characters; the first line begins at
 * column `from`, the others are indented by `indent`. Ends the line. */
void results_wrap(struct strbuf *out, const char *words, size_t from, size_t indent);

void results_release(struct results *results);

#endif
