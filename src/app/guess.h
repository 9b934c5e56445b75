/* app/guess.h -- what a mistyped word was meant to be. */
#ifndef APP_GUESS_H
#define APP_GUESS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether known is at most as far from the len characters of word as *least, counted in
 * letters to insert, drop or replace; *least is then that distance less one, so that of
 * many only a closer one follows. Begin with GUESS_SLIPS: more slips make another word.
 */
enum { GUESS_SLIPS = 2 };
bool guess_closer(const char *word, size_t len, const char *known, int *least);

#endif
