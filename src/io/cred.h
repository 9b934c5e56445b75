/* io/cred.h -- tokens, from the places where the Hub's own tools look; never printed. */
#ifndef IO_CRED_H
#define IO_CRED_H

#include "base/err.h"

/* The token for the Hub, or NULL if there is none; to be freed with cred_release.
 * Order: token_file (must be readable if given), HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the file
 * HF_TOKEN_PATH, $HF_HOME/token, ${XDG_CACHE_HOME:-~/.cache}/huggingface/token. Blanks and line
 * ends around it are dropped; empty is none. HF_HUB_DISABLE_IMPLICIT_TOKEN leaves only token_file.
 * A token with a control character inside is ERR_USAGE (it would split a header). */
int cred_hub_token(const char *token_file, char **token, struct err *err);

void cred_release(char **token); /* wiped first */

#endif
