#include "app/guess.h"

#include <string.h>

enum { LONGEST = 24 };

static int distance(const char *a, size_t alen, const char *b, size_t blen)
{
    int row[LONGEST + 1];

    for (size_t j = 0; j <= blen; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= alen; i++) {
        int diagonal = row[0];

        row[0] = (int)i;
        for (size_t j = 1; j <= blen; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            row[j] = best;
        }
    }
    return row[blen];
}

bool guess_closer(const char *word, size_t len, const char *known, int *least)
{
    size_t known_len = strlen(known);
    int slips;

    if (len > LONGEST || known_len > LONGEST)
        return false;
    slips = distance(word, len, known, known_len);
    /* nothing of the word would be left */
    if (slips > *least || slips >= (int)len)
        return false;
    *least = slips - 1;
    return true;
}
