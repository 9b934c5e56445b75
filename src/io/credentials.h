/* io/credentials.h -- tokens, from where the Hub's own tools look for them;
 * never printed. */
#ifndef IO_CREDENTIALS_H
#define IO_CREDENTIALS_H

#include "base/err.h"
#include "io/fs/fs_input.h"

/* The token for the Hub, or NULL if there is none; to be freed with credentials_release.
 * If token_file is given it must be readable, and nothing else is used. Otherwise, in
 * this order: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, and one file: that of HF_TOKEN_PATH, else
 * $HF_HOME/token, else ${XDG_CACHE_HOME:-~/.cache}/huggingface/token. A "~/" in front of
 * these paths is the home directory; an empty variable counts as unset.
 *
 * Blanks and line ends around a token are dropped; an empty token counts as none. With
 * HF_HUB_DISABLE_IMPLICIT_TOKEN (1, on, yes, true) only token_file is used. ERR_USAGE
 * for a token with a control character, which would split a header, and for a file
 * that is too long. */
int credentials_hub_token(const char *token_file, const struct fs_wait *wait,
                          char **token, struct err *err);

void credentials_release(char **token); /* wiped first */

#endif
