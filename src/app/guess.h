/* app/guess.h -- finds the word that a mistyped one is close to. */
#ifndef APP_GUESS_H
#define APP_GUESS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `known` is within *least edits of the first len characters of word, where an
 * edit inserts, drops or replaces a letter. If so *least becomes one less than that
 * distance, so that of many words only a closer one matches next. Begin with GUESS_SLIPS:
 * more edits make another word. */
enum { GUESS_SLIPS = 2 };
bool guess_closer(const char *word, size_t len, const char *known, int *least);

#endif
