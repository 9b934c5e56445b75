/* io/credentials.h -- tokens, from the places where the Hub's own tools look; never printed. */
#ifndef IO_CREDENTIALS_H
#define IO_CREDENTIALS_H

#include "base/err.h"

/* The token for the Hub, or NULL if there is none; to be freed with credentials_release.
 * A token_file that is given must be readable, and then no other place is asked. Else, in
 * this order: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, and one file: that of HF_TOKEN_PATH, else
 * $HF_HOME/token, else ${XDG_CACHE_HOME:-~/.cache}/huggingface/token. A "~/" in front of
 * these paths is the home directory; a variable that is empty counts as not set.
 * Blanks and line ends around a token are dropped; an empty one is none.
 * HF_HUB_DISABLE_IMPLICIT_TOKEN (1, on, yes, true) leaves only token_file. A token with a
 * control character inside is ERR_USAGE (it would split a header), and so is a file that
 * is too long to hold one. */
int credentials_hub_token(const char *token_file, char **token, struct err *err);

void credentials_release(char **token); /* wiped first */

#endif
